/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "io/log.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "io/clock.h"

WG_ENUM_DEFINE(tl_log_level, TL_LOG_LEVELS)

void tl_log_init(struct tl_log *log, const char *program, const char *device,
                 enum tl_log_level level)
{
        *log = (struct tl_log){.level = level,
                               .fd = STDERR_FILENO,
                               .syslog = {.fd = -1, .connection = -1},
                               .now_ns = tl_clock_boot_ns};
        log->has_colour = isatty(log->fd);
        snprintf(log->program, sizeof(log->program), "%s", program);
        snprintf(log->device, sizeof(log->device), "%s", device ? device : "");
        pthread_mutex_init(&log->lock, NULL);
}

void tl_log_prepare_syslog(struct tl_log *log)
{
        tzset(); /* it reads a file; messages have local time */
        (void)!tl_devlog_open(&log->syslog);
}

bool tl_log_parse_level(const char *text, enum tl_log_level *level)
{
        if (strcasecmp(text, "debug") == 0)
                text = tl_log_level_name(TL_LOG_VERBOSE);
        WG_ENUM_EACH(member, &tl_log_level_enum) {
                if (strcasecmp(text, member->name) != 0)
                        continue;
                *level = (enum tl_log_level)member->value;
                return true;
        }
        return false;
}

static int syslog_priority(enum tl_log_level level)
{
        switch (level) {
        case TL_LOG_ERROR:
                return LOG_ERR;
        case TL_LOG_WARNING:
                return LOG_WARNING;
        case TL_LOG_INFO:
                return LOG_INFO;
        case TL_LOG_SILENT:
        case TL_LOG_VERBOSE:
                break;
        }
        return LOG_DEBUG;
}

static const char *colour(enum tl_log_level level)
{
        switch (level) {
        case TL_LOG_ERROR:
                return "\033[31m"; /* red */
        case TL_LOG_WARNING:
                return "\033[33m"; /* yellow */
        case TL_LOG_VERBOSE:
                return "\033[2m"; /* faint */
        case TL_LOG_SILENT:
        case TL_LOG_INFO:
                break;
        }
        return "";
}

/* Text from strangers must not forge lines or control the terminal. */
static void disarm(char *text)
{
        for (; *text; text++)
                if ((unsigned char)*text < ' ' || *text == 0x7f)
                        *text = '?';
}

/* Whether a write would block. False for a closed descriptor, since the write fails at once. */
static bool is_busy(int fd)
{
        struct pollfd wanted = {.fd = fd, .events = POLLOUT};

        return poll(&wanted, 1, 0) == 0;
}

/* Writes each line with one call, so that lines of several processes do not mix. */
static int write_line(const struct tl_log *log, const struct tl_log_entry *entry)
{
        char line[TL_LOG_LINE + 2 * TL_LOG_NAME + 32];
        const char *start = log->has_colour ? colour(entry->level) : "";
        const char *end = *start ? "\033[0m" : "";
        bool has_device = log->device[0];
        int len = snprintf(line, sizeof(line), "%s%s%s%s%s: %s: %s%s\n", start, log->program,
                           has_device ? "[" : "", log->device, has_device ? "]" : "",
                           tl_log_level_name(entry->level), entry->text, end);

        WG_ASSERT(len > 0 && (size_t)len < sizeof(line));
        if (is_busy(log->fd))
                return -EAGAIN;
        while (write(log->fd, line, (size_t)len) < 0)
                if (errno != EINTR)
                        return -errno;
        return 0;
}

/* Formats as in RFC 3164, whose months are English in any locale. */
static int write_to_syslog(struct tl_log *log, const struct tl_log_entry *entry)
{
        static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
        char line[TL_LOG_LINE + 2 * TL_LOG_NAME + 64];
        time_t when = (time_t)entry->when_s;
        struct tm t = {.tm_mon = 0};
        int len;

        localtime_r(&when, &t); /* reads no file: tzset() did */
        len = snprintf(line, sizeof(line), "<%d>%s %2d %02d:%02d:%02d %s[%d]: %s%s%s",
                       LOG_DAEMON | syslog_priority(entry->level), months[t.tm_mon % 12], t.tm_mday,
                       t.tm_hour, t.tm_min, t.tm_sec, log->program, getpid(), log->device,
                       log->device[0] ? ": " : "", entry->text);
        WG_ASSERT(len > 0 && (size_t)len < sizeof(line));
        return tl_devlog_send(&log->syslog, line, (size_t)len);
}

