/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "io/harden.h"

#include <stdbool.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/attr.h"

WG_FLAGS_DEFINE(tl_hardening, TL_HARDENINGS)

/* Under a finite limit, locking all future memory would make an allocation fail some day. */
static bool may_lock_memory(void)
{
        const struct rlimit infinite = {RLIM_INFINITY, RLIM_INFINITY};
        struct rlimit limit;

        if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur == RLIM_INFINITY)
                return true;
        return setrlimit(RLIMIT_MEMLOCK, &infinite) == 0;
}

uint32_t tl_harden_process(void)
{
        const struct rlimit none = {0, 0};
        uint32_t done = 0;

        if (setrlimit(RLIMIT_CORE, &none) == 0)
                done |= TL_HARDEN_NO_CORE;
        if (prctl(PR_SET_DUMPABLE, 0) == 0)
                done |= TL_HARDEN_NO_DEBUG;
        /* MCL_ONFAULT: reserved memory takes no space until it is touched. */
        if (may_lock_memory() && mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0)
                done |= TL_HARDEN_NO_SWAP;
        return done;
}
