/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * inject - makes every thread of a running process do system calls, and prints their results.
 *
 *   inject PID
 *
 * inject attaches to each thread, points it at a `syscall` instruction in its own code, with the
 * registers set up for a call, lets it do that one call, and restores the registers. That is what
 * an attacker who controls the process could make it do. Afterwards the process continues as
 * before. Each line of output is THREAD CALL RESULT; the result is the name of an errno or the
 * call's return value.
 *
 * Wherever possible the arguments are wrong or have no effect, so that a call does no harm if it is
 * allowed, and only a filter answers it with EPERM. A process that a call creates is killed.
 *
 * Source: ptrace(2), syscall(2). Threads: one. */
#include <dirent.h>
#include <elf.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS_MAX = 256, PAGE = 4096, SCRATCH_BELOW = 1024 };

/* ---- registers ---- */

#if defined(__x86_64__)
static const uint8_t SYSCALL[] = {0x0f, 0x05};

static uint64_t stack_of(const struct user_regs_struct *r)
{
        return r->rsp;
}

static void set_call(struct user_regs_struct *r, uint64_t at, long number,
                     const uint64_t arguments[6])
{
        r->rip = at;
        r->rax = (uint64_t)number;
        r->orig_rax = UINT64_MAX; /* no call was interrupted, so none is restarted */
        r->rdi = arguments[0];
        r->rsi = arguments[1];
        r->rdx = arguments[2];
        r->r10 = arguments[3];
        r->r8 = arguments[4];
        r->r9 = arguments[5];
}

static long result_of(const struct user_regs_struct *r)
{
        return (long)r->rax;
}

/* Restarts an interrupted call. The kernel does this when a thread leaves a stop between calls, but
 * inject's calls end elsewhere. */
static void rewind_call(struct user_regs_struct *r)
{
        enum { ERESTARTSYS = 512, ERESTARTNOINTR, ERESTARTNOHAND, ERESTART_RESTARTBLOCK = 516 };
        long result = (long)r->rax;

        if ((long)r->orig_rax < 0)
                return;
        if (result == -ERESTARTSYS || result == -ERESTARTNOINTR || result == -ERESTARTNOHAND)
                r->rax = r->orig_rax;
        else if (result == -ERESTART_RESTARTBLOCK)
                r->rax = SYS_restart_syscall;
        else
                return;
        r->rip -= sizeof(SYSCALL);
        r->orig_rax = UINT64_MAX;
}
#elif defined(__aarch64__)
static const uint8_t SYSCALL[] = {0x01, 0x00, 0x00, 0xd4}; /* svc #0 */

static uint64_t stack_of(const struct user_regs_struct *r)
{
        return r->sp;
}

static void set_call(struct user_regs_struct *r, uint64_t at, long number,
                     const uint64_t arguments[6])
{
        r->pc = at;
        r->regs[8] = (uint64_t)number;
        for (int i = 0; i < 6; i++)
                r->regs[i] = arguments[i];
}

static long result_of(const struct user_regs_struct *r)
{
        return (long)r->regs[0];
}

/* This kernel rewinds the registers before the stop. */
static void rewind_call(struct user_regs_struct *r)
{
        (void)r;
}
#else
#error "inject supports only x86-64 and aarch64"
#endif

/* ---- the calls ---- */

/* Placeholders: addresses of texts in the victim's memory, and its process id. */
#define NULL_DEVICE (UINT64_MAX - 100)
#define NO_FILE (UINT64_MAX - 101)
#define ZEROS (UINT64_MAX - 102)
#define ITSELF (UINT64_MAX - 103)
#define NOWHERE UINT64_MAX

struct call {
        const char *name;
        long number;
        uint64_t arguments[6];
};