/* Whether the reader or the terminal is gone for good. */
static bool is_closed(int error)
{
        return error == -EPIPE || error == -EBADF || error == -EIO || error == -ECONNRESET;
}

static struct tl_log_entry make(enum tl_log_level level, const char *text)
{
        struct tl_log_entry entry = {.level = level,
                                     .when_s = (int64_t)(tl_clock_real_ns() / TL_NS_PER_S)};

        snprintf(entry.text, sizeof(entry.text), "%s", text);
        return entry;
}

static int write_entry(struct tl_log *log, const struct tl_log_entry *entry)
{
        struct tl_log_entry notice;
        int error;

        if (log->fd < 0)
                return write_to_syslog(log, entry);
        error = write_line(log, entry);
        if (!is_closed(error) || log->syslog.fd < 0)
                return error;
        log->fd = -1;
        notice = make(TL_LOG_WARNING, "standard error was closed: the log goes to syslog");
        if (log->level >= TL_LOG_WARNING)
                (void)!write_to_syslog(log, &notice);
        return write_to_syslog(log, entry);
}

static int tell_lost(struct tl_log *log)
{
        struct tl_log_entry entry;
        char text[64];
        int error;

        snprintf(text, sizeof(text), "%llu log messages were lost", (unsigned long long)log->lost);
        entry = make(TL_LOG_ERROR, text);
        error = write_entry(log, &entry);
        if (!error)
                log->lost = 0;
        return error;
}

/* Writes the waiting messages in order, up to the first that fails. */
static int flush(struct tl_log *log)
{
        int error = 0;

        while (!error && log->count) {
                error = write_entry(log, &log->waiting[log->first]);
                if (error)
                        break;
                log->first = (log->first + 1) % TL_LOG_WAITING;
                log->count--;
                log->pause_ns = 0; /* the reader is back */
        }
        return !error && log->lost ? tell_lost(log) : error;
}

#define PAUSE_MIN_NS (20 * TL_NS_PER_MS)
#define PAUSE_MAX_NS (4 * TL_NS_PER_S)
#define CONNECT_PAUSE_NS (TL_NS_PER_S / 2)

/* Records the result of an attempt, and when to try again. */
static void settle(struct tl_log *log, int error)
{
        log->error = error;
        if (!error)
                log->pause_ns = 0;
}

static void put(struct tl_log *log, enum tl_log_level level, const char *text)
{
        struct tl_log_entry entry = make(level, text);
        bool must_wait;

        pthread_mutex_lock(&log->lock);
        settle(log, flush(log));
        if (!log->error)
                settle(log, write_entry(log, &entry));
        must_wait = log->error != 0;
        if (must_wait && log->count < TL_LOG_WAITING)
                log->waiting[(log->first + log->count++) % TL_LOG_WAITING] = entry;
        else if (must_wait)
                log->lost++;
        pthread_mutex_unlock(&log->lock);
        if (must_wait && log->wake)
                log->wake(log->wake_ctx);
}

void tl_log_set_wake(struct tl_log *log, void (*wake)(void *ctx), void *ctx)
{
        log->wake_ctx = ctx;
        log->wake = wake;
}

uint64_t tl_log_work(struct tl_log *log, uint64_t now_ns)
{
        uint64_t next_ns = UINT64_MAX;

        pthread_mutex_lock(&log->lock);
        if ((log->count || log->lost) && log->pause_ns && now_ns < log->retry_ns) {
                next_ns = log->retry_ns;
        } else if (log->count || log->lost) {
                settle(log, flush(log));
                if (log->error) {
                        log->pause_ns = WG_MIN(WG_MAX(2 * log->pause_ns, PAUSE_MIN_NS),
                                               PAUSE_MAX_NS);
                        next_ns = log->retry_ns = now_ns + log->pause_ns;
                }
        }
        pthread_mutex_unlock(&log->lock);
        return next_ns;
}

