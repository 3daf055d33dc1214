/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "node/pending.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/clock.h"
#include "io/fail.h"
#include "io/file.h"
#include "node/paths.h"

#define FORMAT "tieline-pending-1\nuntil %llu\nkey %s\n"

enum { STEP_MS = 100, START_TIMEOUT_MS = 10000, LOCK_TIMEOUT_MS = 2000 };

static void name_path(char path[PATH_MAX], const char *name, const char *file)
{
        snprintf(path, PATH_MAX, TL_PATHS_RUN "/%s/%s", name, file);
}

static bool parse(const char *text, uint64_t *until_ns, char key[PATH_MAX])
{
        unsigned long long number;

        if (sscanf(text, "tieline-pending-1\nuntil %llu\nkey %4095[^\n]", &number, key) != 2)
                return false;
        *until_ns = number;
        return true;
}

/* Reads an open record. One that is damaged is overdue, and its key is where it usually is. */
static void read_record(int fd, const char *name, uint64_t *until_ns, char key[PATH_MAX])
{
        char text[PATH_MAX + 64];
        ssize_t got = pread(fd, text, sizeof(text) - 1, 0);

        text[got > 0 ? got : 0] = '\0';
        if (parse(text, until_ns, key))
                return;
        *until_ns = 0;
        snprintf(key, PATH_MAX, TL_PATHS_ETC "/%s.key", name);
}

static int open_record(const char *name)
{
        char path[PATH_MAX];

        name_path(path, name, "pending");
        return open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

void tl_pending_find(const char *name, struct tl_pending *pending)
{
        uint64_t until_ns = 0, now_ns = tl_clock_boot_ns();
        int fd = open_record(name);

        *pending = (struct tl_pending){.exists = fd >= 0};
        if (fd < 0)
                return;
        read_record(fd, name, &until_ns, pending->key);
        if (until_ns > now_ns)
                pending->left_s = (uint32_t)((until_ns - now_ns + TL_NS_PER_S - 1) / TL_NS_PER_S);
        pending->is_watched = flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
        close(fd);
}

/* Becomes the process, in a grandchild: nothing waits for it, and it waits for nothing. */
WG_NORETURN static void become(const char *name)
{
        char log[PATH_MAX];
        int null = open("/dev/null", O_RDWR | O_CLOEXEC), out;

        setsid();
        if (fork() != 0)
                _exit(EXIT_SUCCESS);
        name_path(log, name, "pending.log");
        out = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        dup2(null, STDIN_FILENO);
        dup2(out >= 0 ? out : null, STDOUT_FILENO);
        dup2(out >= 0 ? out : null, STDERR_FILENO);
        if (chdir("/") == 0)
                execl("/proc/self/exe", "tieline", "confirm", "--wait", name, NULL);
        _exit(EXIT_FAILURE);
}

bool tl_pending_watch(const char *name)
{
        struct tl_pending pending;
        pid_t pid = fork();

        if (pid == 0)
                become(name);
        while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                continue;
        for (int ms = 0; pid > 0 && ms < START_TIMEOUT_MS; ms += STEP_MS / 10) {
                tl_pending_find(name, &pending);
                if (pending.is_watched)
                        return true;
                poll(NULL, 0, STEP_MS / 10);
        }
        return tl_fail("the process that would undo the changes does not start");
}

bool tl_pending_begin(const char *name, uint32_t seconds, const char *key)
{
        char path[PATH_MAX], real[PATH_MAX], text[PATH_MAX + 64];
        uint64_t until_ns = tl_clock_boot_ns() + seconds * TL_NS_PER_S;
        int len, error;

        if (!realpath(key, real))
                return tl_fail("%s: %s", key, strerror(errno));
        len = snprintf(text, sizeof(text), FORMAT, (unsigned long long)until_ns, real);
        name_path(path, name, "pending");
        error = tl_file_replace(path, text, (size_t)len);
        if (error)
                return tl_fail("%s: %s", path, strerror(-error));
        if (tl_pending_watch(name))
                return true;
        tl_pending_end(name);
        return false;
}

void tl_pending_end(const char *name)
{
        char path[PATH_MAX];

        name_path(path, name, "pending");
        (void)unlink(path);
        name_path(path, name, "pending.log");
        (void)unlink(path);
}

/* Whether the open record still has its name. */
static bool is_there(int fd, const char *name)
{
        struct stat ours, named;
        char path[PATH_MAX];

        name_path(path, name, "pending");
        return fstat(fd, &ours) == 0 && stat(path, &named) == 0 && ours.st_ino == named.st_ino &&
               ours.st_dev == named.st_dev;
}

/* Those who look for the process lock the record briefly. */
static bool lock(int fd)
{
        for (int ms = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; ms += STEP_MS) {
                if (ms >= LOCK_TIMEOUT_MS)
                        return false;
                poll(NULL, 0, STEP_MS);
        }
        return true;
}

bool tl_pending_wait(const char *name)
{
        char key[PATH_MAX];
        uint64_t until_ns;
        int fd = open_record(name);

        if (fd < 0 || !lock(fd))
                return false;
        read_record(fd, name, &until_ns, key);
        while (is_there(fd, name)) {
                if (tl_clock_boot_ns() >= until_ns)
                        return true;
                poll(NULL, 0, STEP_MS);
        }
        return false;
}
