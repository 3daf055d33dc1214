/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "host/run.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/fail.h"

enum { WORDS_MAX = 1024 }; /* in a command; resolvectl takes one for each name server and domain */

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* The signals that ask us to end. */
static const int SIGNALS[] = {SIGINT, SIGTERM, SIGHUP};

static volatile sig_atomic_t interrupted;
static volatile pid_t child; /* 0: none runs */

static void interrupt(int number)
{
        int before = errno;

        interrupted = 1;
        if (child > 0)
                kill(child, number);
        errno = before;
}

/* tielined may be installed in our directory, outside PATH. */
static void extend_path(void)
{
        const char *path = getenv("PATH");
        char self[PATH_MAX], *slash, *longer;
        ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

        if (!path || !*path)
                path = DEFAULT_PATH;
        self[WG_MAX(len, 0)] = '\0';
        slash = strrchr(self, '/');
        if (!slash)
                return;
        *slash = '\0';
        if (asprintf(&longer, "%s:%s", self, path) < 0)
                return;
        setenv("PATH", longer, 1);
        free(longer);
}

void tl_run_init(void)
{
        const struct sigaction action = {.sa_handler = interrupt};

        /* If the reader of our messages is gone, the work must still be completed or undone. */
        signal(SIGPIPE, SIG_IGN);
        for (size_t i = 0; i < WG_ARRAY_SIZE(SIGNALS); i++)
                sigaction(SIGNALS[i], &action, NULL);
        setenv("LC_ALL", "C", 1);
        extend_path();
}

bool tl_run_is_interrupted(void)
{
        return interrupted;
}

void tl_run_forgive(void)
{
        interrupted = 0;
}

bool tl_run_has(const char *program)
{
        const char *at = getenv("PATH");
        char path[PATH_MAX];

        while (at && *at) {
                size_t len = strcspn(at, ":");

                if (snprintf(path, sizeof(path), "%.*s/%s", (int)len, at, program) <
                            (int)sizeof(path) &&
                    access(path, X_OK) == 0)
                        return true;
                at += len + (at[len] == ':');
        }
        return false;
}

/* Splits a line in place. */
static bool split(char *line, char *words[WORDS_MAX + 1])
{
        size_t count = 0;
        char *rest = NULL;

        for (char *word = strtok_r(line, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
                if (count == WORDS_MAX)
                        return false;
                words[count++] = word;
        }
        words[count] = NULL;
        return count > 0;
}

/* Becomes the program, in the child. A descriptor of -1 leaves that one as it is. With an output,
 * standard error is discarded. */
WG_NORETURN static void become(char *words[], int input, int output)
{
        struct sigaction action = {.sa_handler = SIG_DFL};

        sigaction(SIGPIPE, &action, NULL);
        /* If the program outlived us, it could make changes after the next command has undone
         * ours. */
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (input >= 0)
                dup2(input, STDIN_FILENO);
        if (output >= 0) {
                int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

                dup2(output, STDOUT_FILENO);
                if (null >= 0)
                        dup2(null, STDERR_FILENO);
        }
        execvp(words[0], words);
        tl_fail("cannot run %s: %s", words[0], strerror(errno));
        _exit(127);
}

static bool wait_for_child(void)
{
        int status;

        while (waitpid(child, &status, 0) < 0)
                if (errno != EINTR) {
                        child = 0;
                        return false;
                }
        child = 0;
        return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Signals are blocked until `child` is set, so that they end the child too. */
static bool start(char *words[], int input, int output)
{
        sigset_t signals, before;
        pid_t pid;

        fflush(stdout);
        fflush(stderr);
        sigemptyset(&signals);
        for (size_t i = 0; i < WG_ARRAY_SIZE(SIGNALS); i++)
                sigaddset(&signals, SIGNALS[i]);
        sigprocmask(SIG_BLOCK, &signals, &before);
        pid = fork();
        if (pid == 0) {
                for (size_t i = 0; i < WG_ARRAY_SIZE(SIGNALS); i++)
                        signal(SIGNALS[i], SIG_DFL);
                sigprocmask(SIG_SETMASK, &before, NULL);
                become(words, input, output);
        }
        child = WG_MAX(pid, 0);
        sigprocmask(SIG_SETMASK, &before, NULL);
        if (pid < 0)
                tl_fail("cannot start %s: %s", words[0], strerror(errno));
        return pid > 0;
}

/* Returns a descriptor of an unnamed file with this text, at its beginning; or -1. */
static int make_file(const char *text)
{
        int fd = memfd_create("input", MFD_CLOEXEC);
        size_t len = strlen(text);

        if (fd >= 0 && (write(fd, text, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET) < 0)) {
                close(fd);
                fd = -1;
        }
        if (fd < 0)
                tl_fail("cannot store the input of a command: %s", strerror(errno));
        return fd;
}

void tl_run_show(const char *command)
{
        fprintf(stderr, "[#] %s\n", command);
}

bool tl_run(const char *command, const char *input)
{
        tl_run_show(command);
        return tl_run_quietly(command, input);
}

bool tl_run_quietly(const char *command, const char *input)
{
        char *words[WORDS_MAX + 1], *line = strdup(command);
        int fd = -1;
        bool is_good = line && split(line, words);

        if (is_good && input) {
                fd = make_file(input);
                is_good = fd >= 0;
        }
        is_good = is_good && start(words, fd, -1) && wait_for_child();
        if (fd >= 0)
                close(fd);
        free(line);
        return is_good;
}

/* Reads to the end, so that the writer never blocks, and discards the bytes that do not fit. */
static void read_answer(int fd, char *answer, size_t size)
{
        char rest[512];
        size_t len = 0;

        for (;;) {
                bool is_full = len + 1 >= size;
                ssize_t got = is_full ? read(fd, rest, sizeof(rest))
                                      : read(fd, answer + len, size - 1 - len);

                if (got == 0 || (got < 0 && errno != EINTR))
                        break;
                if (got > 0 && !is_full)
                        len += (size_t)got;
        }
        answer[len] = '\0';
}

bool tl_run_ask(const char *command, char *answer, size_t size)
{
        char *words[WORDS_MAX + 1], *line = strdup(command);
        bool is_good = line && split(line, words);
        int ends[2];

        answer[0] = '\0';
        if (!is_good || pipe2(ends, O_CLOEXEC) < 0) {
                free(line);
                return false;
        }
        is_good = start(words, -1, ends[1]);
        close(ends[1]);
        if (is_good) {
                read_answer(ends[0], answer, size);
                is_good = wait_for_child();
        }
        close(ends[0]);
        free(line);
        return is_good;
}

bool tl_run_script(const char *interpreter, const char *script)
{
        int fd = make_file(script);
        char *command;
        bool is_good;

        if (fd < 0)
                return false;
        fcntl(fd, F_SETFD, 0); /* the interpreter opens it by its number */
        is_good = asprintf(&command, "%s /proc/self/fd/%d", interpreter, fd) >= 0;
        if (is_good) {
                is_good = tl_run_quietly(command, NULL);
                free(command);
        }
        close(fd);
        return is_good;
}