static const struct call calls[] = {
        /* Allowed calls, which show that inject works. */
        {"getpid", SYS_getpid, {0}},
        {"mmap-data", SYS_mmap, {0, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, NOWHERE, 0}},

        {"openat", SYS_openat, {(uint64_t)AT_FDCWD, NULL_DEVICE, O_RDONLY}},
        {"openat2", 437, {(uint64_t)AT_FDCWD, NULL_DEVICE, ZEROS, 24}},
        {"open_by_handle_at", SYS_open_by_handle_at, {NOWHERE, ZEROS, 0}},
        {"name_to_handle_at", SYS_name_to_handle_at, {NOWHERE, NO_FILE, 0, 0, 0}},
        {"unlinkat", SYS_unlinkat, {(uint64_t)AT_FDCWD, NO_FILE, 0}},
        {"renameat2", SYS_renameat2, {(uint64_t)AT_FDCWD, NO_FILE, (uint64_t)AT_FDCWD, NO_FILE, 0}},
        {"fchmodat", SYS_fchmodat, {(uint64_t)AT_FDCWD, NO_FILE, 0}},
        {"fchownat", SYS_fchownat, {(uint64_t)AT_FDCWD, NO_FILE, 0, 0, 0}},
        {"mkdirat", SYS_mkdirat, {(uint64_t)AT_FDCWD, NULL_DEVICE, 0}},
        {"symlinkat", SYS_symlinkat, {NO_FILE, (uint64_t)AT_FDCWD, NULL_DEVICE}},
        {"readlinkat", SYS_readlinkat, {(uint64_t)AT_FDCWD, NO_FILE, ZEROS, 1}},
        {"chdir", SYS_chdir, {NO_FILE}},
        {"chroot", SYS_chroot, {NO_FILE}},
        {"truncate", SYS_truncate, {NO_FILE, 0}},
        {"getdents64", SYS_getdents64, {NOWHERE, 0, 0}},
        {"memfd_create", SYS_memfd_create, {NO_FILE, 0}},

        {"execve", SYS_execve, {NO_FILE, 0, 0}},
        {"execveat", SYS_execveat, {(uint64_t)AT_FDCWD, NO_FILE, 0, 0, 0}},
        {"clone", SYS_clone, {CLONE_SIGHAND}},
        {"clone3", 435, {ZEROS, 0}},
#ifdef SYS_fork
        {"fork", SYS_fork, {0}},
        {"vfork", SYS_vfork, {0}},
        {"open", SYS_open, {NULL_DEVICE, O_RDONLY}},
        {"unlink", SYS_unlink, {NO_FILE}},
        {"rename", SYS_rename, {NO_FILE, NO_FILE}},
        {"chmod", SYS_chmod, {NO_FILE, 0}},
#endif
        {"mmap-code",
         SYS_mmap,
         {0, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, NOWHERE, 0}},
        {"mprotect-code", SYS_mprotect, {0, 0, PROT_READ | PROT_EXEC}},
        {"pkey_mprotect", SYS_pkey_mprotect, {0, 0, PROT_EXEC, NOWHERE}},
        {"remap_file_pages", SYS_remap_file_pages, {0, 0, 0, 0, 0}},
        {"userfaultfd", SYS_userfaultfd, {NOWHERE}},

        {"socket", SYS_socket, {AF_INET, SOCK_DGRAM, 0}},
        {"socket-raw", SYS_socket, {AF_PACKET, SOCK_RAW, 0}},
        {"socketpair", SYS_socketpair, {AF_UNIX, SOCK_STREAM, 0, 0}},
        {"connect", SYS_connect, {NOWHERE, 0, 0}},
        {"bind", SYS_bind, {NOWHERE, 0, 0}},
        {"listen", SYS_listen, {NOWHERE, 0}},
        {"setsockopt", SYS_setsockopt, {NOWHERE, 0, 0, 0, 0}},
        {"ioctl", SYS_ioctl, {NOWHERE, 0, 0}},
        {"fcntl", SYS_fcntl, {NOWHERE, 0, 0}},

        {"ptrace", SYS_ptrace, {PTRACE_PEEKDATA, NOWHERE, 0, 0}},
        {"process_vm_readv", SYS_process_vm_readv, {ITSELF, 0, 0, 0, 0, 0}},
        {"process_vm_writev", SYS_process_vm_writev, {ITSELF, 0, 0, 0, 0, 0}},
        {"kcmp", SYS_kcmp, {ITSELF, ITSELF, 1, 0, 0}},
        {"pidfd_open", 434, {ITSELF, 0}},
        {"kill", SYS_kill, {ITSELF, 0}},
        {"tkill", SYS_tkill, {ITSELF, 0}},
        {"tgkill-init", SYS_tgkill, {1, NOWHERE, 0}},
        {"rt_sigqueueinfo", SYS_rt_sigqueueinfo, {ITSELF, 0, 0}},
        {"perf_event_open", SYS_perf_event_open, {0, 0, NOWHERE, NOWHERE, 0}},
        {"prctl-dumpable", SYS_prctl, {4, 99, 0, 0, 0}}, /* PR_SET_DUMPABLE */
        {"prlimit64-core", SYS_prlimit64, {0, NOWHERE, 0, 0}},
        {"setpriority", SYS_setpriority, {NOWHERE, 0, 0}},

        {"setuid", SYS_setuid, {UINT32_MAX}},
        {"setuid-root", SYS_setuid, {0}},
        {"setresuid", SYS_setresuid, {NOWHERE, NOWHERE, NOWHERE}},
        {"setgid", SYS_setgid, {UINT32_MAX}},
        {"setgroups", SYS_setgroups, {0, 0}},
        {"capset", SYS_capset, {0, 0}},
        {"setns", SYS_setns, {NOWHERE, 0}},
        {"unshare", SYS_unshare, {0}},
        {"personality", SYS_personality, {UINT32_MAX}},
        {"seccomp", SYS_seccomp, {NOWHERE, 0, 0}},

        {"mount", SYS_mount, {NO_FILE, NO_FILE, NO_FILE, 0, 0}},
        {"umount2", SYS_umount2, {NO_FILE, 0}},
        {"pivot_root", SYS_pivot_root, {NO_FILE, NO_FILE}},
        {"fsopen", 430, {NO_FILE, 0}},
        {"move_mount", 429, {NOWHERE, NO_FILE, NOWHERE, NO_FILE, 0}},
        {"init_module", SYS_init_module, {0, 0, NO_FILE}},
        {"finit_module", SYS_finit_module, {NOWHERE, NO_FILE, 0}},
        {"delete_module", SYS_delete_module, {NO_FILE, 0}},
        {"kexec_load", SYS_kexec_load, {0, 0, 0, 0}},
        {"bpf", SYS_bpf, {NOWHERE, 0, 0}},
        {"io_uring_setup", 425, {0, 0}},
        {"io_uring_enter", 426, {NOWHERE, 0, 0, 0, 0, 0}},
        {"keyctl", SYS_keyctl, {NOWHERE, 0, 0, 0, 0}},
        {"add_key", SYS_add_key, {0, 0, 0, 0, 0}},
        {"syslog", SYS_syslog, {NOWHERE, 0, 0}},
        {"acct", SYS_acct, {NO_FILE}},
        {"swapon", SYS_swapon, {NO_FILE, 0}},
        {"reboot", SYS_reboot, {0, 0, 0, 0}},
        {"sethostname", SYS_sethostname, {0, NOWHERE}},
        {"settimeofday", SYS_settimeofday, {0, 0}},
        {"clock_settime", SYS_clock_settime, {NOWHERE, 0}},
};

