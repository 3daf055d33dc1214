/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "host/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test/lib/cmocka.h"

static char directory[] = "/tmp/tieline-journal-XXXXXX";
static char path[64];
static char here[96]; /* our boot and network namespace, as a journal names them */

static bool is_never_alive(const char *name)
{
        (void)name;
        return false;
}

static const struct tl_journal_kind kind = {
        {directory, NULL}, "tieline-quick-1", is_never_alive, {NULL, NULL}};

static int set_up(void **state)
{
        FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
        struct stat status;
        char boot[40] = "";

        (void)state;
        if (!file || !fgets(boot, sizeof(boot), file) || stat("/proc/self/ns/net", &status) < 0 ||
            !mkdtemp(directory))
                return -1;
        fclose(file);
        boot[strcspn(boot, "\n")] = '\0';
        snprintf(here, sizeof(here), "%s %llu", boot, (unsigned long long)status.st_ino);
        snprintf(path, sizeof(path), "%s/wg0", directory);
        return 0;
}

static int tear_down(void **state)
{
        (void)state;
        unlink(path);
        return rmdir(directory); /* fails if anything else is left */
}

/* Writes a journal's text with its place instead of the @. */
static void fill(char out[1024], const char *text, const char *place)
{
        size_t before = strcspn(text, "@");

        snprintf(out, 1024, "%.*s%s%s", (int)before, text, text[before] ? place : "",
                 text[before] ? text + before + 1 : "");
}

static void write_file(const char *text, const char *place)
{
        FILE *file = fopen(path, "we");
        char filled[1024];

        assert_non_null(file);
        fill(filled, text, place);
        fputs(filled, file);
        assert_int_equal(fclose(file), 0);
}

static void expect_file(const char *text, const char *place)
{
        char found[1024], filled[1024];
        FILE *file = fopen(path, "re");

        assert_non_null(file);
        found[fread(found, 1, sizeof(found) - 1, file)] = '\0';
        fclose(file);
        fill(filled, text, place);
        assert_string_equal(found, filled);
}

static char undone[1024];

static void note_undo(const struct tl_journal *journal, const char *command)
{
        size_t len = strlen(undone);

        assert_ptr_equal(journal->kind, &kind);
        snprintf(undone + len, sizeof(undone) - len, "%s\n", command);
}

static void undo(struct tl_journal *journal, size_t size, const char *wanted)
{
        undone[0] = '\0';
        tl_journal_undo(journal, size, note_undo);
        assert_string_equal(undone, wanted);
}

/* A journal as the first version of the format wrote it, with @ for its place. A running interface
 * may have one when the program is upgraded. */
#define VERSION_1 \
        "tieline-quick-1\n" \
        "place @\n" \
        "undo setting wg0 net/ipv4/conf/all/send_redirects 0 1 4026532177\n" \
        "link 0\n" \
        "link 2\n" \
        "undo ip -4 rule delete priority 32763 fwmark 51820/0xffffff00 goto 32766 protocol 108\n" \
        "undo setting wg0 net/ipv4/conf/all/src_valid_mark 1 0 4026532177\n" \
        "undo nft delete table ip tieline-quick-wg0\n" \
        "complete\n"

#define VERSION_1_UNDONE \
        "nft delete table ip tieline-quick-wg0\n" \
        "setting wg0 net/ipv4/conf/all/src_valid_mark 1 0 4026532177\n" \
        "ip -4 rule delete priority 32763 fwmark 51820/0xffffff00 goto 32766 protocol 108\n" \
        "setting wg0 net/ipv4/conf/all/send_redirects 0 1 4026532177\n"

static void test_reads_version_1(void **state)
{
        struct tl_journal journal;

        (void)state;
        write_file(VERSION_1, here);
        assert_int_equal(tl_journal_open(&journal, &kind, "wg0"), 0);
        assert_false(tl_journal_is_empty(&journal));
        assert_true(journal.is_begun);
        assert_true(journal.is_complete);
        assert_false(journal.is_foreign);
        assert_int_equal(journal.link, 2);
        undo(&journal, 0, VERSION_1_UNDONE);
        assert_true(tl_journal_is_empty(&journal));
        assert_false(journal.is_begun || journal.is_complete || journal.link);
        tl_journal_close(&journal);
        assert_int_equal(access(path, F_OK), -1);
}

