/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "quick/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD "tieline-quick-1\n"
#define PLACE "place "
#define LINK "link "
#define UNDO "undo "
#define COMPLETE "complete\n"

enum { PLACE_SIZE = 96 };

/* Writes the line for our boot and network namespace. */
static void format_place(char place[PLACE_SIZE])
{
        FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
        struct stat status = {0};
        char boot[40] = "";

        if (file) {
                if (!fgets(boot, sizeof(boot), file))
                        boot[0] = '\0';
                fclose(file);
        }
        boot[strcspn(boot, "\n")] = '\0';
        (void)!stat("/proc/self/ns/net", &status);
        snprintf(place, PLACE_SIZE, PLACE "%s %llu\n", boot, (unsigned long long)status.st_ino);
}

/* The rest of the last line with this prefix; NULL: there is none. */
static const char *find_line(const char *text, const char *beginning)
{
        const char *found = NULL;

        for (const char *line = text; line && *line; line = strchr(line, '\n')) {
                line += *line == '\n';
                if (strncmp(line, beginning, strlen(beginning)) == 0)
                        found = line + strlen(beginning);
        }
        return found;
}

static void understand(struct tl_state *state)
{
        const char *place = find_line(state->text, PLACE), *link = find_line(state->text, LINK);
        char here[PLACE_SIZE];
        size_t len;

        format_place(here);
        len = strlen(here) - strlen(PLACE);
        state->is_complete = find_line(state->text, COMPLETE);
        state->is_foreign = place && strncmp(place, here + strlen(PLACE), len) != 0;
        state->is_begun = link;
        state->link = link ? (unsigned int)strtoul(link, NULL, 10) : 0;
}

/* Reads the file anew into state->text. */
static int load(struct tl_state *state)
{
        struct stat status;
        ssize_t got;
        char *text;

        if (fstat(state->fd, &status) < 0)
                return -errno;
        text = malloc((size_t)status.st_size + 1);
        if (!text)
                return -ENOMEM;
        got = pread(state->fd, text, (size_t)status.st_size, 0);
        if (got < 0) {
                free(text);
                return -errno;
        }
        text[got] = '\0';
        free(state->text);
        state->text = text;
        understand(state);
        return 0;
}

/* Locks the file that is there under its name when the lock is had: another may have removed the one
 * that was opened. */
static int open_locked(struct tl_state *state)
{
        for (;;) {
                struct stat ours, named;

                state->fd = open(state->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW,
                                 0600);
                if (state->fd < 0)
                        return -errno;
                while (flock(state->fd, LOCK_EX) < 0)
                        if (errno != EINTR)
                                return -errno;
                if (fstat(state->fd, &ours) == 0 && stat(state->path, &named) == 0 &&
                    ours.st_ino == named.st_ino && ours.st_dev == named.st_dev)
                        return 0;
                close(state->fd);
        }
}

int tl_state_open(struct tl_state *state, const char *ifname)
{
        int error;

        *state = (struct tl_state){.fd = -1};
        if (mkdir(TL_STATE_DIRECTORY, 0700) < 0 && errno != EEXIST)
                return -errno;
        snprintf(state->path, sizeof(state->path), TL_STATE_DIRECTORY "/%s", ifname);
        error = open_locked(state);
        if (!error)
                error = load(state);
        if (error)
                tl_state_close(state);
        return error;
}

void tl_state_close(struct tl_state *state)
{
        if (state->fd >= 0) {
                /* Nothing to remember: nothing is left behind. */
                if (tl_state_is_empty(state))
                        unlink(state->path);
                close(state->fd);
        }
        free(state->text);
        *state = (struct tl_state){.fd = -1};
}

bool tl_state_is_empty(const struct tl_state *state)
{
        return !state->text || !*state->text;
}

static int append(struct tl_state *state, const char *before, const char *line, const char *after)
{
        const char *head = "";
        char place[PLACE_SIZE] = "";

        if (tl_state_is_empty(state)) {
                head = HEAD;
                format_place(place);
        }
        if (dprintf(state->fd, "%s%s%s%s%s", head, place, before, line, after) < 0)
                return -errno;
        return load(state);
}

int tl_state_add(struct tl_state *state, const char *undo)
{
        return append(state, UNDO, undo, "\n");
}

int tl_state_add_link(struct tl_state *state, unsigned int link)
{
        char number[16];

        snprintf(number, sizeof(number), "%u", link);
        return append(state, LINK, number, "\n");
}

int tl_state_complete(struct tl_state *state)
{
        return append(state, "", COMPLETE, "");
}

size_t tl_state_size(const struct tl_state *state)
{
        return state->text ? strlen(state->text) : 0;
}

void tl_state_undo(struct tl_state *state, size_t size, void (*undo)(const char *command))
{
        char *text = state->text;

        while (tl_state_size(state) > size) {
                size_t len = strlen(text);
                char *line;

                if (text[len - 1] == '\n')
                        text[len - 1] = '\0';
                line = strrchr(text, '\n');
                line = line ? line + 1 : text;
                if (strncmp(line, UNDO, strlen(UNDO)) == 0)
                        undo(line + strlen(UNDO));
                *line = '\0';
        }
        if (text)
                understand(state);
        /* Only closing it, with nothing in it, removes the file. What cannot be emptied is undone
         * again, in vain. */
        (void)!ftruncate(state->fd, (off_t)size);
}
