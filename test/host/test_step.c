/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "host/step.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/run.h"
#include "test/lib/cmocka.h"

static char directory[] = "/tmp/tieline-step-XXXXXX";

static bool is_never_alive(const char *name)
{
        (void)name;
        return false;
}

/* Of the running test. */
static struct tl_steps steps;
static struct tl_journal journal;
static uint32_t failed;

static const struct tl_journal_kind kind = {
        {directory, NULL}, "test-1", is_never_alive, {NULL, NULL}};

/* A directory that becomes the working directory and the first in PATH, for files that the steps
 * make and for programs that stand in for others. */
static int set_up(void **state)
{
        char path[4096];

        (void)state;
        if (!mkdtemp(directory) || chdir(directory) < 0)
                return -1;
        snprintf(path, sizeof(path), "%s:%s", directory, getenv("PATH"));
        return setenv("PATH", path, 1);
}

static int tear_down(void **state)
{
        (void)state;
        return chdir("/") < 0 ? -1 : rmdir(directory); /* fails if anything is left */
}

static struct tl_step *add(const char *command, const char *undo)
{
        struct tl_step *step = tl_steps_add(&steps, TL_STEP_RUN);

        assert_non_null(step);
        assert_true(tl_step_write(&step->command, "%s", command));
        if (undo)
                assert_true(tl_step_write(&step->undo, "%s", undo));
        return step;
}

static void begin(void)
{
        failed = UINT32_MAX;
        assert_int_equal(tl_journal_open(&journal, &kind, "wg0"), 0);
}

static void end(void)
{
        tl_journal_close(&journal);
        tl_steps_done(&steps);
}

static bool carry_out(void)
{
        return tl_steps_do(&steps, &journal, NULL, NULL, &failed);
}

static bool exists(const char *path)
{
        return access(path, F_OK) == 0;
}

static void read_file(const char *path, char *text, size_t size)
{
        FILE *file = fopen(path, "re");

        assert_non_null(file);
        text[fread(text, 1, size - 1, file)] = '\0';
        fclose(file);
        assert_int_equal(unlink(path), 0);
}

/* Steps run in order, and their undo commands in reverse. */
static void test_order(void **state)
{
        (void)state;
        begin();
        add("mkdir a", "rmdir a");
        add("mkdir a/b", "rmdir a/b");
        add("mkdir a/b/c", "rmdir a/b/c");
        assert_true(carry_out());
        assert_true(exists("a/b/c"));
        tl_steps_undo(&journal, 0);
        assert_false(exists("a"));
        end();
}

/* When a step runs, the journal already says how to undo it. */
static void test_journal_comes_first(void **state)
{
        char text[512];

        (void)state;
        begin();
        add("cp wg0 seen", "rm seen");
        assert_true(carry_out());
        read_file("seen", text, sizeof(text));
        assert_non_null(strstr(text, "\nundo rm seen\n"));
        tl_steps_undo(&journal, 0); /* a command that fails is ignored */
        assert_true(tl_journal_is_empty(&journal));
        end();
}

/* The first step that fails is the last that runs, and is undone too. */
static void test_failure(void **state)
{
        (void)state;
        begin();
        add("mkdir a", "rmdir a");
        add("mkdir b c missing/d", "rmdir b c");
        add("mkdir e", "rmdir e");
        assert_false(carry_out());
        assert_int_equal(failed, 1);
        assert_true(exists("a") && exists("b") && exists("c"));
        assert_false(exists("e"));
        tl_steps_undo(&journal, 0);
        assert_false(exists("a") || exists("b") || exists("c"));
        end();
}

static void test_undoes_a_part(void **state)
{
        size_t size;

        (void)state;
        begin();
        add("mkdir a", "rmdir a");
        assert_true(carry_out());
        tl_steps_done(&steps);
        size = tl_journal_size(&journal);
        add("mkdir b", "rmdir b");
        assert_true(carry_out());
        tl_steps_undo(&journal, size);
        assert_true(exists("a"));
        assert_false(exists("b"));
        tl_steps_undo(&journal, 0);
        assert_false(exists("a"));
        end();
}

static void test_input(void **state)
{
        char text[64];

        (void)state;
        begin();
        assert_true(tl_step_write(&add("tee copy", NULL)->input, "%s", "two\nlines\n"));
        assert_true(carry_out());
        read_file("copy", text, sizeof(text));
        assert_string_equal(text, "two\nlines\n");
        end();
}

/* Actions of the caller's own. */
enum { MULTIPLY = TL_STEP_RUN + 1, REFUSE };

