/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * strike - runs a program and sends it a signal before one chosen system call.
 *
 *     strike SIGNAL N REPORT PROGRAM [ARGUMENT...]
 *
 * Counted are the calls by which a process changes something outside its memory, or waits for
 * another process, from 1. Only the program itself is watched, not the processes that it starts.
 * The file REPORT then says "struck before CALL-NUMBER", or "counted COUNT" if the program made
 * fewer calls; N = 0 only counts. Exits with the program's status, or with 128 + the signal that
 * ended it. SIGNAL is a number.
 *
 * Threads: one. Source: ptrace(2). */
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/lib/tool.h"

static const long COUNTED[] = {
#ifdef SYS_fork
        SYS_fork,      SYS_vfork,   SYS_rename,     SYS_unlink, SYS_symlink,   SYS_mkdir,
        SYS_rmdir,
#endif
        SYS_clone,     SYS_clone3,  SYS_wait4,      SYS_write,  SYS_writev,    SYS_pwrite64,
        SYS_sendto,    SYS_sendmsg, SYS_connect,    SYS_ioctl,  SYS_renameat2, SYS_unlinkat,
        SYS_symlinkat, SYS_mkdirat, SYS_ftruncate,  SYS_fsync,  SYS_flock,     SYS_setns,
        SYS_unshare,   SYS_execve,  SYS_exit_group,
};

static bool is_counted(uint64_t number)
{
        for (size_t i = 0; i < sizeof(COUNTED) / sizeof(COUNTED[0]); i++)
                if ((uint64_t)COUNTED[i] == number)
                        return true;
        return false;
}

static void report(const char *path, const char *what, uint64_t number)
{
        FILE *file = fopen(path, "we");

        if (!file || fprintf(file, "%s %llu\n", what, (unsigned long long)number) < 0 ||
            fclose(file) != 0)
                err(2, "%s", path);
}

static void become(char **argv)
{
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 || raise(SIGSTOP) != 0)
                err(2, "ptrace");
        execvp(argv[0], argv);
        err(2, "%s", argv[0]);
}

/* Lets the program run until it enters or leaves a system call, gets a signal, or ends. */
static bool step(pid_t pid, int deliver, int *status)
{
        if (ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(intptr_t)deliver) < 0 ||
            waitpid(pid, status, 0) < 0)
                err(2, "ptrace");
        return WIFSTOPPED(*status);
}

int main(int argc, char **argv)
{
        uint64_t at, count = 0;
        int status, deliver = 0, struck;
        pid_t pid;

        if (argc < 5)
                errx(2, "usage: strike SIGNAL N REPORT PROGRAM [ARGUMENT...]");
        struck = (int)tool_number("SIGNAL", argv[1], 1, 64);
        at = tool_number("N", argv[2], 0, UINT32_MAX);
        pid = fork();
        if (pid == 0)
                become(argv + 4);
        if (pid < 0 || waitpid(pid, &status, 0) < 0 ||
            ptrace(PTRACE_SETOPTIONS, pid, NULL,
                   (void *)(intptr_t)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL)) < 0)
                err(2, "ptrace");
        while (step(pid, deliver, &status)) {
                struct __ptrace_syscall_info info;

                deliver = WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
                if (deliver != (SIGTRAP | 0x80))
                        continue;
                deliver = 0;
                if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof(info), &info) <= 0)
                        err(2, "ptrace");
                if (info.op != PTRACE_SYSCALL_INFO_ENTRY || !is_counted(info.entry.nr) ||
                    ++count != at)
                        continue;
                kill(pid, struck);
                report(argv[3], "struck before", info.entry.nr);
        }
        if (!at || count < at)
                report(argv[3], "counted", count);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
