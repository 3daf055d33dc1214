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
static bool is_hushed;

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

void tl_run_hush(void)
{
        is_hushed = true;
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

/* Where a program reads and writes. A descriptor of -1 leaves that one as it is. */
struct streams {
        int input, output;
        bool is_quiet; /* discards its standard error */
};

/* Becomes the program, in the child. */
WG_NORETURN static void become(char *words[], const struct streams *streams, pid_t parent)
{
        struct sigaction action = {.sa_handler = SIG_DFL};

        sigaction(SIGPIPE, &action, NULL);
        /* If the program outlived us, it could make changes after the next command has undone
         * ours. */
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() != parent)
                _exit(127);
        if (streams->input >= 0)
                dup2(streams->input, STDIN_FILENO);
        if (streams->output >= 0)
                dup2(streams->output, STDOUT_FILENO);
        if (streams->is_quiet) {
                int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

                if (null >= 0)
                        dup2(null, STDERR_FILENO);
        }
        execvp(words[0], words);
        if (errno == ENOENT)
                tl_fail("%s is missing: install it, or add its directory to PATH", words[0]);
        else
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
static bool start(char *words[], const struct streams *streams)
{
        sigset_t signals, before;
        pid_t parent = getpid(), pid;

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
                become(words, streams, parent);
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
        if (!is_hushed)
                fprintf(stderr, "[#] %s\n", command);
}

bool tl_run(const char *command, const char *input)
{
        tl_run_show(command);
        return tl_run_quietly(command, input);
}

/* Starts a command with this standard input; NULL: ours. */
static bool begin(const char *command, const char *input, struct streams *streams)
{
        char *words[WORDS_MAX + 1], *line = strdup(command);
        bool is_good = line && split(line, words);

        if (is_good && input) {
                streams->input = make_file(input);
                is_good = streams->input >= 0;
        }
        is_good = is_good && start(words, streams);
        if (streams->input >= 0)
                close(streams->input);
        free(line);
        return is_good;
}

bool tl_run_quietly(const char *command, const char *input)
{
        struct streams streams = {-1, -1, false};

        return begin(command, input, &streams) && wait_for_child();
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

/* The same; returns a descriptor from which the caller reads its output, or -1. */
static int begin_with_output(const char *command, const char *input, struct streams *streams)
{
        int ends[2];
        bool is_good;

        if (pipe2(ends, O_CLOEXEC) < 0)
                return -1;
        streams->output = ends[1];
        is_good = begin(command, input, streams);
        close(ends[1]);
        if (!is_good)
                close(ends[0]);
        return is_good ? ends[0] : -1;
}

bool tl_run_whole(const char *command)
{
        bool is_good;
        int status;
        pid_t pid;

        tl_run_show(command);
        fflush(stdout);
        fflush(stderr);
        pid = fork();
        if (pid == 0) {
                setpgid(0, 0); /* the keys of a terminal do not reach it */
                for (size_t i = 0; i < WG_ARRAY_SIZE(SIGNALS); i++)
                        signal(SIGNALS[i], SIG_IGN);
                _exit(tl_run_quietly(command, NULL) ? EXIT_SUCCESS : EXIT_FAILURE);
        }
        if (pid < 0)
                return tl_fail("cannot start `%s': %s", command, strerror(errno));
        do
                is_good = waitpid(pid, &status, 0) == pid;
        while (!is_good && errno == EINTR);
        return is_good && WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS;
}

bool tl_run_ask(const char *command, char *answer, size_t size)
{
        struct streams streams = {-1, -1, true};
        int from = begin_with_output(command, NULL, &streams);
        bool is_good = from >= 0;

        answer[0] = '\0';
        if (is_good) {
                read_answer(from, answer, size);
                is_good = wait_for_child();
                close(from);
        }
        return is_good;
}

/* Reads to the end. NULL: no memory; the rest is then discarded. */
static char *read_all(int fd, size_t *length)
{
        char *text = NULL, part[4096];
        FILE *out = open_memstream(&text, length);
        ssize_t got;

        while ((got = read(fd, part, sizeof(part))) > 0 || (got < 0 && errno == EINTR))
                if (got > 0 && out)
                        fwrite(part, 1, (size_t)got, out);
        if (out && (ferror(out) | (fclose(out) != 0))) {
                free(text);
                text = NULL;
        }
        return text;
}

static char *read_output(const char *command, const char *input, struct streams *streams,
                         size_t *length)
{
        int from = begin_with_output(command, input, streams);
        size_t len = 0;
        char *text = NULL;

        if (from < 0)
                return NULL;
        text = read_all(from, &len);
        close(from);
        if (!wait_for_child()) {
                free(text);
                return NULL;
        }
        if (length)
                *length = len;
        return text;
}

char *tl_run_read(const char *command, const char *input, size_t *length)
{
        struct streams streams = {-1, -1, false};

        return read_output(command, input, &streams, length);
}

char *tl_run_read_quietly(const char *command)
{
        struct streams streams = {-1, -1, true};

        return read_output(command, NULL, &streams, NULL);
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