bool tl_log_wants_connection(struct tl_log *log, uint64_t now_ns)
{
        bool wants;

        pthread_mutex_lock(&log->lock);
        wants = log->fd < 0 && log->syslog.wants_connection && now_ns >= log->connect_ns;
        if (wants)
                log->connect_ns = now_ns + CONNECT_PAUSE_NS;
        pthread_mutex_unlock(&log->lock);
        return wants;
}

void tl_log_connect(struct tl_log *log, int connection)
{
        pthread_mutex_lock(&log->lock);
        tl_devlog_adopt(&log->syslog, connection);
        log->pause_ns = 0;
        pthread_mutex_unlock(&log->lock);
}

void tl_log_to_syslog(struct tl_log *log)
{
        pthread_mutex_lock(&log->lock);
        settle(log, flush(log));
        log->fd = -1;
        pthread_mutex_unlock(&log->lock);
}

/* Gives waiting messages up to 200 ms more. */
void tl_log_done(struct tl_log *log)
{
        enum { TRIES = 20, PAUSE_MS = 10 };

        if (!log)
                return;
        for (int i = 0; i < TRIES && (log->count || log->lost); i++) {
                log->error = flush(log);
                if (log->error != -EAGAIN)
                        break;
                poll(NULL, 0, PAUSE_MS);
        }
        tl_devlog_close(&log->syslog);
        pthread_mutex_destroy(&log->lock);
}

/* The counter of one message. If the table is full, the one whose second began first is
 * replaced. */
static struct tl_log_limit *find_limit(struct tl_log *log, const char *format)
{
        struct tl_log_limit *oldest = &log->limits[0];

        for (size_t i = 0; i < TL_LOG_LIMITS; i++) {
                struct tl_log_limit *limit = &log->limits[i];

                if (limit->format == format)
                        return limit;
                if (limit->start_ns < oldest->start_ns)
                        oldest = limit;
        }
        *oldest = (struct tl_log_limit){.format = format};
        return oldest;
}

/* Whether the message may appear now. *suppressed: how many were suppressed before it. */
static bool may_appear(struct tl_log *log, const char *format, uint32_t *suppressed)
{
        struct tl_log_limit *limit;
        uint64_t now_ns;
        bool may;

        pthread_mutex_lock(&log->lock);
        now_ns = log->now_ns();
        limit = find_limit(log, format);
        *suppressed = 0;
        if (!limit->count || now_ns - limit->start_ns >= TL_NS_PER_S) {
                *suppressed = limit->suppressed;
                *limit = (struct tl_log_limit){.format = format, .start_ns = now_ns};
        }
        may = limit->count < TL_LOG_BURST;
        if (may)
                limit->count++;
        else if (limit->suppressed < UINT32_MAX)
                limit->suppressed++;
        pthread_mutex_unlock(&log->lock);
        return may;
}

bool tl_log_admits(struct tl_log *log, enum tl_log_level level, const char *format)
{
        char text[TL_LOG_LINE];
        uint32_t suppressed;
        int saved = errno;

        if (!tl_log_shows(log, level) || !may_appear(log, format, &suppressed))
                return false;
        if (suppressed) {
                snprintf(text, sizeof(text), "%u similar messages were suppressed", suppressed);
                put(log, level, text);
        }
        errno = saved;
        return true;
}

static void WG_PRINTF(3, 0) put_formatted(struct tl_log *log, enum tl_log_level level,
                                          const char *format, va_list arguments)
{
        char text[TL_LOG_LINE];
        int saved = errno;

        vsnprintf(text, sizeof(text), format, arguments);
        disarm(text);
        put(log, level, text);
        errno = saved;
}

void tl_log_admitted(struct tl_log *log, enum tl_log_level level, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        put_formatted(log, level, format, arguments);
        va_end(arguments);
}

void tl_log(struct tl_log *log, enum tl_log_level level, const char *format, ...)
{
        va_list arguments;

        if (!tl_log_admits(log, level, format))
                return;
        va_start(arguments, format);
        put_formatted(log, level, format, arguments);
        va_end(arguments);
}
