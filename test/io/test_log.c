/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#define _GNU_SOURCE /* unshare, pipe2 */
#include "io/log.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/clock.h"
#include "test/lib/cmocka.h"

static struct tl_log log_;
static int reader;          /* for the log's output */
static uint64_t virtual_ns; /* the time that the log sees */

static uint64_t now_ns(void)
{
        return virtual_ns;
}

static void open_log(const char *device, enum tl_log_level level)
{
        int ends[2];

        assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
        fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
        tl_log_init(&log_, "tielined", device, level);
        log_.fd = ends[1];
        log_.has_colour = false;
        log_.now_ns = now_ns;
        virtual_ns = 1000 * TL_NS_PER_S;
        reader = ends[0];
}

static void close_log(void)
{
        close(log_.fd);
        close(reader);
        tl_log_done(&log_);
}

/* Everything written since the last call. */
static const char *written(void)
{
        static char text[1 << 20];
        ssize_t len = read(reader, text, sizeof(text) - 1);

        text[len > 0 ? len : 0] = '\0';
        return text;
}

static unsigned int count_lines(const char *text)
{
        unsigned int lines = 0;

        for (; *text; text++)
                lines += *text == '\n';
        return lines;
}

static void test_each_level_includes_those_before(void **state WG_UNUSED)
{
        WG_ENUM_EACH(shown, &tl_log_level_enum) {
                open_log("wg0", (enum tl_log_level)shown->value);
                WG_ENUM_EACH(level, &tl_log_level_enum) {
                        bool appears = level->value != TL_LOG_SILENT &&
                                       level->value <= shown->value;

                        virtual_ns += TL_NS_PER_S;
                        assert_int_equal(tl_log_shows(&log_, (enum tl_log_level)level->value),
                                         appears);
                        tl_log(&log_, (enum tl_log_level)level->value, "text");
                        assert_int_equal(count_lines(written()), appears);
                }
                close_log();
        }
}

static void test_lines(void **state WG_UNUSED)
{
        static const struct {
                int number;
                const char *device;
                bool has_colour;
                enum tl_log_level level;
                const char *argument, *line;
        } cases[] = {
                {1, "wg0", false, TL_LOG_ERROR, "it", "tielined[wg0]: error: it 7\n"},
                {2, NULL, false, TL_LOG_INFO, "it", "tielined: info: it 7\n"},
                {3, "wg0", true, TL_LOG_ERROR, "it", "\033[31mtielined[wg0]: error: it 7\033[0m\n"},
                {4, "wg0", true, TL_LOG_WARNING, "it",
                 "\033[33mtielined[wg0]: warning: it 7\033[0m\n"},
                {5, "wg0", true, TL_LOG_INFO, "it", "tielined[wg0]: info: it 7\n"},
                {6, "wg0", true, TL_LOG_VERBOSE, "it",
                 "\033[2mtielined[wg0]: verbose: it 7\033[0m\n"},
                {7, "wg0", false, TL_LOG_ERROR, "a\nb\033[2Jc\x7f\x01",
                 "tielined[wg0]: error: a?b?[2Jc?? 7\n"},
                {8, "wg0", false, TL_LOG_ERROR, "Gr\xc3\xbc\xc3\x9f",
                 "tielined[wg0]: error: Gr\xc3\xbc\xc3\x9f 7\n"},
                {9, "wg0", false, TL_LOG_ERROR, "", "tielined[wg0]: error:  7\n"},
        };

        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                const char *line;

                open_log(cases[i].device, TL_LOG_VERBOSE);
                log_.has_colour = cases[i].has_colour;
                errno = EDOM;
                tl_log(&log_, cases[i].level, "%s %d", cases[i].argument, 7);
                assert_int_equal(errno, EDOM);
                line = written();
                if (strcmp(line, cases[i].line) != 0)
                        fail_msg("case %d: %s", cases[i].number, line);
                close_log();
        }
}

static void test_a_long_message_is_cut(void **state WG_UNUSED)
{
        static const int lengths[] = {TL_LOG_LINE - 2, TL_LOG_LINE - 1, TL_LOG_LINE, 9999};
        char device[100];

        memset(device, 'd', sizeof(device) - 1);
        device[sizeof(device) - 1] = '\0';
        for (size_t i = 0; i < WG_ARRAY_SIZE(lengths); i++) {
                size_t shown = (size_t)WG_MIN(lengths[i], TL_LOG_LINE - 1);
                size_t around = strlen("tielined[]: error: \n") + TL_LOG_NAME - 1;

                open_log(device, TL_LOG_ERROR);
                tl_log(&log_, TL_LOG_ERROR, "%*d", lengths[i], 5);
                assert_int_equal(strlen(written()), shown + around);
                close_log();
        }
}

