/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#define _GNU_SOURCE /* unshare */
#include "host/setting.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/step.h"
#include "test/lib/cmocka.h"
#include "test/lib/netns.h"

#define SETTING "net/ipv4/conf/all/send_redirects"

static char directory[] = "/tmp/tieline-setting-XXXXXX";
static bool others_are_alive;

static bool is_alive(const char *name)
{
        (void)name;
        return others_are_alive;
}

static const struct tl_journal_kind kind = {{directory, NULL}, "test-1", is_alive, {NULL, NULL}};

/* The journals of two interfaces. */
static struct tl_journal a, b;

static int set_up(void **state)
{
        (void)state;
        return mkdtemp(directory) ? 0 : -1;
}

static int tear_down(void **state)
{
        (void)state;
        return rmdir(directory); /* fails if anything is left */
}

static void begin(bool are_others_alive)
{
        enter_netns();
        run("echo 1 >/proc/sys/" SETTING);
        others_are_alive = are_others_alive;
        assert_int_equal(tl_journal_open(&a, &kind, "a"), 0);
        assert_int_equal(tl_journal_open(&b, &kind, "b"), 0);
}

static void end(void)
{
        tl_journal_close(&a);
        tl_journal_close(&b);
}

static void expect_setting(const char *wanted)
{
        char value[TL_SETTING_SIZE];

        assert_int_equal(tl_setting_read(SETTING, value), 0);
        assert_string_equal(value, wanted);
}

/* The last interface that holds a setting restores it, whichever that is. */
static void test_last_restores(void **state)
{
        struct tl_journal *const orders[][2] = {{&a, &b}, {&b, &a}};

        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(orders); i++) {
                begin(true);
                assert_int_equal(tl_setting_hold(&a, SETTING, "0"), 0);
                expect_setting("0");
                assert_int_equal(tl_setting_hold(&b, SETTING, "0"), 0);
                assert_false(tl_journal_is_empty(&b));
                tl_steps_undo(orders[i][0], 0);
                expect_setting("0");
                tl_steps_undo(orders[i][1], 0);
                expect_setting("1");
                end();
        }
}

/* A journal whose interface is dead holds nothing. */
static void test_dead_holder(void **state)
{
        (void)state;
        begin(false);
        assert_int_equal(tl_setting_hold(&a, SETTING, "0"), 0);
        assert_int_equal(tl_setting_hold(&b, SETTING, "0"), 0);
        assert_true(tl_journal_is_empty(&b));
        tl_steps_undo(&a, 0);
        expect_setting("1");
        end();
}

static void test_changed_by_others(void **state)
{
        (void)state;
        begin(true);
        assert_int_equal(tl_setting_hold(&a, SETTING, "0"), 0);
        run("echo 1 >/proc/sys/" SETTING);
        assert_int_equal(tl_setting_hold(&b, SETTING, "0"), 0);
        run("echo 1 >/proc/sys/" SETTING);
        tl_steps_undo(&b, 0);
        tl_steps_undo(&a, 0);
        expect_setting("1");
        end();
}

static void test_right_already(void **state)
{
        (void)state;
        begin(true);
        assert_int_equal(tl_setting_hold(&a, SETTING, "1"), 0);
        assert_true(tl_journal_is_empty(&a));
        end();
}

/* Settings of other network namespaces are not touched. */
static void test_elsewhere(void **state)
{
        (void)state;
        begin(true);
        assert_true(tl_setting_release(&a, "setting a " SETTING " 1 0 1"));
        expect_setting("1");
        assert_false(tl_setting_release(&a, "ip link delete dev a"));
        assert_false(tl_setting_release(&a, "setting a " SETTING " 1 0"));
        end();
}

static void test_errors(void **state)
{
        (void)state;
        begin(true);
        assert_int_equal(tl_setting_hold(&a, "net/ipv4/conf/all/no_such_setting", "0"), -ENOENT);
        assert_int_equal(tl_setting_hold(&a, SETTING, "word"), -EINVAL);
        expect_setting("1");
        tl_steps_undo(&a, 0);
        expect_setting("1");
        end();
}

/* The last of two programs restores, too. */
static void test_other_program(void **state)
{
        static char others[] = "/tmp/tieline-setting-XXXXXX";
        const struct tl_journal_kind other = {
                {others, "journal"}, "test-2", is_alive, {directory, NULL}};
        const struct tl_journal_kind ours = {
                {directory, NULL}, "test-1", is_alive, {others, "journal"}};

        (void)state;
        assert_non_null(mkdtemp(others));
        enter_netns();
        run("echo 1 >/proc/sys/" SETTING);
        others_are_alive = true;
        assert_int_equal(tl_journal_open(&a, &ours, "a"), 0);
        assert_int_equal(tl_journal_open(&b, &other, "a"), 0);
        assert_int_equal(tl_setting_hold(&a, SETTING, "0"), 0);
        assert_int_equal(tl_setting_hold(&b, SETTING, "0"), 0);
        tl_steps_undo(&a, 0);
        expect_setting("0");
        tl_steps_undo(&b, 0);
        expect_setting("1");
        end();
        assert_int_equal(rmdir(others), 0);
}

/* What the kernel changes along with another setting is restored after it. */
static void test_side_effect(void **state)
{
        char path[TL_SETTING_PATH_SIZE];

        (void)state;
        begin(false);
        assert_int_equal(tl_setting_foresee(&a, SETTING, "0", "1"), 0);
        expect_setting("1"); /* not changed yet */
        run("echo 0 >/proc/sys/" SETTING);
        tl_steps_undo(&a, 0);
        expect_setting("1");
        assert_true(tl_setting_path("setting a net/x 1 0 5", path));
        assert_string_equal(path, "net/x");
        assert_false(tl_setting_path("ip link delete x", path));
        end();
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_last_restores),     cmocka_unit_test(test_dead_holder),
                cmocka_unit_test(test_changed_by_others), cmocka_unit_test(test_right_already),
                cmocka_unit_test(test_elsewhere),         cmocka_unit_test(test_errors),
                cmocka_unit_test(test_other_program),     cmocka_unit_test(test_side_effect),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
