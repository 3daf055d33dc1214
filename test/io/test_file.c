/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "io/file.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test/lib/cmocka.h"

static char directory[] = "/tmp/tieline-file-XXXXXX";
static char path[64];

static int set_up(void **state)
{
        (void)state;
        if (!mkdtemp(directory))
                return -1;
        snprintf(path, sizeof(path), "%s/file", directory);
        return 0;
}

static int tear_down(void **state)
{
        (void)state;
        unlink(path);
        return rmdir(directory); /* fails if anything else was left */
}

/* Sizes around those at which the buffer grows. */
static void test_sizes(void **state)
{
        static const size_t sizes[] = {0, 1, 4095, 4096, 4097, 8192, 100000};

        (void)state;
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
                char *text = malloc(sizes[i] + 1);
                struct tl_file file;

                for (size_t j = 0; j < sizes[i]; j++)
                        text[j] = (char)(j * 7 + i);
                assert_int_equal(tl_file_replace(path, text, sizes[i]), 0);
                assert_int_equal(tl_file_read(&file, path), 0);
                assert_int_equal(file.len, sizes[i]);
                assert_memory_equal(file.text, text, sizes[i]);
                assert_false(file.is_exposed);
                tl_file_done(&file);
                tl_file_done(&file);
                free(text);
        }
        tl_file_done(NULL);
}

static void test_exposure(void **state)
{
        static const mode_t modes[] = {0604, 0640, 0601, 0666};
        struct tl_file file;
        struct stat status;

        (void)state;
        assert_int_equal(chmod(path, 0644), 0);
        assert_int_equal(tl_file_read(&file, path), 0);
        assert_false(file.is_exposed); /* its directory is closed to others */
        tl_file_done(&file);
        assert_int_equal(chmod(directory, 0701), 0);
        for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
                assert_int_equal(chmod(path, modes[i]), 0);
                assert_int_equal(tl_file_read(&file, path), 0);
                assert_true(file.is_exposed);
                tl_file_done(&file);
        }
        assert_int_equal(tl_file_replace(path, "x", 1), 0);
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_mode & 07777, 0600);
}

/* A symbolic link stays one. A dangling link, or anything but a regular file, is refused. */
static void test_links(void **state)
{
        char link_path[96], pipe_path[96], text[8];
        struct stat status;

        (void)state;
        snprintf(link_path, sizeof(link_path), "%s/link", directory);
        snprintf(pipe_path, sizeof(pipe_path), "%s/pipe", directory);
        assert_int_equal(symlink("file", link_path), 0);
        assert_int_equal(tl_file_replace(path, "old", 3), 0);
        assert_int_equal(tl_file_replace(link_path, "new", 3), 0);
        assert_int_equal(readlink(link_path, text, sizeof(text)), 4);
        assert_int_equal(lstat(path, &status), 0);
        assert_true(S_ISREG(status.st_mode) && status.st_size == 3);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(tl_file_replace(link_path, "new", 3), -ENOENT);
        assert_int_equal(unlink(link_path), 0);
        assert_int_equal(mkfifo(pipe_path, 0600), 0);
        assert_int_equal(tl_file_replace(pipe_path, "new", 3), -EOPNOTSUPP);
        assert_int_equal(unlink(pipe_path), 0);
}

/* A new file is private, and nothing that exists is replaced: not even a dangling link. */
static void test_creation(void **state)
{
        char link_path[96];
        struct tl_file file;
        struct stat status;

        (void)state;
        unlink(path);
        assert_int_equal(tl_file_create(path, "first", 5), 0);
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_mode & 07777, 0600);
        assert_int_equal(tl_file_create(path, "second", 6), -EEXIST);
        assert_int_equal(tl_file_read(&file, path), 0);
        assert_int_equal(file.len, 5);
        assert_memory_equal(file.text, "first", 5);
        tl_file_done(&file);
        snprintf(link_path, sizeof(link_path), "%s/link", directory);
        assert_int_equal(symlink("nowhere", link_path), 0);
        assert_int_equal(tl_file_create(link_path, "x", 1), -EEXIST);
        assert_int_equal(unlink(link_path), 0);
        assert_int_equal(tl_file_create("/proc/nowhere/file", "x", 1), -ENOENT);
}

/* Others may read a public file, whatever the mode of the old one. */
static void test_public_files(void **state)
{
        struct stat status;

        (void)state;
        assert_int_equal(tl_file_replace(path, "secret", 6), 0);
        for (int i = 0; i < 2; i++) {
                assert_int_equal(tl_file_replace_public(path, "x", 1), 0);
                assert_int_equal(stat(path, &status), 0);
                assert_int_equal(status.st_mode & 07777, 0644);
                unlink(path);
        }
}

static void test_impossible_files(void **state)
{
        struct tl_file file;
        char wrong[96];

        (void)state;
        assert_int_equal(tl_file_read(&file, directory), -EISDIR);
        tl_file_done(&file);
        snprintf(wrong, sizeof(wrong), "%s/no/file", directory);
        assert_int_equal(tl_file_read(&file, wrong), -ENOENT);
        assert_int_equal(tl_file_replace(wrong, "x", 1), -ENOENT);
        /* A directory is not replaced, and no temporary file is left. */
        assert_int_not_equal(tl_file_replace(directory, "x", 1), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sizes),        cmocka_unit_test(test_exposure),
                cmocka_unit_test(test_links),        cmocka_unit_test(test_creation),
                cmocka_unit_test(test_public_files), cmocka_unit_test(test_impossible_files),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