static void log_one(int number)
{
        tl_log(&log_, TL_LOG_INFO, "message %d", number);
}

static void test_a_burst_is_limited_and_counted(void **state WG_UNUSED)
{
        const char *text;

        open_log("wg0", TL_LOG_INFO);
        for (int i = 0; i < 1000; i++)
                log_one(i);
        tl_log(&log_, TL_LOG_INFO, "another is not suppressed");
        text = written();
        assert_int_equal(count_lines(text), TL_LOG_BURST + 1);
        assert_non_null(strstr(text, "message 9\n"));
        assert_null(strstr(text, "message 10\n"));

        virtual_ns += TL_NS_PER_S - 1;
        log_one(1000);
        assert_string_equal(written(), "");
        virtual_ns += 1;
        log_one(1001);
        assert_string_equal(written(), "tielined[wg0]: info: 991 similar messages were suppressed\n"
                                       "tielined[wg0]: info: message 1001\n");
        virtual_ns += 60 * TL_NS_PER_S;
        log_one(1002);
        assert_string_equal(written(), "tielined[wg0]: info: message 1002\n");
        close_log();
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* the formats are made here, and harmless */

/* More kinds of message than are counted separately: the table forgets the oldest, and no more
 * messages appear than the limit allows for each kind. */
static void test_more_messages_than_limits(void **state WG_UNUSED)
{
        enum { KINDS = 2 * TL_LOG_LIMITS };
        static char formats[KINDS][8];

        open_log("wg0", TL_LOG_INFO);
        for (int i = 0; i < KINDS; i++)
                snprintf(formats[i], sizeof(formats[i]), "%d", i);
        for (int kind = 0; kind < KINDS; kind++)
                for (int i = 0; i < 100; i++)
                        tl_log(&log_, TL_LOG_INFO, formats[kind], NULL);
        assert_int_equal(count_lines(written()), KINDS * TL_LOG_BURST);
        close_log();
}

#pragma GCC diagnostic pop

static void *log_many(void *ctx WG_UNUSED)
{
        for (int i = 0; i < 5000; i++)
                log_one(i);
        return NULL;
}

static void test_threads_share_a_limit(void **state WG_UNUSED)
{
        enum { THREADS = 4 };
        pthread_t threads[THREADS];

        open_log("wg0", TL_LOG_INFO);
        for (int i = 0; i < THREADS; i++)
                assert_int_equal(pthread_create(&threads[i], NULL, log_many, NULL), 0);
        for (int i = 0; i < THREADS; i++)
                pthread_join(threads[i], NULL);
        assert_int_equal(count_lines(written()), TL_LOG_BURST);
        virtual_ns += TL_NS_PER_S;
        log_one(0);
        assert_non_null(strstr(written(), ": 19990 similar messages"));
        close_log();
}

/* The reader stalls: nothing blocks, the first messages wait, the others are counted, and one
 * message reports their number. */
static void test_a_stalled_reader(void **state WG_UNUSED)
{
        enum { COUNT = 300 };
        char all[1 << 16] = "", wanted[64];
        uint64_t due;
        int seen = 0;
        long lost;

        open_log(NULL, TL_LOG_INFO);
        fcntl(log_.fd, F_SETFL, 0);
        fcntl(log_.fd, F_SETPIPE_SZ, 4096);
        for (int i = 0; i < COUNT; i++) {
                virtual_ns += TL_NS_PER_S;
                log_one(i);
        }
        assert_int_equal(log_.count, TL_LOG_WAITING);
        lost = (long)log_.lost;
        due = tl_log_work(&log_, virtual_ns);
        assert_in_range(due, virtual_ns + 1, virtual_ns + TL_NS_PER_S);
        assert_int_equal(tl_log_work(&log_, virtual_ns), due);
        for (int i = 0; i < COUNT && due != UINT64_MAX; i++) {
                strcat(all, written());
                virtual_ns = due;
                due = tl_log_work(&log_, virtual_ns);
        }
        strcat(all, written());
        for (; seen < COUNT; seen++) {
                snprintf(wanted, sizeof(wanted), "message %d\n", seen);
                if (!strstr(all, wanted))
                        break;
        }
        assert_int_equal(seen + lost, COUNT);
        snprintf(wanted, sizeof(wanted), "error: %ld log messages were lost\n", lost);
        assert_non_null(strstr(all, wanted));
        assert_int_equal(count_lines(all), seen + 1);
        log_one(COUNT);
        assert_string_equal(written(), "tielined: info: message 300\n");
        close_log();
}

static int wakes;

static void count_wake(void *ctx WG_UNUSED)
{
        wakes++;
}

/* A message that has to wait calls the wake function; a message that was written does not. */
static void test_a_message_that_waits_wakes(void **state WG_UNUSED)
{
        int ends[2];

        open_log(NULL, TL_LOG_INFO);
        tl_log_set_wake(&log_, count_wake, NULL);
        log_one(1);
        assert_int_equal(wakes, 0);
        assert_int_equal(tl_log_work(&log_, virtual_ns), UINT64_MAX);
        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        close(ends[0]);
        dup2(ends[1], log_.fd); /* its reader has closed it, and there is no syslog */
        close(ends[1]);
        signal(SIGPIPE, SIG_IGN);
        log_one(2);
        assert_int_equal(wakes, 1);
        assert_int_equal(log_.count, 1);
        tl_log_set_wake(&log_, NULL, NULL);
        close_log();
}

static void test_level_names(void **state WG_UNUSED)
{
        static const struct {
                const char *text;
                bool is_level;
                enum tl_log_level level;
        } cases[] = {
                {"silent", true, TL_LOG_SILENT},   {"error", true, TL_LOG_ERROR},
                {"warning", true, TL_LOG_WARNING}, {"info", true, TL_LOG_INFO},
                {"verbose", true, TL_LOG_VERBOSE}, {"debug", true, TL_LOG_VERBOSE},
                {"DEBUG", true, TL_LOG_VERBOSE},   {"Error", true, TL_LOG_ERROR},
                {"", false, TL_LOG_SILENT},        {"err", false, TL_LOG_SILENT},
                {"errors", false, TL_LOG_SILENT},  {"1", false, TL_LOG_SILENT},
        };

        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                enum tl_log_level level = TL_LOG_WARNING;

                assert_int_equal(tl_log_parse_level(cases[i].text, &level), cases[i].is_level);
                assert_int_equal(level, cases[i].is_level ? cases[i].level : TL_LOG_WARNING);
        }
}

