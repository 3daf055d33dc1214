/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * loop.h - waits for descriptors, wake-ups from other threads, signals and a deadline.
 *
 * The engine and each worker have their own loop and run it one round at a time, so that they can
 * do other things (timers, a quiescent point) between rounds:
 *
 *         while (running)
 *                 tl_loop_run(&loop, deadline_ns);
 *
 * A watch is a struct tl_watch in the caller's memory, usually inside a larger object; the loop
 * allocates nothing. A handler may add, change and remove any watch of its loop, including its own,
 * and free the memory of a removed one at once: pending reports of a removed watch are discarded
 * before they reach its handler.
 *
 * Threads: a loop and its watches belong to one thread; any thread may call tl_wake_set().
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
        int ready_count; /* reports of this round in `ready` */
        int ready_next;  /* the first one that has not been handled */
        bool has_pwait2; /* the kernel has epoll_pwait2(), with a resolution of 1 ns */
        struct epoll_event ready[TL_LOOP_BATCH];
};

/* A watched descriptor. Zeroed memory is a valid watch that is in no loop. */
struct tl_watch {
        struct tl_loop *loop; /* NULL: not watched */
        int fd;
        void (*ready)(void *ctx, uint32_t events); /* the events of epoll: EPOLLIN and so on */
        void *ctx;
};

/* Makes a loop without watches. Returns 0 or -errno. */
int tl_loop_init(struct tl_loop *loop) WG_MUST_USE;

/* Closes the loop; its watches must have been removed. Accepts NULL and a loop whose init
 * failed. */
void tl_loop_done(struct tl_loop *loop);

/* Calls ready(ctx, events) in each round in which fd has one of `events` (EPOLLIN, EPOLLOUT,
 * EPOLLET ...; EPOLLERR and EPOLLHUP are always reported). The watch must be in no loop, and its
 * memory must stay until it is removed. Returns 0 or -errno. */
int tl_loop_add(struct tl_loop *loop, struct tl_watch *watch, int fd, uint32_t events,
                void (*ready)(void *ctx, uint32_t events), void *ctx) WG_MUST_USE;

/* Changes the events to wait for. Returns 0 or -errno. */
int tl_loop_change(struct tl_watch *watch, uint32_t events) WG_MUST_USE;

/* Ends the watch; its handler is not called any more. Call it before closing the descriptor. Has no
 * effect on a watch that is in no loop. */
void tl_loop_remove(struct tl_watch *watch);

/* Runs one round: waits until a watch is ready or the deadline has come, then calls the handlers of
 * ready watches, at most TL_LOOP_BATCH. The deadline is a time of tl_clock_boot_ns(), or
 * TL_LOOP_NEVER; a past one does not wait. A round ends early if a signal handler ran, but not
 * without a reason. Time in suspend does not count as waiting; see clock.h. Must not be called from
 * a handler. Returns the number of handlers called, or -errno. */
int tl_loop_run(struct tl_loop *loop, uint64_t deadline_ns) WG_MUST_USE;

/* Lets other threads wake a loop. Any number of sets before the handler runs cost one system call
 * and cause one call of the handler. That call sees everything that a thread wrote before its
 * tl_wake_set(). */
struct tl_wake {
        struct tl_watch watch;
        int fd;
        atomic_bool is_set;
        void (*woken)(void *ctx);
        void *ctx;
};

/* Adds a wake-up to a loop, whose thread calls woken(ctx). Returns 0 or -errno. */
int tl_wake_init(struct tl_wake *wake, struct tl_loop *loop, void (*woken)(void *ctx),
                 void *ctx) WG_MUST_USE;

/* Removes it from the loop. No thread may call tl_wake_set() any more. Accepts NULL, and an object
 * whose init failed. */
void tl_wake_done(struct tl_wake *wake);

/* Wakes the loop. Any thread, and signal handlers. Never blocks. */
void tl_wake_set(struct tl_wake *wake);

/* Signals as events of a loop. */
struct tl_signals {
        struct tl_watch watch;
        int fd;
        sigset_t before; /* the mask to restore */
        void (*caught)(void *ctx, int signal);
        void *ctx;
};

/* Blocks the signals of `set` in the calling thread and reports them by caught(ctx, signal)
 * instead. Call it before other threads start: they inherit the mask, and a signal to a thread
 * without it would still kill the process. Returns 0 or -errno. */
int tl_signals_init(struct tl_signals *signals, struct tl_loop *loop, const sigset_t *set,
                    void (*caught)(void *ctx, int signal), void *ctx) WG_MUST_USE;

/* Restores the mask of the calling thread, which must be the one that called init. Accepts NULL,
 * and an object whose init failed. */
void tl_signals_done(struct tl_signals *signals);

#endif
