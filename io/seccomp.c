/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * seccomp.c - the lists of allowed system calls, and the filter made from them.
 *
 * Names that this architecture lacks are skipped: the lists have all names that any libc uses for
 * the same thing. A call that is not on a list fails with EPERM, which its caller reports; killing
 * the process would tell the administrator less. */
#include <errno.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "io/sandbox.h"

/* Ten times the memory that libseccomp has been seen to use for our lists. Each piece is small
 * enough to come from the heap, which keeps it, and not from a mapping, which does not. */
enum { MEMORY_PIECES = 32, MEMORY_PIECE = 32768 };

/* Calls that a thread needs to live, allocate, wait, log, and end or abort. */
static const char *const COMMON[] = {
        "brk",
        "clock_gettime",
        "clock_gettime64",
        "clock_nanosleep",
        "close",
        "dup2",
        "dup3",
        "exit",
        "exit_group",
        "fstat",
        "futex",
        "futex_time64",
        "getpid",
        "getrandom",
        "gettid",
        "gettimeofday",
        "madvise",
        "mremap",
        "munmap",
        "nanosleep",
        "poll",
        "ppoll",
        "ppoll_time64",
        "read",
        "recvmsg",
        "restart_syscall",
        "rt_sigaction",
        "rt_sigprocmask",
        "rt_sigreturn",
        "sendmsg",
        "sendto",
        "write",
        "writev",
};

static const char *const PACKETS[] = {
        "accept4",         "epoll_ctl",         "epoll_pwait", "epoll_pwait2", "epoll_wait",
        "getsockname",     "getsockopt",        "readv",       "recvfrom",     "recvmmsg",
        "recvmmsg_time64", "sched_getaffinity", "sched_yield", "sendmmsg",     "shutdown",
        "timerfd_settime", "timerfd_settime64", "wait4",       "waitid",
};

static const char *const HELPER[] = {
        "access",        "bind",       "chmod",       "connect",    "faccessat",
        "faccessat2",    "fchmod",     "fchmodat",    "fcntl",      "fcntl64",
        "geteuid",       "geteuid32",  "getsockname", "getsockopt", "inotify_add_watch",
        "inotify_init1", "ioctl",      "listen",      "lstat",      "lstat64",
        "mkdir",         "mkdirat",    "newfstatat",  "fstatat64",  "open",
        "openat",        "recvfrom",   "rename",      "renameat",   "renameat2",
        "setns",         "setsockopt", "socket",      "stat",       "stat64",
        "statx",         "unlink",     "unlinkat",
};

/* Calls of sanitizers, to report errors and to look for leaks at exit. */
static const char *const SANITIZERS[] = {
        "arch_prctl",  "clone",           "clone3",      "fcntl",   "getdents",
        "getdents64",  "getppid",         "getrlimit",   "getuid",  "ioctl",
        "kill",        "lseek",           "mlock",       "mmap",    "mprotect",
        "munlock",     "newfstatat",      "open",        "openat",  "personality",
        "pipe",        "pipe2",           "prctl",       "pread64", "prlimit64",
        "ptrace",      "readlink",        "readlinkat",  "rseq",    "sched_getaffinity",
        "sched_yield", "set_robust_list", "sigaltstack", "socket",  "stat",
        "statx",       "sysinfo",         "uname",       "wait4",   "waitid",
};

struct set {
        const char *const *names;
        size_t count;
};

#define SET(names) \
        (struct set) \
        { \
                names, WG_ARRAY_SIZE(names) \
        }

static struct set special_of(enum tl_confinement confinement)
{
        switch (confinement) {
        case TL_CONFINE_PACKETS:
                return SET(PACKETS);
        case TL_CONFINE_HELPER:
                return SET(HELPER);
        }
        return (struct set){NULL, 0};
}

static int allow(scmp_filter_ctx filter, struct set set)
{
        int error = 0;

        for (size_t i = 0; error == 0 && i < set.count; i++) {
                int number = seccomp_syscall_resolve_name(set.names[i]);

                if (number >= 0)
                        error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
        }
        return error;
}

/* Allows memory that is not executable. */
static int allow_data(scmp_filter_ctx filter)
{
        static const char *const names[] = {"mmap", "mmap2", "mprotect"};
        int error = 0;

        for (size_t i = 0; error == 0 && i < WG_ARRAY_SIZE(names); i++) {
                int number = seccomp_syscall_resolve_name(names[i]);

                if (number >= 0)
                        error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 1,
                                                 SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
        }
        return error;
}

/* Allows abort() to signal this process, but no other. */
static int allow_to_end_itself(scmp_filter_ctx filter)
{
        return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                                SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0));
}

/* libseccomp makes about a thousand allocations. If one fails halfway, it frees memory twice, or
 * silently omits rules. So we first check that there is enough memory: it then gets the memory that
 * is freed here. */
static bool has_memory(void)
{
        void *pieces[MEMORY_PIECES] = {NULL};
        bool has_all = true;

        for (size_t i = 0; i < MEMORY_PIECES; i++) {
                pieces[i] = malloc(MEMORY_PIECE);
                has_all &= pieces[i] != NULL;
        }
        for (size_t i = 0; i < MEMORY_PIECES; i++)
                free(pieces[i]);
        return has_all;
}

int tl_sandbox_confine(enum tl_confinement confinement)
{
        scmp_filter_ctx filter = has_memory() ? seccomp_init(SCMP_ACT_ERRNO(EPERM)) : NULL;
        int error;

        if (!filter)
                return -ENOMEM;
        /* For all threads at once, or for none. An unprivileged process may confine itself only
         * with no_new_privs, which was set before. */
        error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
        if (error == 0)
                error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0);
        if (error == 0)
                error = allow(filter, SET(COMMON));
        if (error == 0)
                error = allow(filter, special_of(confinement));
        if (error == 0)
                error = allow_to_end_itself(filter);
        if (error == 0)
                error = WG_IS_SANITIZED ? allow(filter, SET(SANITIZERS)) : allow_data(filter);
        if (error == 0)
                error = seccomp_load(filter);
        seccomp_release(filter);
        return error;
}
