/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "lab/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/fail.h"

enum { TEXT_MAX = 1 << 20, POLL_MS = 20 };

/* ---- our own ---- */

static int make_directories(void)
{
        static const char *const PATHS[] = {"/run/tieline", TL_LAB_DIRECTORY};

        for (size_t i = 0; i < WG_ARRAY_SIZE(PATHS); i++)
                if (mkdir(PATHS[i], 0755) < 0 && errno != EEXIST)
                        return -errno;
        return 0;
}

static bool set_path(char path[PATH_MAX], const char *name)
{
        return *name && *name != '.' && !strchr(name, '/') &&
               snprintf(path, PATH_MAX, TL_LAB_DIRECTORY "/%s", name) < PATH_MAX;
}

/* Locks an open state. Returns 0; -EBUSY with the owner; or another -errno. */
static int lock(int fd, pid_t *owner)
{
        struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

        if (fcntl(fd, F_SETLK, &whole) == 0)
                return 0;
        if (errno != EAGAIN && errno != EACCES)
                return -errno;
        *owner = 0;
        if (fcntl(fd, F_GETLK, &whole) == 0 && whole.l_type != F_UNLCK)
                *owner = whole.l_pid;
        return -EBUSY;
}

/* Whether the path still leads to the open file: its last owner may have removed it. */
static bool is_current(int fd, const char *path)
{
        struct stat ours, there;

        return fstat(fd, &ours) == 0 && stat(path, &there) == 0 && ours.st_dev == there.st_dev &&
               ours.st_ino == there.st_ino;
}