/* ---- the victim ---- */

struct victim {
        pid_t process;
        pid_t threads[THREADS_MAX];
        size_t count;
        int memory;    /* /proc/PID/mem */
        uint64_t code; /* address of a `syscall` instruction */
};

static void trace(long request, pid_t thread, uintptr_t address, uintptr_t data)
{
        if (ptrace((int)request, thread, address, data) < 0)
                err(2, "ptrace of thread %d, request %lx", thread, (unsigned long)request);
}

static void get_registers(pid_t thread, struct user_regs_struct *r)
{
        struct iovec part = {r, sizeof(*r)};

        trace(PTRACE_GETREGSET, thread, NT_PRSTATUS, (uintptr_t)&part);
}

static void set_registers(pid_t thread, struct user_regs_struct *r)
{
        struct iovec part = {r, sizeof(*r)};

        trace(PTRACE_SETREGSET, thread, NT_PRSTATUS, (uintptr_t)&part);
}

/* Waits until the thread has stopped. */
static void await(pid_t thread)
{
        int status;

        while (waitpid(thread, &status, __WALL) < 0)
                if (errno != EINTR)
                        err(2, "wait for thread %d", thread);
        if (!WIFSTOPPED(status))
                errx(2, "thread %d ended with status %#x", thread, (unsigned int)status);
}

/* Stops every thread. */
static void attach(struct victim *v)
{
        char path[64];
        DIR *directory;

        snprintf(path, sizeof(path), "/proc/%d/task", v->process);
        directory = opendir(path);
        if (!directory)
                err(2, "%s", path);
        for (struct dirent *entry; (entry = readdir(directory));) {
                pid_t thread = atoi(entry->d_name);

                if (thread <= 0)
                        continue;
                if (v->count == THREADS_MAX)
                        errx(2, "more than %d threads", THREADS_MAX);
                trace(PTRACE_SEIZE, thread, 0, PTRACE_O_TRACESYSGOOD);
                trace(PTRACE_INTERRUPT, thread, 0, 0);
                await(thread);
                v->threads[v->count++] = thread;
        }
        closedir(directory);
        snprintf(path, sizeof(path), "/proc/%d/mem", v->process);
        v->memory = open(path, O_RDWR | O_CLOEXEC);
        if (v->memory < 0)
                err(2, "%s", path);
}

/* The address of a `syscall` instruction in [from, to) of the victim's memory; 0: none. */
static uint64_t search(const struct victim *v, uint64_t from, uint64_t to)
{
        static uint8_t bytes[1 << 16];

        for (uint64_t at = from; at < to; at += sizeof(bytes) - sizeof(SYSCALL)) {
                uint64_t wanted = to - at < sizeof(bytes) ? to - at : sizeof(bytes);
                ssize_t got = pread(v->memory, bytes, wanted, (off_t)at);
                const uint8_t *found =
                        got > 0 ? memmem(bytes, (size_t)got, SYSCALL, sizeof(SYSCALL)) : NULL;

                if (found)
                        return at + (uint64_t)(found - bytes);
        }
        return 0;
}

