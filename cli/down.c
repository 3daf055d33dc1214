/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "cli/down.h"

#include <stdio.h>

#include "cli/networks.h"
#include "host/run.h"
#include "node/down.h"

int tl_cli_down(const struct tl_call *call)
{
        char name[IF_NAMESIZE];
        bool was_up = false;
        int status = tl_networks_name(name, tl_call_network(call));

        if (status)
                return status;
        tl_run_init();
        if (!tl_down(name, &was_up))
                return TL_CLI_FAILED;
        printf("%s: %s\n", name, was_up ? "taken down" : "nothing to take down");
        return TL_CLI_YES;
}