/* Listens at syslog's socket, in a mount namespace of its own, and compares the messages. */
static int log_to_a_fake_syslog(void)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
        struct tl_log log;
        char text[256];
        ssize_t len;
        int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

        if (unshare(CLONE_NEWNS) < 0)
                return 2;
        if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount("none", "/dev", "tmpfs", 0, NULL) < 0 ||
            bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                return 1;
        tl_log_init(&log, "tielined", "wg0", TL_LOG_INFO);
        tl_log_prepare_syslog(&log);
        tl_log_to_syslog(&log);
        tl_log(&log, TL_LOG_WARNING, "text %d", 5);
        len = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);
        tl_log_done(&log);
        if (len < 0)
                return 1;
        text[len] = '\0';
        /* 28: facility daemon (3), severity warning (4). */
        return strncmp(text, "<28>", 4) != 0 || !strstr(text, " tielined[") ||
               !strstr(text, "]: wg0: text 5");
}

static void test_syslog(void **state WG_UNUSED)
{
        int status;
        pid_t child = fork();

        if (child == 0)
                _exit(log_to_a_fake_syslog());
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        if (WEXITSTATUS(status) == 2) {
                fprintf(stderr, "SKIPPED: needs root to take the place of syslog\n");
                skip();
        }
        assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each_level_includes_those_before),
                cmocka_unit_test(test_lines),
                cmocka_unit_test(test_a_long_message_is_cut),
                cmocka_unit_test(test_a_burst_is_limited_and_counted),
                cmocka_unit_test(test_more_messages_than_limits),
                cmocka_unit_test(test_threads_share_a_limit),
                cmocka_unit_test(test_a_stalled_reader),
                cmocka_unit_test(test_a_message_that_waits_wakes),
                cmocka_unit_test(test_level_names),
                cmocka_unit_test(test_syslog),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
