/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * log.h - levelled, rate-limited messages to standard error or to syslog.
 *
 * A line looks like `tielined[wg0]: error: text`, in colour where standard error is a terminal;
 * syslog gets `wg0: text` and the level by its own means. Each message (told apart by the address of
 * its format) may appear TL_LOG_BURST times a second; how many were held back is said before the
 * next one like it. A message is cut at TL_LOG_LINE bytes, and control characters in it are shown as
 * '?', for it may hold text that strangers chose. Never hand it key material.
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

/* Each level includes those before it. */
#define TL_LOG_LEVELS(X) \
        X(TL_LOG_SILENT, 0, silent, "nothing at all") \
        X(TL_LOG_ERROR, 1, error, "what does not work") \
        X(TL_LOG_WARNING, 2, warning, "what works, but not as it should") \
        X(TL_LOG_INFO, 3, info, "what an administrator wants to know") \
        X(TL_LOG_VERBOSE, 4, verbose, "each handshake, drop and change")
WG_ENUM_DECLARE(tl_log_level, TL_LOG_LEVELS)

enum {
        TL_LOG_BURST = 10,  /* equal messages a second */
        TL_LOG_LIMITS = 64, /* messages that are counted apart at one time */
        TL_LOG_LINE = 1024,
        TL_LOG_NAME = 32, /* a longer name of program or device is cut */
};

/* How often one message appeared in the running second. */
struct tl_log_limit {
        const char *format;
        uint64_t start_ns;
        uint32_t count, suppressed;
};

struct tl_log {
        /* const after init */
        char program[TL_LOG_NAME];
        char device[TL_LOG_NAME]; /* empty: none */
        enum tl_log_level level;
        int fd; /* standard error; -1: syslog */
        bool has_colour;
        uint64_t (*now_ns)(void); /* tl_clock_boot_ns, or a test's */

        /* under the lock */
        pthread_mutex_t lock;
        struct tl_log_limit limits[TL_LOG_LIMITS];
};

/* Makes a log to standard error. `device` may be NULL. Both names are copied. Let the process ignore
 * SIGPIPE, or it dies with the reader of its messages. */
void tl_log_init(struct tl_log *log, const char *program, const char *device,
                 enum tl_log_level level);

/* Sends what follows to syslog instead (facility daemon): for a process that leaves its terminal.
 * At most one log of a process may do so, and its struct must stay until tl_log_done(). Preparing
 * comes first and opens all that this takes, so that a process can switch over when it may open
 * nothing any more. */
void tl_log_prepare_syslog(const struct tl_log *log);
void tl_log_to_syslog(struct tl_log *log);

/* Ends the log. Takes NULL. */
void tl_log_done(struct tl_log *log);

/* Reads a level: one of the names above, or "debug" for verbose; case does not matter. Returns false
 * and changes nothing where it is none. */
bool tl_log_parse_level(const char *text, enum tl_log_level *level) WG_MUST_USE;

/* Whether messages of that level appear: to skip the work of preparing one. */
WG_MUST_USE static inline bool tl_log_shows(const struct tl_log *log, enum tl_log_level level)
{
        return level != TL_LOG_SILENT && level <= log->level;
}

/* Logs one message, without a newline. Keeps errno. */
void tl_log(struct tl_log *log, enum tl_log_level level, const char *format, ...) WG_PRINTF(3, 4);

/* The same in two halves, where preparing the arguments costs something and a flood may ask for it:
 * whether one more message with this format may appear (counts it if not), and logging it then. */
bool tl_log_admits(struct tl_log *log, enum tl_log_level level, const char *format) WG_MUST_USE;
void tl_log_admitted(struct tl_log *log, enum tl_log_level level, const char *format, ...)
        WG_PRINTF(3, 4);

#endif
