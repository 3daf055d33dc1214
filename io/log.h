/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * log.h - levelled, rate-limited messages to standard error or syslog, which never block.
 *
 * A line looks like `tielined[wg0]: error: text`, in colour if standard error is a terminal; syslog
 * gets `wg0: text` and the level as a priority. Each message, identified by the address of its
 * format, may appear TL_LOG_BURST times a second; the next one that appears is preceded by the
 * number of suppressed ones. Messages are truncated to TL_LOG_LINE bytes, and their control
 * characters replaced by '?', since strangers may have chosen parts of the text. Never log key
 * material.
 *
 * A message that cannot be delivered now (a stalled reader, a full disk, no syslogd) waits until
 * the next message or tl_log_work() tries again. Up to TL_LOG_WAITING messages wait; the others are
 * counted, and the count is logged once the log works again. Once standard error is closed, the log
 * goes to syslog.
 *
 * Threads: any may log; the other functions belong to the thread that made the log, before others
 * use it. Nothing is allocated. */
#ifndef IO_LOG_H
#define IO_LOG_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/enum.h"
#include "io/devlog.h"

/* Each level includes those before it. */
#define TL_LOG_LEVELS(X) \
        X(TL_LOG_SILENT, 0, silent, "nothing at all") \
        X(TL_LOG_ERROR, 1, error, "what does not work") \
        X(TL_LOG_WARNING, 2, warning, "what works, but not as it should") \
        X(TL_LOG_INFO, 3, info, "what an administrator wants to know") \
        X(TL_LOG_VERBOSE, 4, verbose, "each handshake, drop and change")
WG_ENUM_DECLARE(tl_log_level, TL_LOG_LEVELS)

enum {
        TL_LOG_BURST = 10,  /* equal messages per second */
        TL_LOG_LIMITS = 64, /* messages with a counter at any time */
        TL_LOG_LINE = 1024,
        TL_LOG_WAITING = 32,
        TL_LOG_NAME = 32, /* longer names of program or device are truncated */
};

/* How often one message has appeared in the current second. */
struct tl_log_limit {
        const char *format;
        uint64_t start_ns;
        uint32_t count, suppressed;
};

/* A waiting message. */
struct tl_log_entry {
        enum tl_log_level level;
        int64_t when_s; /* since 1970, UTC */
        char text[TL_LOG_LINE];
};

struct tl_log {
        /* const after init */
        char program[TL_LOG_NAME];
        char device[TL_LOG_NAME]; /* empty: none */
        enum tl_log_level level;
        bool has_colour;
        uint64_t (*now_ns)(void); /* tl_clock_boot_ns, or a test's */

        void (*wake)(void *ctx); /* requests a call of tl_log_work(); NULL: it is never called */
        void *wake_ctx;

        /* under the lock */
        pthread_mutex_t lock;
        int fd; /* standard error; -1: syslog */
        struct tl_devlog syslog;
        struct tl_log_entry waiting[TL_LOG_WAITING];
        unsigned int first, count;
        uint64_t lost;
        uint64_t connect_ns;         /* no connection is wanted until then */
        uint64_t retry_ns, pause_ns; /* time of the next attempt, and the pause after it */
        int error;                   /* of the last attempt: 0 or -errno */
        struct tl_log_limit limits[TL_LOG_LIMITS];
};

/* Makes a log to standard error. `device` may be NULL. Both names are copied. The process should
 * ignore SIGPIPE, or it dies when the reader of its messages goes away. */
void tl_log_init(struct tl_log *log, const char *program, const char *device,
                 enum tl_log_level level);

/* tl_log_to_syslog() sends later messages to syslog (facility daemon), for a process that leaves
 * its terminal. tl_log_prepare_syslog() comes first and opens everything needed, so that the switch
 * is possible in a process that may no longer open anything. Best effort: if it fails, messages to
 * syslog are lost. */
void tl_log_prepare_syslog(struct tl_log *log);
void tl_log_to_syslog(struct tl_log *log);

/* Sets a function that the logging thread calls when a message has to wait; NULL: none. */
void tl_log_set_wake(struct tl_log *log, void (*wake)(void *ctx), void *ctx);

/* Tries to deliver the waiting messages. Returns when to call it again; UINT64_MAX: after a
 * wake. */
uint64_t tl_log_work(struct tl_log *log, uint64_t now_ns);

/* Whether syslogd can only be reached by a connection that another process makes with
 * tl_devlog_connect(); true at most twice a second. tl_log_connect() takes ownership of the
 * connection. */
bool tl_log_wants_connection(struct tl_log *log, uint64_t now_ns) WG_MUST_USE;
void tl_log_connect(struct tl_log *log, int connection);

/* Ends the log. Accepts NULL. */
void tl_log_done(struct tl_log *log);

/* Reads a level: one of the names above or "debug" for verbose, in any case. Returns false and
 * changes nothing for other text. */
bool tl_log_parse_level(const char *text, enum tl_log_level *level) WG_MUST_USE;

/* Whether messages of that level appear; if not, there is no need to prepare one. */
WG_MUST_USE static inline bool tl_log_shows(const struct tl_log *log, enum tl_log_level level)
{
        return level != TL_LOG_SILENT && level <= log->level;
}

/* Logs one message, without a newline. Keeps errno. */
void tl_log(struct tl_log *log, enum tl_log_level level, const char *format, ...) WG_PRINTF(3, 4);

/* tl_log() in two halves, for messages whose arguments are costly and which a flood may cause.
 * tl_log_admits() returns whether one more message with this format may appear, and counts it if
 * not; tl_log_admitted() logs it. */
bool tl_log_admits(struct tl_log *log, enum tl_log_level level, const char *format) WG_MUST_USE;
void tl_log_admitted(struct tl_log *log, enum tl_log_level level, const char *format, ...)
        WG_PRINTF(3, 4);

#endif
