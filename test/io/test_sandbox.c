/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * Privileges that were dropped cannot be regained: each case runs in a child process. */
#define _GNU_SOURCE
#include "io/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/attr.h"
#include "test/lib/cmocka.h"

/* Runs a case in a child: returns 0, or the number of the line whose claim failed. */
static int in_a_child(int (*run_case)(void))
{
        pid_t child = fork();
        int status;

        if (child == 0)
                _exit(run_case());
        assert_int_equal(waitpid(child, &status, 0), child);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define DEMAND(condition) \
        do { \
                if (!(condition)) { \
                        fprintf(stderr, "line %d: %s (errno %d)\n", __LINE__, #condition, errno); \
                        return 1; \
                } \
        } while (0)

static bool has_capabilities(uint64_t wanted)
{
        cap_t now = cap_get_proc();
        bool same = true;

        for (cap_value_t c = 0; c < cap_max_bits(); c++) {
                cap_flag_value_t flag = CAP_CLEAR;

                cap_get_flag(now, c, CAP_EFFECTIVE, &flag);
                same &= (flag == CAP_SET) == (wanted >> c & 1);
        }
        cap_free(now);
        return same;
}

static int drop_all(void)
{
        const uint32_t wanted = TL_SANDBOX_USER | TL_SANDBOX_CAPABILITIES | TL_SANDBOX_BOUND |
                                TL_SANDBOX_NO_NEW_PRIVILEGES;
        struct tl_user user = tl_sandbox_find_user("nobody");
        gid_t group;

        prctl(PR_SET_DUMPABLE, 0);
        DEMAND(tl_sandbox_drop(&user, 0) == wanted);
        DEMAND(getuid() == user.uid && geteuid() == user.uid && getgid() == user.gid);
        DEMAND(getgroups(1, &group) == 0);
        DEMAND(setuid(0) < 0 && setgid(0) < 0);
        DEMAND(has_capabilities(0));
        DEMAND(cap_get_bound(CAP_NET_ADMIN) == 0 && cap_get_bound(CAP_SYS_ADMIN) == 0);
        DEMAND(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
        DEMAND(prctl(PR_GET_DUMPABLE) == 0);
        DEMAND(open("/etc/shadow", O_RDONLY) < 0);
        return 0;
}

static int drop_but_one(void)
{
        DEMAND(tl_sandbox_drop(NULL, 1ull << CAP_NET_ADMIN) & TL_SANDBOX_CAPABILITIES);
        DEMAND(getuid() == 0);
        DEMAND(has_capabilities(1ull << CAP_NET_ADMIN));
        /* Not through libc, which would make all threads do it: a sanitizer has a thread of its
         * own. */
        DEMAND(syscall(SYS_setuid, 65534) < 0);
        return 0;
}

static void test_privileges_are_dropped(void **state WG_UNUSED)
{
        if (geteuid() != 0) {
                fprintf(stderr, "SKIPPED: needs root to have privileges and drop them\n");
                skip();
        }
        assert_int_equal(in_a_child(drop_all), 0);
        assert_int_equal(in_a_child(drop_but_one), 0);
}

static void test_users(void **state WG_UNUSED)
{
        assert_int_equal(tl_sandbox_find_user("root").uid, 0);
        assert_int_equal(tl_sandbox_find_user("no-such-user-here").uid, 65534);
}

/* ---- system calls ---- */

static bool is_refused(long result)
{
        return result == -1 && errno == EPERM;
}

/* Calls that neither confinement allows. */
static int try_the_worst(void)
{
        void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        char program[] = "/bin/true", *words[] = {program, NULL};

        DEMAND(page != MAP_FAILED);
        DEMAND(is_refused(execve("/bin/true", words, words)));
        DEMAND(is_refused(syscall(SYS_execveat, AT_FDCWD, "/bin/true", words, words, 0)));
        DEMAND(is_refused(fork()));
        DEMAND(is_refused(syscall(SYS_clone3, NULL, 0)));
        DEMAND(is_refused(ptrace(PTRACE_TRACEME, 0, NULL, NULL)));
        DEMAND(is_refused(kill(1, 0)));
        DEMAND(is_refused(syscall(SYS_tgkill, 1, 1, 0)));
        DEMAND(syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), 0) == 0);
        DEMAND(is_refused(mprotect(page, 4096, PROT_READ | PROT_EXEC)));
        DEMAND(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
                       MAP_FAILED &&
               errno == EPERM);
        DEMAND(mprotect(page, 4096, PROT_READ) == 0);
        DEMAND(is_refused(syscall(SYS_io_uring_setup, 1, NULL)));
        DEMAND(is_refused(syscall(SYS_bpf, 0, NULL, 0)));
        DEMAND(is_refused(setuid(65534)));
        return 0;
}

static void *wait_for_filter(void *ctx)
{
        sem_t *steps = ctx;

        sem_post(&steps[0]);
        sem_wait(&steps[1]);
        return (void *)(intptr_t)(is_refused(open("/dev/null", O_RDONLY)) ? 0 : 1);
}

/* Both this thread and one that was started before can use open descriptors, and open nothing. */
static int confine_packets(void)
{
        pthread_t thread;
        sem_t steps[2];
        void *failed;
        int ends[2];

        DEMAND(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
        DEMAND(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
        sem_init(&steps[0], 0, 0);
        sem_init(&steps[1], 0, 0);
        DEMAND(pthread_create(&thread, NULL, wait_for_filter, steps) == 0);
        sem_wait(&steps[0]);
        DEMAND(tl_sandbox_confine(TL_CONFINE_PACKETS) == 0);
        sem_post(&steps[1]);
        DEMAND(pthread_join(thread, &failed) == 0 && !failed);
        DEMAND(is_refused(open("/dev/null", O_RDONLY)));
        DEMAND(is_refused(socket(AF_INET, SOCK_DGRAM, 0)));
        DEMAND(is_refused(unlink("/no/such/file")));
        DEMAND(write(ends[0], "x", 1) == 1);
        DEMAND(try_the_worst() == 0);
        return 0;
}

static int confine_helper(void)
{
        int fd;

        DEMAND(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
        DEMAND(tl_sandbox_confine(TL_CONFINE_HELPER) == 0);
        fd = socket(AF_INET, SOCK_DGRAM, 0);
        DEMAND(fd >= 0);
        close(fd);
        DEMAND(try_the_worst() == 0);
        return 0;
}

static int confine_cannot(void)
{
        return tl_sandbox_confine(TL_CONFINE_PACKETS) == -EOPNOTSUPP ? 0 : 1;
}

/* Without no_new_privs, an unprivileged process cannot install the filter. */
static int confine_too_early(void)
{
        struct tl_user user = tl_sandbox_find_user("nobody");

        if (geteuid() == 0)
                DEMAND(setresuid(user.uid, user.uid, user.uid) == 0);
        DEMAND(tl_sandbox_confine(TL_CONFINE_PACKETS) < 0);
        DEMAND(open("/dev/null", O_RDONLY) >= 0);
        return 0;
}

static void test_system_calls_are_refused(void **state WG_UNUSED)
{
        if (WG_IS_SANITIZED) {
                fprintf(stderr, "SKIPPED: sanitizers make system calls of their own\n");
                skip();
        }
        if (in_a_child(confine_cannot) == 0) {
                fprintf(stderr, "SKIPPED: this build has no libseccomp\n");
                skip();
        }
        assert_int_equal(in_a_child(confine_packets), 0);
        assert_int_equal(in_a_child(confine_helper), 0);
        assert_int_equal(in_a_child(confine_too_early), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_users),
                cmocka_unit_test(test_privileges_are_dropped),
                cmocka_unit_test(test_system_calls_are_refused),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
