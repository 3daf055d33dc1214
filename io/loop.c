/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "io/loop.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/clock.h"

int tl_loop_init(struct tl_loop *loop)
{
        *loop = (struct tl_loop){.has_pwait2 = true};
        loop->fd = epoll_create1(EPOLL_CLOEXEC);
        return loop->fd < 0 ? -errno : 0;
}

void tl_loop_done(struct tl_loop *loop)
{
        if (!loop || loop->fd < 0)
                return;
        close(loop->fd);
        loop->fd = -1;
}

int tl_loop_add(struct tl_loop *loop, struct tl_watch *watch, int fd, uint32_t events,
                void (*ready)(void *ctx, uint32_t events), void *ctx)
{
        struct epoll_event event = {.events = events, .data.ptr = watch};

        WG_ASSERT(!watch->loop);
        if (epoll_ctl(loop->fd, EPOLL_CTL_ADD, fd, &event) < 0)
                return -errno;
        *watch = (struct tl_watch){.loop = loop, .fd = fd, .ready = ready, .ctx = ctx};
        return 0;
}

int tl_loop_change(struct tl_watch *watch, uint32_t events)
{
        struct epoll_event event = {.events = events, .data.ptr = watch};

        return epoll_ctl(watch->loop->fd, EPOLL_CTL_MOD, watch->fd, &event) < 0 ? -errno : 0;
}

void tl_loop_remove(struct tl_watch *watch)
{
        struct tl_loop *loop = watch->loop;

        if (!loop)
                return;
        epoll_ctl(loop->fd, EPOLL_CTL_DEL, watch->fd, NULL);
        /* The kernel forgets the descriptor, but the current round may still hold a report of
         * it. */
        for (int i = loop->ready_next; i < loop->ready_count; i++)
                if (loop->ready[i].data.ptr == watch)
                        loop->ready[i].data.ptr = NULL;
        watch->loop = NULL;
}

/* Waits until the deadline, with the millisecond resolution of old kernels. Rounds up, or the
 * caller would spin through the last millisecond. */
static int wait_ms(struct tl_loop *loop, uint64_t left_ns)
{
        uint64_t ms = left_ns / TL_NS_PER_MS + (left_ns % TL_NS_PER_MS != 0);

        return epoll_wait(loop->fd, loop->ready, TL_LOOP_BATCH, (int)WG_MIN(ms, INT32_MAX));
}

static int wait_ready(struct tl_loop *loop, uint64_t deadline_ns)
{
        uint64_t now_ns, left_ns;
        struct timespec left;
        int count;

        if (deadline_ns == TL_LOOP_NEVER)
                return epoll_wait(loop->fd, loop->ready, TL_LOOP_BATCH, -1);
        if (deadline_ns == 0)
                return epoll_wait(loop->fd, loop->ready, TL_LOOP_BATCH, 0);
        now_ns = tl_clock_boot_ns();
        left_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
        if (!loop->has_pwait2)
                return wait_ms(loop, left_ns);
        left.tv_sec = (time_t)(left_ns / TL_NS_PER_S);
        left.tv_nsec = (long)(left_ns % TL_NS_PER_S);
        count = epoll_pwait2(loop->fd, loop->ready, TL_LOOP_BATCH, &left, NULL);
        /* ENOSYS: Linux before 5.11; EPERM: a container filter of that age. */
        if (count >= 0 || (errno != ENOSYS && errno != EPERM))
                return count;
        loop->has_pwait2 = false;
        return wait_ms(loop, left_ns);
}

int tl_loop_run(struct tl_loop *loop, uint64_t deadline_ns)
{
        int count = wait_ready(loop, deadline_ns), called = 0;

        if (count < 0)
                return errno == EINTR ? 0 : -errno;
        loop->ready_count = count;
        for (loop->ready_next = 0; loop->ready_next < loop->ready_count;) {
                const struct epoll_event *event = &loop->ready[loop->ready_next++];
                const struct tl_watch *watch = event->data.ptr;

                if (!watch)
                        continue;
                watch->ready(watch->ctx, event->events);
                called++;
        }
        loop->ready_count = 0;
        return called;
}

/* Drains the counter before it clears the flag. In the reverse order, a thread could set flag and
 * counter in between; then the counter would be drained while the flag stays set, and no thread
 * would write to the counter again. The exchange also makes everything that a thread wrote before a
 * tl_wake_set() visible to the handler, even if that call found the flag set. */
static void drain_wake(void *ctx, uint32_t events WG_UNUSED)
{
        struct tl_wake *wake = ctx;
        eventfd_t count;

        eventfd_read(wake->fd, &count);
        atomic_exchange(&wake->is_set, false);
        wake->woken(wake->ctx);
}

int tl_wake_init(struct tl_wake *wake, struct tl_loop *loop, void (*woken)(void *ctx), void *ctx)
{
        int result;

        *wake = (struct tl_wake){.woken = woken, .ctx = ctx};
        atomic_init(&wake->is_set, false);
        wake->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        if (wake->fd < 0)
                return -errno;
        result = tl_loop_add(loop, &wake->watch, wake->fd, EPOLLIN, drain_wake, wake);
        if (result < 0)
                tl_wake_done(wake);
        return result;
}

void tl_wake_done(struct tl_wake *wake)
{
        if (!wake || wake->fd < 0)
                return;
        tl_loop_remove(&wake->watch);
        close(wake->fd);
        wake->fd = -1;
}

void tl_wake_set(struct tl_wake *wake)
{
        int saved = errno; /* may run in a signal handler */

        if (!atomic_exchange(&wake->is_set, true))
                eventfd_write(wake->fd, 1);
        errno = saved;
}

static void read_signals(void *ctx, uint32_t events WG_UNUSED)
{
        struct tl_signals *signals = ctx;
        struct signalfd_siginfo info;

        /* Only one per round: the handler may end the watch, and `signals` with it. */
        if (read(signals->fd, &info, sizeof(info)) == sizeof(info))
                signals->caught(signals->ctx, (int)info.ssi_signo);
}

int tl_signals_init(struct tl_signals *signals, struct tl_loop *loop, const sigset_t *set,
                    void (*caught)(void *ctx, int signal), void *ctx)
{
        int result;

        *signals = (struct tl_signals){.fd = -1, .caught = caught, .ctx = ctx};
        result = -pthread_sigmask(SIG_BLOCK, set, &signals->before);
        if (result < 0)
                return result;
        signals->fd = signalfd(-1, set, SFD_NONBLOCK | SFD_CLOEXEC);
        if (signals->fd < 0) {
                result = -errno;
                pthread_sigmask(SIG_SETMASK, &signals->before, NULL);
                return result;
        }
        result = tl_loop_add(loop, &signals->watch, signals->fd, EPOLLIN, read_signals, signals);
        if (result < 0)
                tl_signals_done(signals);
        return result;
}

void tl_signals_done(struct tl_signals *signals)
{
        if (!signals || signals->fd < 0)
                return;
        tl_loop_remove(&signals->watch);
        close(signals->fd);
        signals->fd = -1;
        pthread_sigmask(SIG_SETMASK, &signals->before, NULL);
}
