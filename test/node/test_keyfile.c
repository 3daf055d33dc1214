/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "node/keyfile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/base64.h"
#include "io/file.h"
#include "test/lib/cmocka.h"

static char directory[] = "/tmp/tieline-keyfile-XXXXXX";
static char path[64];

static int set_up(void **state)
{
        (void)state;
        if (!mkdtemp(directory) || !tl_keyfile_begin())
                return -1;
        snprintf(path, sizeof(path), "%s/sub/acme.key", directory);
        return 0;
}

static int tear_down(void **state)
{
        (void)state;
        tl_keyfile_end();
        unlink(path);
        *strrchr(path, '/') = '\0';
        rmdir(path);
        return rmdir(directory); /* fails if anything else was left */
}

/* A key is made once, in a directory that is made for it, and can be read again. */
static void test_a_new_key(void **state)
{
        uint8_t key[TL_CONF_KEY_LEN], again[TL_CONF_KEY_LEN];
        struct stat status;

        (void)state;
        assert_false(tl_keyfile_exists(path));
        assert_false(tl_keyfile_read(path, key));
        assert_true(tl_keyfile_make(path));
        assert_true(tl_keyfile_exists(path));
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_mode & 07777, 0600);
        assert_true(tl_keyfile_read(path, key));
        assert_int_equal(key[0] & 7, 0); /* clamped (RFC 7748 section 5) */
        assert_int_equal(key[31] & 0xc0, 0x40);
        assert_false(tl_keyfile_make(path));
        assert_true(tl_keyfile_read(path, again));
        assert_memory_equal(key, again, sizeof(key));
}

/* Alice's key pair from RFC 7748, section 6.1. */
static void test_public_key(void **state)
{
        static const char private_text[] = "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=";
        static const char public_text[] = "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=";
        uint8_t private_key[TL_CONF_KEY_LEN], public_key[TL_CONF_KEY_LEN];
        char text[TL_BASE64_LEN(TL_CONF_KEY_LEN)];

        (void)state;
        assert_int_equal(tl_file_replace(path, private_text, strlen(private_text)), 0);
        assert_true(tl_keyfile_read(path, private_key)); /* without a newline */
        assert_true(tl_keyfile_public(public_key, private_key));
        tl_base64_encode(text, public_key, sizeof(public_key));
        assert_memory_equal(text, public_text, sizeof(text));
}

static void test_wrong_files(void **state)
{
        static const char *const texts[] = {
                "",
                "\n",
                "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LC\n",
                "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=x\n",
                "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo= # mine\n",
                " dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=\n",
        };
        uint8_t key[TL_CONF_KEY_LEN];

        (void)state;
        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                assert_int_equal(tl_file_replace(path, texts[i], strlen(texts[i])), 0);
                if (tl_keyfile_read(path, key))
                        fail_msg("file %zu is accepted", i);
        }
        assert_false(tl_keyfile_read(directory, key));
}

/* Other users could read the file, and reach it. */
static void test_exposed_files(void **state)
{
        static const char text[] = "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=\n";
        uint8_t key[TL_CONF_KEY_LEN];

        (void)state;
        assert_int_equal(chmod(directory, 0755), 0);
        assert_int_equal(tl_file_replace(path, text, strlen(text)), 0);
        assert_int_equal(chmod(path, 0640), 0);
        assert_false(tl_keyfile_read(path, key));
        assert_int_equal(chmod(path, 0600), 0);
        assert_true(tl_keyfile_read(path, key));
}

/* A key that somebody else may know, and files that are none. */
static void test_foreign_files(void **state)
{
        uint8_t key[TL_CONF_KEY_LEN] = {0};
        char other[80];

        (void)state;
        snprintf(other, sizeof(other), "%s.fifo", path);
        assert_int_equal(mkfifo(other, 0600), 0);
        assert_false(tl_keyfile_read(other, key));
        unlink(other);
        if (geteuid() != 0) {
                print_message("not root: another user's key is not tried\n");
                return;
        }
        assert_int_equal(chown(path, 65534, 65534), 0);
        assert_false(tl_keyfile_read(path, key));
        assert_int_equal(chown(path, 0, 0), 0);
        assert_true(tl_keyfile_read(path, key));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_new_key),     cmocka_unit_test(test_public_key),
                cmocka_unit_test(test_wrong_files),   cmocka_unit_test(test_exposed_files),
                cmocka_unit_test(test_foreign_files),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