static void test_writes_version_1(void **state)
{
        struct tl_journal journal;

        (void)state;
        assert_int_equal(tl_journal_open(&journal, &kind, "wg0"), 0);
        assert_true(tl_journal_is_empty(&journal));
        assert_int_equal(tl_journal_add(&journal, "setting wg0 net/ipv4/conf/all/send_redirects "
                                                  "0 1 4026532177"),
                         0);
        assert_int_equal(tl_journal_add_link(&journal, 0), 0);
        assert_true(journal.is_begun);
        assert_int_equal(tl_journal_add_link(&journal, 2), 0);
        assert_int_equal(journal.link, 2);
        assert_int_equal(tl_journal_add(&journal, "ip -4 rule delete priority 32763 fwmark "
                                                  "51820/0xffffff00 goto 32766 protocol 108"),
                         0);
        assert_int_equal(tl_journal_add(&journal, "setting wg0 net/ipv4/conf/all/src_valid_mark "
                                                  "1 0 4026532177"),
                         0);
        assert_int_equal(tl_journal_add(&journal, "nft delete table ip tieline-quick-wg0"), 0);
        assert_false(journal.is_complete);
        assert_int_equal(tl_journal_complete(&journal), 0);
        assert_true(journal.is_complete);
        expect_file(VERSION_1, here);
        tl_journal_close(&journal);
        expect_file(VERSION_1, here);
}

static const struct {
        int number;
        const char *text, *place; /* NULL: ours */
        bool is_begun, is_complete, is_foreign;
        unsigned int link;
} states[] = {
        {1, "", "", false, false, false, 0},
        {2, "tieline-quick-1\nplace @\n", NULL, false, false, false, 0},
        {3, "tieline-quick-1\nplace @\nlink 0\n", NULL, true, false, false, 0},
        {4, "tieline-quick-1\nplace @\nlink 0\nlink 17\n", NULL, true, false, false, 17},
        {5, "tieline-quick-1\nplace @\ncomplete\n", NULL, false, true, false, 0},
        /* A crash cut the last line short. */
        {6, "tieline-quick-1\nplace @\ncomple", NULL, false, false, false, 0},
        /* Another boot, and another network namespace. */
        {7, VERSION_1, "00000000-0000-4000-8000-000000000000 4026532177", true, true, true, 2},
        {8, "tieline-quick-1\nplace @\n", "", false, false, true, 0},
        {9, "tieline-quick-1\nplace @9\n", NULL, false, false, true, 0},
        /* A command that contains words of the format. */
        {10, "tieline-quick-1\nplace @\nundo link 5\nundo complete\n", NULL, false, false, false,
         0},
};

static void test_states(void **state)
{
        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(states); i++) {
                struct tl_journal journal;

                write_file(states[i].text, states[i].place ? states[i].place : here);
                assert_int_equal(tl_journal_open(&journal, &kind, "wg0"), 0);
                if (journal.is_begun != states[i].is_begun ||
                    journal.is_complete != states[i].is_complete ||
                    journal.is_foreign != states[i].is_foreign || journal.link != states[i].link)
                        fail_msg("case %d: begun %d, complete %d, foreign %d, link %u",
                                 states[i].number, journal.is_begun, journal.is_complete,
                                 journal.is_foreign, journal.link);
                tl_journal_close(&journal);
        }
        unlink(path);
}

/* Undoing a part leaves the lines before it, also in the file. */
static void test_undoes_a_part(void **state)
{
        struct tl_journal journal;
        size_t size;

        (void)state;
        assert_int_equal(tl_journal_open(&journal, &kind, "wg0"), 0);
        assert_int_equal(tl_journal_size(&journal), 0);
        assert_int_equal(tl_journal_add(&journal, "first"), 0);
        size = tl_journal_size(&journal);
        undo(&journal, size, "");
        assert_int_equal(tl_journal_add(&journal, "second"), 0);
        assert_int_equal(tl_journal_add_link(&journal, 3), 0);
        assert_int_equal(tl_journal_add(&journal, "third"), 0);
        undo(&journal, size, "third\nsecond\n");
        assert_false(journal.is_begun);
        expect_file("tieline-quick-1\nplace @\nundo first\n", here);
        assert_int_equal(tl_journal_add(&journal, "fourth"), 0);
        expect_file("tieline-quick-1\nplace @\nundo first\nundo fourth\n", here);
        undo(&journal, 0, "fourth\nfirst\n");
        tl_journal_close(&journal);
        assert_int_equal(access(path, F_OK), -1);
}

