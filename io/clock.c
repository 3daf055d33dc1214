/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "io/clock.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

/* The most by which two readings of one moment can differ, and the shortest suspend that counts.
 * The second is much larger, so that a preempted thread never looks like a suspend. */
#define READING_NS (1 * TL_NS_PER_MS)
#define SLEEP_NS (50 * TL_NS_PER_MS)

/* The latest time that the type can hold and the kernel can count to. If the clock were set past
 * the timer's time, the timer would expire and could not be cancelled again. */
#define NEVER_S ((time_t)(sizeof(time_t) > 4 ? INT64_C(9000000000) : INT32_MAX)) /* 2255 or 2038 */

static uint64_t read_clock(clockid_t id)
{
        struct timespec now;
        int result = clock_gettime(id, &now);

        WG_ASSERT(result == 0); /* every Linux has the clocks used here */
        return (uint64_t)now.tv_sec * TL_NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t tl_clock_boot_ns(void)
{
        return read_clock(CLOCK_BOOTTIME);
}

uint64_t tl_clock_real_ns(void)
{
        return read_clock(CLOCK_REALTIME);
}

uint64_t tl_clock_thread_ns(void)
{
        return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

/* The time that the machine has slept since boot, which the monotonic clock leaves out. */
static uint64_t read_slept_ns(void)
{
        for (;;) {
                uint64_t before = read_clock(CLOCK_MONOTONIC);
                uint64_t boot = read_clock(CLOCK_BOOTTIME);
                uint64_t after = read_clock(CLOCK_MONOTONIC);

                if (after - before < READING_NS)
                        return boot - before;
        }
}

int tl_suspend_init(struct tl_suspend *suspend)
{
        /* The timer must not expire but be cancelled, by anything that shifts real time against
         * monotonic time; the end of a suspend does. */
        struct itimerspec never = {.it_value.tv_sec = NEVER_S};
        int result;

        suspend->slept_ns = read_slept_ns();
        suspend->fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
        if (suspend->fd < 0)
                return -errno;
        if (timerfd_settime(suspend->fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never,
                            NULL) == 0)
                return 0;
        result = -errno;
        tl_suspend_done(suspend);
        return result;
}

void tl_suspend_done(struct tl_suspend *suspend)
{
        if (!suspend || suspend->fd < 0)
                return;
        close(suspend->fd);
        suspend->fd = -1;
}

bool tl_suspend_check(struct tl_suspend *suspend)
{
        uint64_t expirations;
        uint64_t slept_ns = read_slept_ns();
        bool has_slept = slept_ns > suspend->slept_ns + SLEEP_NS;

        /* The read fails with ECANCELED and rearms the timer. */
        while (read(suspend->fd, &expirations, sizeof(expirations)) < 0 && errno == EINTR)
                continue;
        if (has_slept)
                suspend->slept_ns = slept_ns;
        return has_slept;
}
