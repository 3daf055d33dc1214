/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "io/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/file.h>
#include <unistd.h>

/* Enters a namespace; -1: a new one. */
static int enter(int netns)
{
        int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), error;

        if (home < 0)
                return -errno;
        if ((netns < 0 ? unshare(CLONE_NEWNET) : setns(netns, CLONE_NEWNET)) == 0)
                return home;
        error = -errno;
        close(home);
        return error;
}

int tl_netns_enter(int netns)
{
        return netns < 0 ? -EBADF : enter(netns);
}

int tl_netns_enter_new(void)
{
        return enter(-1);
}

void tl_netns_leave(int home)
{
        WG_ASSERT(setns(home, CLONE_NEWNET) == 0);
        close(home);
}

/* The lock is on the file of the namespace. Unlike a file in /run, it is the same for all processes
 * in the namespace, whichever container they are in. */
int tl_netns_lock(unsigned int timeout_ms)
{
        enum { RETRY_MS = 10 };
        int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), error;

        if (fd < 0)
                return -errno;
        for (unsigned int ms = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; ms += RETRY_MS) {
                error = errno;
                if (error != EWOULDBLOCK && error != EINTR) {
                        close(fd);
                        return -error;
                }
                if (ms >= timeout_ms) {
                        close(fd);
                        return -ETIMEDOUT;
                }
                poll(NULL, 0, RETRY_MS);
        }
        return fd;
}
