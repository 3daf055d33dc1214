/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "io/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

int tl_netns_enter(int netns)
{
        int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), error;

        if (home < 0)
                return -errno;
        if (setns(netns, CLONE_NEWNET) == 0)
                return home;
        error = -errno;
        close(home);
        return error;
}

void tl_netns_leave(int home)
{
        WG_ASSERT(setns(home, CLONE_NEWNET) == 0);
        close(home);
}
