/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "io/harden.h"

#include <linux/capability.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/attr.h"

WG_FLAGS_DEFINE(tl_hardening, TL_HARDENINGS)

/* Whether the capability is in force for this thread. libc has no call for it. */
static bool has_capability(unsigned int capability)
{
        struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
        struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};

        if (syscall(SYS_capget, &header, data) < 0)
                return false;
        return data[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability);
}

/* Under a finite limit, locking all memory to come would make an allocation fail one day. */
static bool may_lock_memory(void)
{
        const struct rlimit infinite = {RLIM_INFINITY, RLIM_INFINITY};
        struct rlimit limit;

        if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur == RLIM_INFINITY)
                return true;
        return setrlimit(RLIMIT_MEMLOCK, &infinite) == 0 || has_capability(CAP_IPC_LOCK);
}

uint32_t tl_harden_process(void)
{
        const struct rlimit none = {0, 0};
        uint32_t done = 0;

        if (setrlimit(RLIMIT_CORE, &none) == 0)
                done |= TL_HARDEN_NO_CORE;
        if (prctl(PR_SET_DUMPABLE, 0) == 0)
                done |= TL_HARDEN_NO_DEBUG;
        /* On fault: memory that was reserved but never touched takes none. */
        if (may_lock_memory() && mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0)
                done |= TL_HARDEN_NO_SWAP;
        return done;
}
