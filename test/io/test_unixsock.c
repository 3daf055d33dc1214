/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "io/unixsock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "io/clock.h"
#include "test/lib/cmocka.h"

static char base[] = "/tmp/test_unixsock.XXXXXX";
static char directory[64];         /* where the sockets are; created by the first test */
static struct sockaddr_un address; /* of wg0's */
#define path address.sun_path

/* The next connection, or -errno. */
static int accept_one(const struct tl_unixsock *sock)
{
        int fd = accept(sock->fd, NULL, NULL);

        return fd < 0 ? -errno : fd;
}

static int setup(void **state WG_UNUSED)
{
        strcpy(base + strlen(base) - 6, "XXXXXX");
        if (!mkdtemp(base))
                return -1;
        snprintf(directory, sizeof(directory), "%s/wireguard", base);
        address.sun_family = AF_UNIX;
        snprintf(path, sizeof(path), "%s/wg0.sock", directory);
        return 0;
}

static unsigned int count_files(void)
{
        DIR *open_directory = opendir(directory);
        unsigned int count = 0;

        if (!open_directory)
                return 0;
        while (readdir(open_directory))
                count++;
        closedir(open_directory);
        return count - 2; /* itself and its parent */
}

/* Each test leaves nothing behind. */
static int teardown(void **state WG_UNUSED)
{
        return count_files() || (rmdir(directory) < 0 && errno != ENOENT) || rmdir(base) < 0;
}

/* Connects, sends a byte and closes. */
static void visit(void)
{
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);

        assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(write(fd, "x", 1), 1);
        close(fd);
}

static void test_only_its_owner_can_connect(void **state WG_UNUSED)
{
        struct tl_unixsock sock;
        struct stat file;
        mode_t before = umask(077);
        char byte;
        int client;

        assert_int_equal(tl_unixsock_listen(&sock, directory, "wg0"), 0);
        umask(before);
        assert_int_equal(stat(directory, &file), 0);
        assert_int_equal(file.st_mode, S_IFDIR | 0755);
        assert_int_equal(stat(path, &file), 0);
        assert_int_equal(file.st_mode, S_IFSOCK | 0600);
        assert_int_equal(count_files(), 1);
        assert_string_equal(sock.address.sun_path, path);

        assert_int_equal(accept_one(&sock), -EAGAIN);
        visit();
        client = accept_one(&sock);
        assert_true(client >= 0);
        assert_int_equal(read(client, &byte, 1), 1);
        close(client);
        assert_int_equal(accept_one(&sock), -EAGAIN);
        tl_unixsock_done(&sock);
        assert_int_equal(count_files(), 0);
        tl_unixsock_done(&sock);
        tl_unixsock_done(NULL);
}

static void test_refused_names_and_places(void **state WG_UNUSED)
{
        struct tl_unixsock sock;
        char longest[200], occupied[80];
        size_t room = sizeof(sock.address.sun_path) - strlen(directory);
        FILE *file;

        assert_int_equal(tl_unixsock_listen(&sock, directory, ""), -EINVAL);
        assert_int_equal(tl_unixsock_listen(&sock, directory, "a/b"), -EINVAL);
        memset(longest, 'n', sizeof(longest));
        /* "/", ".sock" and the terminator; the temporary name has to fit as well. */
        longest[room - 7 + 1] = '\0';
        assert_int_equal(tl_unixsock_listen(&sock, directory, longest), -ENAMETOOLONG);
        longest[room - 20] = '\0';
        assert_int_equal(tl_unixsock_listen(&sock, directory, longest), 0);
        tl_unixsock_done(&sock);

        snprintf(occupied, sizeof(occupied), "%s/file", base);
        file = fopen(occupied, "w");
        fclose(file);
        assert_int_equal(tl_unixsock_listen(&sock, occupied, "wg0"), -ENOTDIR);
        unlink(occupied);
        snprintf(occupied, sizeof(occupied), "%s/no/parent", base);
        assert_int_equal(tl_unixsock_listen(&sock, occupied, "wg0"), -ENOENT);
        tl_unixsock_done(&sock);
}

