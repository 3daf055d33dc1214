/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "io/fdpass.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test/lib/cmocka.h"

struct message {
        uint32_t number;
        char text[12];
};

static const struct message SENT = {7, "hello"};

static bool is_same_file(int a, int b)
{
        struct stat one, other;

        return fstat(a, &one) == 0 && fstat(b, &other) == 0 && one.st_dev == other.st_dev &&
               one.st_ino == other.st_ino;
}

static void test_messages_carry_descriptors(void **state WG_UNUSED)
{
        int ends[2], pipes[4], sent[TL_FDPASS_MAX], got[TL_FDPASS_MAX];

        assert_int_equal(tl_fdpass_pair(ends), 0);
        assert_int_equal(pipe(pipes), 0);
        assert_int_equal(pipe(pipes + 2), 0);
        for (unsigned int i = 0; i < TL_FDPASS_MAX; i++)
                sent[i] = pipes[i % 4];
        for (unsigned int count = 0; count <= TL_FDPASS_MAX; count++) {
                struct message received = {0};

                assert_int_equal(tl_fdpass_send(ends[0], &SENT, sizeof(SENT), sent, count), 0);
                assert_int_equal(tl_fdpass_receive(ends[1], &received, sizeof(received), got),
                                 count);
                assert_memory_equal(&received, &SENT, sizeof(SENT));
                for (unsigned int i = 0; i < TL_FDPASS_MAX; i++) {
                        if (i >= count) {
                                assert_int_equal(got[i], -1);
                                continue;
                        }
                        assert_true(is_same_file(got[i], sent[i]));
                        assert_true(fcntl(got[i], F_GETFD) & FD_CLOEXEC);
                }
                tl_fdpass_close(got);
        }
        for (unsigned int i = 0; i < 4; i++)
                close(pipes[i]);
        close(ends[0]);
        close(ends[1]);
}

static unsigned int count_descriptors(void)
{
        unsigned int count = 0;

        for (int fd = 0; fd < 256; fd++)
                count += fcntl(fd, F_GETFD) >= 0;
        return count;
}

static void test_other_lengths_are_refused_and_leave_nothing_open(void **state WG_UNUSED)
{
        int ends[2], got[TL_FDPASS_MAX];
        struct message received;
        unsigned int before;

        assert_int_equal(tl_fdpass_pair(ends), 0);
        before = count_descriptors();
        for (size_t len = 1; len <= sizeof(SENT) + 1; len++) {
                uint8_t bytes[sizeof(SENT) + 1] = {0};

                if (len == sizeof(SENT))
                        continue;
                assert_int_equal(tl_fdpass_send(ends[0], bytes, len, ends, 2), 0);
                assert_int_equal(tl_fdpass_receive(ends[1], &received, sizeof(received), got),
                                 -EBADMSG);
                assert_int_equal(count_descriptors(), before);
        }
        close(ends[0]);
        assert_int_equal(tl_fdpass_receive(ends[1], &received, sizeof(received), got), -ECONNRESET);
        assert_int_equal(tl_fdpass_send(ends[1], &SENT, sizeof(SENT), NULL, 0), -EPIPE);
        close(ends[1]);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_messages_carry_descriptors),
                cmocka_unit_test(test_other_lengths_are_refused_and_leave_nothing_open),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
