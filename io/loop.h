/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * loop.h - waits for descriptors, wake-ups from other threads, signals and a deadline.
 *
 * The engine and each worker has a loop of its own and runs it one round at a time, so that it can
 * do its own things (timers, a quiescent point) between two rounds:
 *
 *         while (running)
 *                 tl_loop_run(&loop, deadline_ns);
 *
 * What is watched is a struct tl_watch in the caller's memory, most often inside the object that it
 * concerns; the loop allocates nothing. A handler may add, change and remove any watch of its loop,
 * its own too, and free the memory of a removed one at once: what was already reported to the
 * running round for a removed watch is struck out before its handler could be called.
 *
 * Threads: a loop and its watches belong to one thread; tl_wake_set() alone may be called by any.
 * Source: epoll(7), eventfd(2), signalfd(2). */
#ifndef IO_LOOP_H
#define IO_LOOP_H

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "base/attr.h"

#define TL_LOOP_BATCH 32

/* A deadline that never comes. */
#define TL_LOOP_NEVER UINT64_MAX

struct tl_loop {
        int fd;          /* of the epoll instance */
        int ready_count; /* how many of `ready` this round has got */
        int ready_next;  /* the first one that has not been handled yet */
        bool has_pwait2; /* the kernel can wait to the nanosecond */
        struct epoll_event ready[TL_LOOP_BATCH];
};

/* One watched descriptor. Zeroed memory is a valid watch that is in no loop. */
struct tl_watch {
        struct tl_loop *loop; /* NULL: not watched */
        int fd;
        void (*ready)(void *ctx, uint32_t events); /* EPOLLIN and the like, as epoll reports them */
        void *ctx;
};

/* Makes a loop that watches nothing. Returns 0 or -errno. */
int tl_loop_init(struct tl_loop *loop) WG_MUST_USE;

/* Releases the loop. Its watches must have been removed. Takes NULL, and a loop whose init failed. */
void tl_loop_done(struct tl_loop *loop);

/* Calls ready(ctx, events) in each round in which fd has one of `events` (EPOLLIN, EPOLLOUT,
 * EPOLLET ...; EPOLLERR and EPOLLHUP come unasked). The watch must be in no loop, and its memory
 * must stay until it is removed. Returns 0 or -errno. */
int tl_loop_add(struct tl_loop *loop, struct tl_watch *watch, int fd, uint32_t events,
                void (*ready)(void *ctx, uint32_t events), void *ctx) WG_MUST_USE;

/* Waits for other events from now on. Returns 0 or -errno. */
int tl_loop_change(struct tl_watch *watch, uint32_t events) WG_MUST_USE;

/* Ends the watch; its handler is not called any more. Do this before closing the descriptor.
 * Harmless for a watch that is in no loop. */
void tl_loop_remove(struct tl_watch *watch);

/* One round: waits until a watch is ready or the deadline has come, then calls the handlers of what
 * is ready, at most TL_LOOP_BATCH. The deadline is a time of tl_clock_boot_ns(), or TL_LOOP_NEVER;
 * one in the past does not wait. A round never ends before it for nothing (a signal handler that ran
 * is something); time in suspend does not count as waiting, see clock.h. Not from a handler. Returns
 * how many handlers were called, or -errno. */
int tl_loop_run(struct tl_loop *loop, uint64_t deadline_ns) WG_MUST_USE;

/* Lets other threads wake a loop. Any number of sets before the woken handler runs cost one system
 * call and call the handler once; what a thread wrote before tl_wake_set() is seen by the call of
 * the handler that follows it. */
struct tl_wake {
        struct tl_watch watch;
        int fd;
        atomic_bool is_set;
        void (*woken)(void *ctx);
        void *ctx;
};

/* Puts a wake-up into a loop, whose thread calls woken(ctx). Returns 0 or -errno. */
int tl_wake_init(struct tl_wake *wake, struct tl_loop *loop, void (*woken)(void *ctx),
                 void *ctx) WG_MUST_USE;

/* Takes it out of the loop. Nobody may call tl_wake_set() any more. Takes NULL, and one whose init
 * failed. */
void tl_wake_done(struct tl_wake *wake);

/* Wakes the loop. Any thread; also from a signal handler. Never blocks. */
void tl_wake_set(struct tl_wake *wake);

/* Signals as events of a loop. */
struct tl_signals {
        struct tl_watch watch;
        int fd;
        sigset_t before; /* the mask to restore */
        void (*caught)(void *ctx, int signal);
        void *ctx;
};

/* Blocks the `signals` in the calling thread and reports them by caught(ctx, signal) instead. Call
 * it before other threads are made: they inherit the mask, and a thread without it would still be
 * killed. Returns 0 or -errno. */
int tl_signals_init(struct tl_signals *signals, struct tl_loop *loop, const sigset_t *set,
                    void (*caught)(void *ctx, int signal), void *ctx) WG_MUST_USE;

/* Restores the mask of the calling thread, which must be the one of init. Takes NULL, and one whose
 * init failed. */
void tl_signals_done(struct tl_signals *signals);

#endif