static void test_a_dead_socket_is_replaced(void **state WG_UNUSED)
{
        struct tl_unixsock dead, sock;

        assert_int_equal(tl_unixsock_listen(&dead, directory, "wg0"), 0);
        close(dead.fd);
        close(dead.watch_fd);
        assert_int_equal(tl_unixsock_listen(&sock, directory, "wg0"), 0);
        visit();
        tl_unixsock_done(&sock);
}

static void test_a_live_socket_is_not_replaced(void **state WG_UNUSED)
{
        struct tl_unixsock living, sock;
        uint64_t start_ns = tl_clock_boot_ns();

        assert_int_equal(tl_unixsock_listen(&living, directory, "wg0"), 0);
        assert_int_equal(tl_unixsock_listen(&sock, directory, "wg0"), -EADDRINUSE);
        assert_in_range(tl_clock_boot_ns() - start_ns, 2 * TL_NS_PER_S, 5 * TL_NS_PER_S);
        assert_int_equal(count_files(), 1);
        assert_false(tl_unixsock_is_removed(&living));
        visit();
        tl_unixsock_done(&sock);
        assert_int_equal(count_files(), 1);
        tl_unixsock_done(&living);
}

static void test_a_full_queue_counts_as_alive(void **state WG_UNUSED)
{
        struct tl_unixsock living, sock;
        int clients[8];

        assert_int_equal(tl_unixsock_listen(&living, directory, "wg0"), 0);
        assert_int_equal(listen(living.fd, 0), 0);
        for (size_t i = 0; i < WG_ARRAY_SIZE(clients); i++) {
                clients[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
                (void)!connect(clients[i], (struct sockaddr *)&address, sizeof(address));
        }
        assert_int_equal(tl_unixsock_listen(&sock, directory, "wg0"), -EADDRINUSE);
        for (size_t i = 0; i < WG_ARRAY_SIZE(clients); i++)
                close(clients[i]);
        tl_unixsock_done(&living);
}

/* The daemon of a link that was just deleted still exists for a moment. */
static void test_a_name_is_free_once_its_owner_ends(void **state WG_UNUSED)
{
        struct tl_unixsock sock;
        int ready[2];
        char byte;
        pid_t child;

        assert_int_equal(pipe(ready), 0);
        child = fork();
        if (child == 0) {
                if (tl_unixsock_listen(&sock, directory, "wg0") < 0)
                        _exit(1);
                (void)!write(ready[1], "x", 1);
                usleep(300000);
                tl_unixsock_done(&sock);
                _exit(0);
        }
        assert_int_equal(read(ready[0], &byte, 1), 1);
        assert_int_equal(tl_unixsock_listen(&sock, directory, "wg0"), 0);
        waitpid(child, NULL, 0);
        visit();
        assert_false(tl_unixsock_is_removed(&sock));
        tl_unixsock_done(&sock);
        close(ready[0]);
        close(ready[1]);
}

static void do_nothing(void)
{
}

static void touch_another(void)
{
        char other[128];

        snprintf(other, sizeof(other), "%s/other", directory);
        close(open(other, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
        unlink(other);
}

static void delete (void)
{
        unlink(path);
}

static void rename_away(void)
{
        char other[128];

        snprintf(other, sizeof(other), "%s/other", directory);
        assert_int_equal(rename(path, other), 0);
        unlink(other);
}

static void overwrite(void)
{
        char other[128];

        snprintf(other, sizeof(other), "%s/other", directory);
        close(open(other, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
        assert_int_equal(rename(other, path), 0);
}

static void delete_all(void)
{
        unlink(path);
        assert_int_equal(rmdir(directory), 0);
}

static void test_removal_is_noticed(void **state WG_UNUSED)
{
        static const struct {
                int number;
                void (*act)(void);
                bool is_removed, leaves_file;
        } cases[] = {
                {1, do_nothing, false, false}, {2, touch_another, false, false},
                {3, delete, true, false},      {4, rename_away, true, false},
                {5, overwrite, true, true},    {6, delete_all, true, false},
        };

        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                struct tl_unixsock sock;
                struct pollfd watch = {.events = POLLIN};

                print_message("case %d\n", cases[i].number);
                assert_int_equal(tl_unixsock_listen(&sock, directory, "wg0"), 0);
                assert_false(tl_unixsock_is_removed(&sock));
                watch.fd = sock.watch_fd;
                assert_int_equal(poll(&watch, 1, 0), 0);
                cases[i].act();
                if (cases[i].is_removed)
                        assert_int_equal(poll(&watch, 1, 1000), 1);
                assert_int_equal(tl_unixsock_is_removed(&sock), cases[i].is_removed);
                assert_int_equal(poll(&watch, 1, 0), 0); /* quiet again */
                tl_unixsock_done(&sock);
                /* A file that replaced ours is not ours to delete. */
                assert_int_equal(count_files(), cases[i].leaves_file);
                unlink(path);
        }
}

static void test_adopts_only_a_listening_socket(void **state WG_UNUSED)
{
        struct tl_unixsock first, sock;
        int fd = socket(AF_UNIX, SOCK_STREAM, 0), copy;

        assert_int_equal(tl_unixsock_adopt(&sock, fd, directory, "wg0"), -EINVAL);
        assert_int_equal(tl_unixsock_adopt(&sock, -1, directory, "wg0"), -EINVAL);
        close(fd);
        fd = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(listen(fd, 1), 0);
        assert_int_equal(tl_unixsock_adopt(&sock, fd, directory, "wg0"), -EINVAL);
        close(fd);

        assert_int_equal(tl_unixsock_listen(&first, directory, "wg0"), 0);
        assert_int_equal(tl_unixsock_adopt(&sock, first.fd, directory, "wg1"), -ENOENT);
        copy = dup(first.fd);
        assert_int_equal(tl_unixsock_adopt(&sock, copy, directory, "wg0"), 0);
        assert_true(fcntl(copy, F_GETFD) & FD_CLOEXEC);
        close(first.fd);
        close(first.watch_fd);
        visit();
        fd = accept_one(&sock);
        assert_true(fd >= 0);
        close(fd);
        assert_false(tl_unixsock_is_removed(&sock));
        tl_unixsock_done(&sock);
}

/* ---- asking ---- */

static bool ends_with_blank_line(const char *reply, size_t len)
{
        return len >= 2 && memcmp(reply + len - 2, "\n\n", 2) == 0;
}

/* A process that accepts one client, reads `until` bytes, sends `pieces` with pauses between them,
 * and then closes or, with `stays`, does nothing more until it is killed. */
static pid_t serve(const struct tl_unixsock *sock, size_t until, const char *const *pieces,
                   bool stays)
{
        const struct timespec pause = {.tv_nsec = 10 * (long)TL_NS_PER_MS};
        pid_t pid = fork();
        char byte;
        int client;

        if (pid)
                return pid;
        while ((client = accept_one(sock)) < 0)
                nanosleep(&pause, NULL);
        fcntl(client, F_SETFL, 0);
        while (until-- && read(client, &byte, 1) == 1)
                continue;
        for (; *pieces; pieces++) {
                nanosleep(&pause, NULL);
                if (write(client, *pieces, strlen(*pieces)) < 0)
                        _exit(1);
        }
        while (stays)
                nanosleep(&pause, NULL);
        _exit(0);
}

static int send_all(int fd, const char *text, uint64_t until_ns)
{
        while (*text) {
                ssize_t sent = tl_unixsock_send(fd, text, strlen(text), until_ns);

                if (sent < 0)
                        return (int)sent;
                text += sent;
        }
        return 0;
}

/* Sends a request, and receives until a blank line, the end, or size bytes. */
static ssize_t ask(const char *request, char *reply, size_t size, uint64_t timeout_ns)
{
        uint64_t until_ns = tl_clock_boot_ns() + timeout_ns;
        int fd = tl_unixsock_connect(directory, "wg0", until_ns);
        ssize_t got = fd < 0 ? fd : send_all(fd, request, until_ns);
        size_t len = 0;

        while (got >= 0 && len < size && !ends_with_blank_line(reply, len)) {
                got = tl_unixsock_receive(fd, reply + len, size - len, until_ns);
                if (got == 0)
                        break;
                len += got > 0 ? (size_t)got : 0;
        }
        if (fd >= 0)
                close(fd);
        return got < 0 ? got : (ssize_t)len;
}

static void end(pid_t pid)
{
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
}

#define PLENTY (20 * TL_NS_PER_S)

static void test_asks(void **state WG_UNUSED)
{
        static const char *const whole[] = {"ab\n\n", NULL},
                                 *const pieces[] = {"a", "b\n", "\n", NULL},
                                 *const cut[] = {"ab", NULL}, *const nothing[] = {NULL};
        struct tl_unixsock sock;
        char reply[5];
        pid_t pid;

        assert_int_equal(tl_unixsock_listen(&sock, directory, "wg0"), 0);
        pid = serve(&sock, 1, whole, true);
        assert_int_equal(ask("x", reply, sizeof(reply), PLENTY), 4);
        assert_memory_equal(reply, "ab\n\n", 4);
        end(pid);
        pid = serve(&sock, 1, pieces, true);
        assert_int_equal(ask("x", reply, sizeof(reply), PLENTY), 4);
        assert_memory_equal(reply, "ab\n\n", 4);
        end(pid);
        /* At most the size of the buffer; less if the other end closes. */
        pid = serve(&sock, 1, pieces, true);
        assert_int_equal(ask("x", reply, 3, PLENTY), 3);
        end(pid);
        pid = serve(&sock, 1, cut, false);
        assert_int_equal(ask("x", reply, sizeof(reply), PLENTY), 2);
        end(pid);
        pid = serve(&sock, 1, nothing, false);
        assert_int_equal(ask("x", reply, sizeof(reply), PLENTY), 0);
        end(pid);
        tl_unixsock_done(&sock);
}

/* No call takes longer than the timeout: for a reply, for the rest of one, to be accepted, or to be
 * read. */
static void test_asks_up_to_the_timeout(void **state WG_UNUSED)
{
        static const char *const cut[] = {"ab", NULL}, *const nothing[] = {NULL};
        static char much[8 << 20];
        const uint64_t timeout_ns = 50 * TL_NS_PER_MS;
        struct tl_unixsock sock;
        unsigned int count = 0;
        int waiting[8];
        char reply[5];
        pid_t pid;

        memset(much, 'x', sizeof(much) - 1);
        assert_int_equal(tl_unixsock_listen(&sock, directory, "wg0"), 0);
        assert_int_equal(ask("x", reply, sizeof(reply), timeout_ns), -ETIMEDOUT);
        pid = serve(&sock, 1, cut, true);
        assert_int_equal(ask("x", reply, sizeof(reply), timeout_ns), -ETIMEDOUT);
        end(pid);
        pid = serve(&sock, 0, nothing, true);
        assert_int_equal(ask(much, reply, sizeof(reply), timeout_ns), -ETIMEDOUT);
        end(pid);
        assert_int_equal(listen(sock.fd, 0), 0);
        /* Connections that were not accepted yet fill the queue. */
        while ((waiting[count] = tl_unixsock_connect(directory, "wg0",
                                                     tl_clock_boot_ns() + timeout_ns)) >= 0)
                assert_true(++count < WG_ARRAY_SIZE(waiting));
        assert_int_equal(waiting[count], -ETIMEDOUT);
        while (count--)
                close(waiting[count]);
        tl_unixsock_done(&sock);
}

static void test_no_listener(void **state WG_UNUSED)
{
        struct tl_unixsock sock;

        assert_int_equal(tl_unixsock_connect(directory, "wg0", 0), -ENOENT);
        assert_int_equal(tl_unixsock_connect(directory, "", 0), -EINVAL);
        assert_int_equal(tl_unixsock_connect(directory, "a/b", 0), -EINVAL);
        assert_int_equal(tl_unixsock_listen(&sock, directory, "wg0"), 0);
        close(sock.fd);
        close(sock.watch_fd);
        assert_int_equal(tl_unixsock_connect(directory, "wg0", 0), -ECONNREFUSED);
        assert_int_equal(unlink(path), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_only_its_owner_can_connect),
                TEST(test_refused_names_and_places),
                TEST(test_a_dead_socket_is_replaced),
                TEST(test_a_live_socket_is_not_replaced),
                TEST(test_a_full_queue_counts_as_alive),
                TEST(test_a_name_is_free_once_its_owner_ends),
                TEST(test_removal_is_noticed),
                TEST(test_adopts_only_a_listening_socket),
                TEST(test_asks),
                TEST(test_asks_up_to_the_timeout),
                TEST(test_no_listener),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
