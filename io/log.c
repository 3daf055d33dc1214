/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "io/log.h"

#include <errno.h>
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
        *log = (struct tl_log){.level = level, .fd = STDERR_FILENO, .now_ns = tl_clock_boot_ns};
        log->has_colour = isatty(log->fd);
        snprintf(log->program, sizeof(log->program), "%s", program);
        snprintf(log->device, sizeof(log->device), "%s", device ? device : "");
        pthread_mutex_init(&log->lock, NULL);
}

void tl_log_prepare_syslog(const struct tl_log *log)
{
        tzset(); /* it reads a file, and messages bear the local time */
        openlog(log->program, LOG_PID | LOG_NDELAY, LOG_DAEMON);
}

void tl_log_to_syslog(struct tl_log *log)
{
        log->fd = -1;
}

void tl_log_done(struct tl_log *log)
{
        if (!log)
                return;
        if (log->fd < 0)
                closelog(); /* it points to our name */
        pthread_mutex_destroy(&log->lock);
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

/* What a stranger chose must not forge lines or command the terminal. */
static void disarm(char *text)
{
        for (; *text; text++)
                if ((unsigned char)*text < ' ' || *text == 0x7f)
                        *text = '?';
}

/* One line by one write, so that lines of several threads do not mix. */
static void write_line(const struct tl_log *log, enum tl_log_level level, const char *text)
{
        char line[TL_LOG_LINE + 2 * TL_LOG_NAME + 32];
        const char *start = log->has_colour ? colour(level) : "", *end = *start ? "\033[0m" : "";
        bool has_device = log->device[0];
        int len = snprintf(line, sizeof(line), "%s%s%s%s%s: %s: %s%s\n", start, log->program,
                           has_device ? "[" : "", log->device, has_device ? "]" : "",
                           tl_log_level_name(level), text, end);

        WG_ASSERT(len > 0 && (size_t)len < sizeof(line));
        while (write(log->fd, line, (size_t)len) < 0 && errno == EINTR)
                continue;
}

static void put(const struct tl_log *log, enum tl_log_level level, const char *text)
{
        if (log->fd < 0)
                syslog(syslog_priority(level), "%s%s%s", log->device, log->device[0] ? ": " : "",
                       text);
        else
                write_line(log, level, text);
}

/* The count of one message. When the table is full the one that began longest ago makes room. */
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

/* Whether the message may appear now; *suppressed: how many like it did not since the last one. */
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
                snprintf(text, sizeof(text), "%u messages like the next were suppressed",
                         suppressed);
                put(log, level, text);
        }
        errno = saved;
        return true;
}

static void WG_PRINTF(3, 0) put_formatted(const struct tl_log *log, enum tl_log_level level,
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