static bool act(void *ctx, const struct tl_step *step)
{
        uint32_t *product = ctx;

        *product *= step->number;
        return step->action == MULTIPLY;
}

static void test_actions(void **state)
{
        static const uint32_t actions[] = {MULTIPLY, MULTIPLY, REFUSE, MULTIPLY};
        uint32_t product = 1;

        (void)state;
        begin();
        for (uint32_t i = 0; i < WG_ARRAY_SIZE(actions); i++) {
                struct tl_step *step = tl_steps_add(&steps, actions[i]);

                step->number = i + 2;
                assert_true(tl_step_write(&step->undo, "touch undone-%u", i));
        }
        assert_false(tl_steps_do(&steps, &journal, act, &product, &failed));
        assert_int_equal(product, 2 * 3 * 4);
        assert_int_equal(failed, 2);
        tl_steps_undo(&journal, 0);
        for (uint32_t i = 0; i < WG_ARRAY_SIZE(actions); i++) {
                char path[32];

                snprintf(path, sizeof(path), "undone-%u", i);
                assert_int_equal(unlink(path) == 0, i <= 2);
        }
        end();
}

/* Writes a program that stands in for ip(8) and appends its words and its input to `calls`. */
static void fake_ip(void)
{
        FILE *file = fopen("ip", "we");

        assert_non_null(file);
        fputs("#!/bin/sh\n"
              "{ echo \"ip $*\"; case \"$*\" in *-batch*) cat;; esac; } >>calls\n",
              file);
        assert_int_equal(fclose(file), 0);
        assert_int_equal(chmod("ip", 0700), 0);
}

/* Routes of one family that follow each other take one process. */
static void test_batches(void **state)
{
        char text[512];

        (void)state;
        fake_ip();
        begin();
        add("ip -4 route add 10.0.0.0/8 dev x", NULL);
        add("ip -4 route add 10.1.0.0/16 dev x", NULL);
        add("ip -6 route add fd00::/8 dev x", NULL);
        add("ip link set x up", NULL);
        add("ip -6 rule add table 5", "true");
        add("ip -6 route add fd01::/16 dev x", NULL);
        assert_true(carry_out());
        read_file("calls", text, sizeof(text));
        assert_string_equal(text, "ip -4 -batch -\n"
                                  "route add 10.0.0.0/8 dev x\n"
                                  "route add 10.1.0.0/16 dev x\n"
                                  "ip -6 -batch -\n"
                                  "route add fd00::/8 dev x\n"
                                  "ip link set x up\n"
                                  "ip -6 rule add table 5\n"
                                  "ip -6 -batch -\n"
                                  "route add fd01::/16 dev x\n");
        tl_steps_undo(&journal, 0);
        end();
        unlink("ip");
}

/* A journal of another boot or network namespace: commands about kernel state are skipped, but
 * those about files run. */
static void test_foreign(void **state)
{
        static const char foreign[] = "test-1\nplace elsewhere 1\n"
                                      "undo ip -4 rule delete table 5\n"
                                      "undo nft delete table ip x\n"
                                      "undo setting wg0 net/ipv4/ip_forward 1 0 1\n"
                                      "undo rmdir a\n";
        FILE *file = fopen("wg0", "we");

        (void)state;
        assert_non_null(file);
        fputs(foreign, file);
        assert_int_equal(fclose(file), 0);
        assert_int_equal(mkdir("a", 0700), 0);
        fake_ip();
        begin();
        assert_true(journal.is_foreign);
        tl_steps_undo(&journal, 0);
        assert_false(exists("calls"));
        assert_false(exists("a"));
        assert_true(tl_journal_is_empty(&journal));
        end();
        unlink("ip");
}

/* After a signal no further step runs. */
static void test_interruption(void **state)
{
        (void)state;
        begin();
        add("mkdir a", "rmdir a");
        raise(SIGTERM);
        assert_true(tl_run_is_interrupted());
        assert_false(carry_out());
        assert_int_equal(failed, 0);
        assert_false(exists("a"));
        tl_run_forgive();
        assert_false(tl_run_is_interrupted());
        assert_true(carry_out());
        tl_steps_undo(&journal, 0);
        end();
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_order),        cmocka_unit_test(test_journal_comes_first),
                cmocka_unit_test(test_failure),      cmocka_unit_test(test_undoes_a_part),
                cmocka_unit_test(test_input),        cmocka_unit_test(test_actions),
                cmocka_unit_test(test_batches),      cmocka_unit_test(test_foreign),
                cmocka_unit_test(test_interruption),
        };

        tl_run_init();
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