int tl_lab_state_take(struct tl_lab_state *state, const char *name, pid_t *owner)
{
        int error = make_directories();

        state->fd = -1;
        if (!error && !set_path(state->path, name))
                error = -EINVAL;
        while (!error) {
                int fd = open(state->path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

                if (fd < 0)
                        return -errno;
                error = lock(fd, owner);
                if (!error && is_current(fd, state->path)) {
                        state->fd = fd;
                        break;
                }
                close(fd);
        }
        return error;
}

int tl_lab_state_write(struct tl_lab_state *state, const char *file,
                       const struct tl_machines *machines)
{
        char *text = NULL;
        size_t len = 0;
        FILE *out = open_memstream(&text, &len);
        int error = 0;

        if (!out)
                return -ENOMEM;
        fprintf(out, "tieline-lab 1\nfile %s\n", file);
        for (uint32_t i = 0; i < machines->count; i++)
                fprintf(out, "machine %d %s\n", (int)machines->holders[i].pid,
                        machines->topology->machines[i].name);
        if (fclose(out) != 0)
                error = -ENOMEM;
        else if (ftruncate(state->fd, 0) < 0 || pwrite(state->fd, text, len, 0) != (ssize_t)len)
                error = errno ? -errno : -EIO;
        free(text);
        return error;
}

void tl_lab_state_drop(struct tl_lab_state *state)
{
        if (state->fd < 0)
                return;
        unlink(state->path);
        close(state->fd);
        state->fd = -1;
}

/* ---- those of others ---- */

/* The process that keeps a state locked; 0: none does. */
static pid_t owner_of(int fd)
{
        struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

        return fcntl(fd, F_GETLK, &whole) == 0 && whole.l_type != F_UNLCK ? whole.l_pid : 0;
}

/* Reads a state whose lab runs. Returns false if it does not. */
static bool look(struct tl_lab_seen *lab, const char *name)
{
        char path[PATH_MAX];
        int fd = set_path(path, name) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        ssize_t len = -1;

        *lab = (struct tl_lab_seen){.text = NULL};
        if (fd < 0)
                return false;
        lab->owner = owner_of(fd);
        if (lab->owner > 0)
                lab->text = malloc(TEXT_MAX + 1);
        if (lab->text)
                len = read(fd, lab->text, TEXT_MAX);
        close(fd);
        if (len < 0) {
                free(lab->text);
                lab->text = NULL;
                return false;
        }
        lab->text[len] = '\0';
        snprintf(lab->name, sizeof(lab->name), "%s", name);
        return true;
}

int tl_lab_state_each(void (*see)(void *ctx, const struct tl_lab_seen *lab), void *ctx)
{
        DIR *directory = opendir(TL_LAB_DIRECTORY);
        const struct dirent *entry;
        struct tl_lab_seen lab;
        int count = 0;

        while (directory && (entry = readdir(directory)))
                if (look(&lab, entry->d_name)) {
                        see(ctx, &lab);
                        free(lab.text);
                        count++;
                }
        if (directory)
                closedir(directory);
        return count;
}

static void keep_name(void *ctx, const struct tl_lab_seen *lab)
{
        snprintf(ctx, NAME_MAX + 1, "%s", lab->name);
}

bool tl_lab_state_find(struct tl_lab_seen *lab, const char *name)
{
        char only[NAME_MAX + 1] = "";
        int count;

        if (!name) {
                count = tl_lab_state_each(keep_name, only);
                if (count == 0)
                        return tl_fail("no lab is running; `tieline lab FILE --shell' starts one");
                if (count > 1)
                        return tl_fail("%d labs are running: say which one; `tieline lab list' "
                                       "names them",
                                       count);
                name = only;
        }
        return look(lab, name) ||
               tl_fail("no lab called `%s' is running; `tieline lab list' names those that are",
                       name);
}

/* The rest of the first line that begins with `start`, from line `*at` on; NULL: there is none. */
static const char *find_line(const char *text, const char *start, size_t *len)
{
        size_t start_len = strlen(start);

        while (text && *text) {
                if (strncmp(text, start, start_len) == 0) {
                        *len = strcspn(text + start_len, "\n");
                        return text + start_len;
                }
                text = strchr(text, '\n');
                text = text ? text + 1 : NULL;
        }
        return NULL;
}

bool tl_lab_state_get(const struct tl_lab_seen *lab, const char *key, char *out, size_t size)
{
        char start[32];
        const char *value;
        size_t len;

        snprintf(start, sizeof(start), "%s ", key);
        value = find_line(lab->text, start, &len);
        if (!value || len >= size)
                return false;
        memcpy(out, value, len);
        out[len] = '\0';
        return true;
}

void tl_lab_state_each_machine(const struct tl_lab_seen *lab,
                               void (*see)(void *ctx, const char *name, pid_t pid), void *ctx)
{
        const char *at = lab->text;
        char name[2 * TL_NETWORK_WORD_MAX + 16];
        size_t len;

        while ((at = find_line(at, "machine ", &len))) {
                char *rest;
                pid_t pid = (pid_t)strtol(at, &rest, 10);
                size_t skip = (size_t)(rest + 1 - at);

                if (*rest != ' ' || len <= skip || len - skip >= sizeof(name))
                        continue;
                memcpy(name, rest + 1, len - skip);
                name[len - skip] = '\0';
                see(ctx, name, pid);
        }
}

/* The search for a machine: one with exactly that name, or the only device of a person. */
struct search {
        const char *wanted;
        pid_t exact, device; /* 0: none */
        int devices;
};

static void compare(void *ctx, const char *name, pid_t pid)
{
        struct search *search = ctx;
        size_t len = strlen(search->wanted);

        if (strcmp(name, search->wanted) == 0)
                search->exact = pid;
        if (strncmp(name, search->wanted, len) == 0 && name[len] == '/') {
                search->device = pid;
                search->devices++;
        }
}

/* The process that holds a machine; 0: there is none, or a person has several devices. */
static pid_t find_pid(const struct tl_lab_seen *lab, const char *machine)
{
        struct search search = {.wanted = machine};

        tl_lab_state_each_machine(lab, compare, &search);
        return search.exact ? search.exact : search.devices == 1 ? search.device : 0;
}

int tl_lab_state_open(const struct tl_lab_seen *lab, const char *machine, struct tl_holder *holder)
{
        pid_t pid = find_pid(lab, machine);
        struct tl_lab_seen again;
        bool is_same;
        int pidfd;

        if (!pid)
                return -ENOENT;
        pidfd = pidfd_open(pid, 0);
        if (pidfd < 0)
                return -errno;
        /* While the lab's process lives, so do the machines, and their numbers mean them. */
        is_same = look(&again, lab->name) && again.owner == lab->owner;
        free(again.text);
        if (!is_same) {
                close(pidfd);
                return -ESRCH;
        }
        *holder = (struct tl_holder){.pid = pid, .pidfd = pidfd};
        return 0;
}

int tl_lab_state_end(const struct tl_lab_seen *lab, unsigned int timeout_ms)
{
        int pidfd = pidfd_open(lab->owner, 0), ready;
        struct pollfd owner = {.fd = pidfd, .events = POLLIN};

        if (pidfd < 0)
                return errno == ESRCH ? 0 : -errno;
        if (pidfd_send_signal(pidfd, SIGTERM, NULL, 0) < 0) {
                close(pidfd);
                return errno == ESRCH ? 0 : -errno;
        }
        do
                ready = poll(&owner, 1, (int)timeout_ms);
        while (ready < 0 && errno == EINTR);
        close(pidfd);
        return ready > 0 ? 0 : -ETIMEDOUT;
}
