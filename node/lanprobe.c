/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "node/lanprobe.h"

#include <errno.h>
#include <string.h>

#include "io/fail.h"
#include "node/lanlease.h"
#include "node/lanrouter.h"
#include "node/probejobs.h"
#include "node/taking.h"

static int probe(struct tl_probejobs *jobs, struct tl_machine *machine, bool *is_good)
{
        struct tl_taking *takings;
        struct tl_lanlease *leases = NULL;
        struct tl_lanrouter *routers = NULL;
        int error = tl_taking_begin(&takings, jobs, machine);

        if (!error)
                error = tl_lanlease_begin(&leases, jobs, takings, &machine->local);
        if (!error)
                error = tl_lanrouter_begin(&routers, jobs, machine);
        if (!error)
                error = tl_probejobs_run(jobs);
        if (error)
                return error;
        *is_good = tl_taking_report(takings, machine);
        tl_lanlease_report(leases, machine);
        tl_lanrouter_report(routers, machine);
        return 0;
}

bool tl_lanprobe_run(struct tl_machine *machine)
{
        struct tl_probejobs jobs;
        bool is_good = false;
        int error = tl_probejobs_init(&jobs);

        if (!error)
                error = probe(&jobs, machine, &is_good);
        tl_probejobs_done(&jobs);
        return error ? tl_fail("cannot probe the LAN: %s (--no-probe skips this)", strerror(-error))
                     : is_good;
}