static void find_code(struct victim *v)
{
        char path[64], line[512], rights[8];
        uint64_t from, to;
        FILE *maps;

        snprintf(path, sizeof(path), "/proc/%d/maps", v->process);
        maps = fopen(path, "r");
        if (!maps)
                err(2, "%s", path);
        while (!v->code && fgets(line, sizeof(line), maps))
                if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s", &from, &to, rights) == 3 &&
                    strcmp(rights, "r-xp") == 0 && strstr(line, "libc"))
                        v->code = search(v, from, to);
        fclose(maps);
        if (!v->code)
                errx(2, "no `syscall` instruction in the code of process %d", v->process);
}

/* Targets of pointer arguments, written below the stack pointer, where nothing is in use. */
struct scratch {
        char null_device[16], no_file[32];
        uint8_t zeros[64];
};

static const struct scratch scratch = {.null_device = "/dev/null", .no_file = "/no/such/file"};

static uint64_t resolve(const struct victim *v, uint64_t argument, uint64_t at)
{
        switch (argument) {
        case NULL_DEVICE:
                return at + offsetof(struct scratch, null_device);
        case NO_FILE:
                return at + offsetof(struct scratch, no_file);
        case ZEROS:
                return at + offsetof(struct scratch, zeros);
        case ITSELF:
                return (uint64_t)v->process;
        default:
                return argument;
        }
}

/* Makes a stopped thread, whose registers are `home`, do one call. */
static long do_call(const struct victim *v, pid_t thread, const struct user_regs_struct *home,
                    const struct call *call)
{
        uint64_t at = (stack_of(home) - SCRATCH_BELOW - sizeof(scratch)) & ~UINT64_C(15);
        uint64_t arguments[6];
        struct user_regs_struct r = *home;

        if (pwrite(v->memory, &scratch, sizeof(scratch), (off_t)at) != sizeof(scratch))
                err(2, "cannot write to the stack of thread %d", thread);
        for (int i = 0; i < 6; i++)
                arguments[i] = resolve(v, call->arguments[i], at);
        set_call(&r, v->code, call->number, arguments);
        set_registers(thread, &r);
        for (int stop = 0; stop < 2; stop++) { /* at the call's entry, then at its exit */
                trace(PTRACE_SYSCALL, thread, 0, 0);
                await(thread);
        }
        get_registers(thread, &r);
        return result_of(&r);
}

/* Undoes the effect of a call that was not refused. */
static void undo(const struct victim *v, pid_t thread, const struct user_regs_struct *home,
                 const struct call *call, long result)
{
        struct call repair = {NULL, SYS_close, {(uint64_t)result}};

        if (strncmp(call->name, "mmap", 4) == 0)
                repair = (struct call){NULL, SYS_munmap, {(uint64_t)result, PAGE}};
        else if (strcmp(call->name, "fork") == 0 || strcmp(call->name, "vfork") == 0)
                kill((pid_t)result, SIGKILL);
        if (repair.number == SYS_munmap || strncmp(call->name, "open", 4) == 0 ||
            strncmp(call->name, "socket", 6) == 0 || strcmp(call->name, "memfd_create") == 0 ||
            strcmp(call->name, "pidfd_open") == 0)
                (void)do_call(v, thread, home, &repair);
}

static void besiege(const struct victim *v, pid_t thread)
{
        struct user_regs_struct home;

        get_registers(thread, &home);
        for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
                long result = do_call(v, thread, &home, &calls[i]);

                if (result < 0 && result > -4096) {
                        const char *name = strerrorname_np((int)-result);

                        printf("%d %s %s\n", thread, calls[i].name, name ? name : "?");
                        continue;
                }
                printf("%d %s %ld\n", thread, calls[i].name, result);
                if (result > 0)
                        undo(v, thread, &home, &calls[i], result);
        }
        rewind_call(&home);
        set_registers(thread, &home);
}

int main(int argc, char **argv)
{
        struct victim v = {.count = 0};

        if (argc != 2 || (v.process = atoi(argv[1])) <= 0) {
                fputs("usage: inject PID\n", stderr);
                return 2;
        }
        attach(&v);
        find_code(&v);
        for (size_t i = 0; i < v.count; i++)
                besiege(&v, v.threads[i]);
        for (size_t i = 0; i < v.count; i++)
                trace(PTRACE_DETACH, v.threads[i], 0, 0);
        close(v.memory);
        return 0;
}