/* A crash cut the last line short, so its change was not made. */
static void test_torn_line(void **state)
{
        struct tl_journal journal;

        (void)state;
        write_file("tieline-quick-1\nplace @\nundo first\nundo sec", here);
        assert_int_equal(tl_journal_open(&journal, &kind, "wg0"), 0);
        expect_file("tieline-quick-1\nplace @\nundo first\n", here);
        assert_int_equal(tl_journal_add(&journal, "third"), 0);
        undo(&journal, 0, "third\nfirst\n");
        tl_journal_close(&journal);
        write_file("tieline-qu", "");
        assert_int_equal(tl_journal_open(&journal, &kind, "wg0"), 0);
        assert_true(tl_journal_is_empty(&journal));
        tl_journal_close(&journal);
        assert_int_equal(access(path, F_OK), -1);
}

/* An open journal is locked, and root's alone. */
static void test_access(void **state)
{
        struct tl_journal journal;
        struct stat status;
        int fd;

        (void)state;
        assert_int_equal(tl_journal_open(&journal, &kind, "wg0"), 0);
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_mode & 0777, 0600);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), -1);
        assert_int_equal(errno, EWOULDBLOCK);
        tl_journal_close(&journal);
        assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
        close(fd);
}

static bool undo_even(void *ctx, const struct tl_journal *journal, const char *command)
{
        note_undo(journal, command);
        return (command[0] - '0') % 2 == *(int *)ctx;
}

/* Some commands are undone; the others stay, and are undone later. */
static void test_undo_some(void **state)
{
        struct tl_journal journal;
        int odd = 1;

        (void)state;
        assert_int_equal(tl_journal_open(&journal, &kind, "wg0"), 0);
        undone[0] = '\0';
        assert_int_equal(tl_journal_undo_some(&journal, undo_even, &odd), 0);
        assert_string_equal(undone, "");
        for (char number[] = "1"; number[0] <= '4'; number[0]++)
                assert_int_equal(tl_journal_add(&journal, number), 0);
        assert_int_equal(tl_journal_undo_some(&journal, undo_even, &odd), 0);
        assert_string_equal(undone, "4\n3\n2\n1\n");
        expect_file("tieline-quick-1\nplace @\ndone 1\nundo 2\ndone 3\nundo 4\n", here);
        assert_int_equal(tl_journal_add(&journal, "5"), 0);
        tl_journal_close(&journal);
        assert_int_equal(tl_journal_open(&journal, &kind, "wg0"), 0);
        undo(&journal, 0, "5\n4\n2\n");
        tl_journal_close(&journal);
}

static void test_errors(void **state)
{
        static const struct tl_journal_kind nowhere = {
                {"/nonexistent/directory", NULL}, "x", is_never_alive, {NULL, NULL}};
        struct tl_journal journal;

        (void)state;
        assert_int_equal(tl_journal_open(&journal, &kind, "0123456789abcdef"), -ENAMETOOLONG);
        tl_journal_close(&journal);
        assert_int_equal(tl_journal_open(&journal, &nowhere, "wg0"), -ENOENT);
        tl_journal_close(&journal);
        /* A journal that cannot be read may not be empty, so it is kept. */
        assert_int_equal(mkfifo(path, 0600), 0);
        assert_int_equal(tl_journal_open(&journal, &kind, "wg0"), -ESPIPE);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(symlink("/etc/hostname", path), 0);
        assert_int_equal(tl_journal_open(&journal, &kind, "wg0"), -ELOOP);
        tl_journal_close(&journal);
        assert_int_equal(unlink(path), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_reads_version_1), cmocka_unit_test(test_writes_version_1),
                cmocka_unit_test(test_states),          cmocka_unit_test(test_undoes_a_part),
                cmocka_unit_test(test_undo_some),       cmocka_unit_test(test_torn_line),
                cmocka_unit_test(test_access),          cmocka_unit_test(test_errors),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
