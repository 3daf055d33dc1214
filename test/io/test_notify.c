/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "io/notify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/attr.h"
#include "test/lib/cmocka.h"

/* A service manager at that name; '@' begins an abstract one. */
static int listen_at(const char *name)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

        memcpy(address.sun_path, name, strlen(name));
        if (name[0] == '@')
                address.sun_path[0] = '\0';
        assert_int_equal(bind(fd, (struct sockaddr *)&address,
                              (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))),
                         0);
        return fd;
}

static void expect_told(const char *name)
{
        int manager = listen_at(name);
        struct tl_notify notify;
        char got[64] = "";

        setenv("NOTIFY_SOCKET", name, 1);
        assert_int_equal(tl_notify_init(&notify), 0);
        assert_null(getenv("NOTIFY_SOCKET"));
        assert_int_equal(tl_notify_tell(&notify, "READY=1"), 0);
        assert_int_equal(recv(manager, got, sizeof(got), MSG_DONTWAIT), 7);
        assert_string_equal(got, "READY=1");
        close(manager);
        /* It does no harm if the manager has gone. */
        assert_int_not_equal(tl_notify_tell(&notify, "STOPPING=1"), 0);
        tl_notify_done(&notify);
        tl_notify_done(&notify);
        tl_notify_done(NULL);
}

static void test_managers(void **state)
{
        char directory[] = "/tmp/tieline-notify-XXXXXX", name[64];

        (void)state;
        assert_non_null(mkdtemp(directory));
        snprintf(name, sizeof(name), "%s/socket", directory);
        expect_told(name);
        unlink(name);
        rmdir(directory);
        snprintf(name, sizeof(name), "@tieline-test-%d", (int)getpid());
        expect_told(name);
}

static void test_no_manager(void **state)
{
        struct tl_notify notify;

        (void)state;
        unsetenv("NOTIFY_SOCKET");
        assert_int_equal(tl_notify_init(&notify), 0);
        assert_int_equal(tl_notify_tell(&notify, "READY=1"), 0);
        tl_notify_done(&notify);
}

static void test_invalid_names(void **state)
{
        char longest[256];
        const char *const names[] = {"relative", "/", "@", longest};
        struct tl_notify notify;

        (void)state;
        memset(longest, 'x', sizeof(longest) - 1);
        longest[0] = '/';
        longest[sizeof(longest) - 1] = '\0';
        for (size_t i = 0; i < WG_ARRAY_SIZE(names); i++) {
                setenv("NOTIFY_SOCKET", names[i], 1);
                assert_int_equal(tl_notify_init(&notify), -EINVAL);
                assert_int_equal(notify.fd, -1);
                assert_null(getenv("NOTIFY_SOCKET"));
        }
        setenv("NOTIFY_SOCKET", "/nonexistent/socket", 1);
        assert_int_equal(tl_notify_init(&notify), -ENOENT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_managers),
                cmocka_unit_test(test_no_manager),
                cmocka_unit_test(test_invalid_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
