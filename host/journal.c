/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "host/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PLACE "place "
#define LINK "link "
#define UNDO "undo "
#define DONE "done " /* of the same length: it is written over the other */
#define COMPLETE "complete\n"

enum { PLACE_SIZE = 96 };

/* Writes the line of our boot and network namespace. */
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

/* Returns the rest of the last line that begins with `beginning`, or NULL. */
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

static void understand(struct tl_journal *journal)
{
        const char *place = find_line(journal->text, PLACE), *link = find_line(journal->text, LINK);
        char here[PLACE_SIZE];
        size_t len;

        format_place(here);
        len = strlen(here) - strlen(PLACE);
        journal->is_complete = find_line(journal->text, COMPLETE);
        journal->is_foreign = place && strncmp(place, here + strlen(PLACE), len) != 0;
        journal->is_begun = link;
        journal->link = link ? (unsigned int)strtoul(link, NULL, 10) : 0;
}

/* Removes the last line if a crash cut it short. Its change has not been made. */
static int remove_torn_line(struct tl_journal *journal, char *text)
{
        char *end = strrchr(text, '\n');
        size_t len = end ? (size_t)(end + 1 - text) : 0;

        if (!text[len])
                return 0;
        text[len] = '\0';
        return ftruncate(journal->fd, (off_t)len) < 0 ? -errno : 0;
}

/* Reads the whole file into journal->text. */
static int load(struct tl_journal *journal)
{
        struct stat status;
        ssize_t got;
        char *text;
        int error;

        if (fstat(journal->fd, &status) < 0)
                return -errno;
        text = malloc((size_t)status.st_size + 1);
        if (!text)
                return -ENOMEM;
        got = pread(journal->fd, text, (size_t)status.st_size, 0);
        error = got < 0 ? -errno : 0;
        text[WG_MAX(got, 0)] = '\0';
        if (!error)
                error = remove_torn_line(journal, text);
        if (error) {
                free(text);
                return error;
        }
        free(journal->text);
        journal->text = text;
        understand(journal);
        return 0;
}

/* The directory that the journal alone has. */
static void name_own_directory(const struct tl_journal *journal, char directory[PATH_MAX])
{
        snprintf(directory, PATH_MAX, "%.*s", (int)(strrchr(journal->path, '/') - journal->path),
                 journal->path);
}

static int make_own_directory(const struct tl_journal *journal)
{
        char directory[PATH_MAX];

        name_own_directory(journal, directory);
        return mkdir(directory, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

static void remove_own_directory(const struct tl_journal *journal)
{
        char directory[PATH_MAX];

        name_own_directory(journal, directory);
        (void)rmdir(directory);
}

/* Another process may remove the file between our open and our lock, so the locked file must still
 * have this name. */
static int open_locked(struct tl_journal *journal)
{
        for (;;) {
                struct stat ours, named;
                int error = journal->kind->place.file ? make_own_directory(journal) : 0;

                if (error)
                        return error;
                journal->fd = open(journal->path,
                                   O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
                /* Another process may remove the directory, too. */
                if (journal->fd < 0 && errno == ENOENT && journal->kind->place.file)
                        continue;
                if (journal->fd < 0)
                        return -errno;
                while (flock(journal->fd, LOCK_EX) < 0)
                        if (errno != EINTR)
                                return -errno;
                if (fstat(journal->fd, &ours) == 0 && stat(journal->path, &named) == 0 &&
                    ours.st_ino == named.st_ino && ours.st_dev == named.st_dev)
                        return 0;
                close(journal->fd);
        }
}

bool tl_journal_path(char path[PATH_MAX], const struct tl_journal_place *place, const char *name)
{
        return snprintf(path, PATH_MAX, "%s/%s%s%s", place->directory, name, place->file ? "/" : "",
                        place->file ? place->file : "") < PATH_MAX;
}

int tl_journal_open(struct tl_journal *journal, const struct tl_journal_kind *kind,
                    const char *name)
{
        size_t len = strlen(name);
        int error;

        *journal = (struct tl_journal){.kind = kind, .fd = -1};
        if (len >= sizeof(journal->name) || !tl_journal_path(journal->path, &kind->place, name))
                return -ENAMETOOLONG;
        memcpy(journal->name, name, len + 1);
        if (mkdir(kind->place.directory, kind->place.file ? 0755 : 0700) < 0 && errno != EEXIST)
                return -errno;
        error = open_locked(journal);
        if (!error)
                error = load(journal);
        if (error)
                tl_journal_close(journal);
        return error;
}

/* Returns false also if the file could not be read. */
static bool is_file_empty(const struct tl_journal *journal)
{
        struct stat status;

        return journal->text && !*journal->text && fstat(journal->fd, &status) == 0 &&
               status.st_size == 0;
}

void tl_journal_close(struct tl_journal *journal)
{
        if (journal->fd >= 0) {
                if (is_file_empty(journal)) {
                        unlink(journal->path);
                        if (journal->kind->place.file)
                                remove_own_directory(journal);
                }
                close(journal->fd);
        }
        free(journal->text);
        *journal = (struct tl_journal){.fd = -1};
}

bool tl_journal_is_empty(const struct tl_journal *journal)
{
        return !journal->text || !*journal->text;
}

static int append(struct tl_journal *journal, const char *before, const char *line,
                  const char *after)
{
        const char *header = "", *newline = "";
        char place[PLACE_SIZE] = "";

        if (tl_journal_is_empty(journal)) {
                header = journal->kind->header;
                newline = "\n";
                format_place(place);
        }
        if (dprintf(journal->fd, "%s%s%s%s%s%s", header, newline, place, before, line, after) < 0)
                return -errno;
        return load(journal);
}

int tl_journal_add(struct tl_journal *journal, const char *undo)
{
        return append(journal, UNDO, undo, "\n");
}

int tl_journal_add_link(struct tl_journal *journal, unsigned int link)
{
        char number[16];

        snprintf(number, sizeof(number), "%u", link);
        return append(journal, LINK, number, "\n");
}

int tl_journal_complete(struct tl_journal *journal)
{
        return append(journal, "", COMPLETE, "");
}

size_t tl_journal_size(const struct tl_journal *journal)
{
        return journal->text ? strlen(journal->text) : 0;
}

void tl_journal_undo(struct tl_journal *journal, size_t size,
                     void (*undo)(const struct tl_journal *journal, const char *command))
{
        char *text = journal->text;

        while (tl_journal_size(journal) > size) {
                size_t len = strlen(text);
                char *line;

                if (text[len - 1] == '\n')
                        text[len - 1] = '\0';
                line = strrchr(text, '\n');
                line = line ? line + 1 : text;
                if (strncmp(line, UNDO, strlen(UNDO)) == 0)
                        undo(journal, line + strlen(UNDO));
                *line = '\0';
        }
        if (text)
                understand(journal);
        /* If this fails, the next command undoes the same changes again, which does no harm. */
        (void)!ftruncate(journal->fd, (off_t)size);
}

/* The beginning of the last line of undo that begins before `end`; NULL: there is none. */
static char *find_undo(char *text, const char *end)
{
        char *found = NULL;

        for (char *line = text; line && line < end; line = strchr(line, '\n')) {
                line += *line == '\n';
                if (line < end && strncmp(line, UNDO, strlen(UNDO)) == 0)
                        found = line;
        }
        return found;
}

/* Our descriptor can only append. */
static int mark_done(const struct tl_journal *journal, off_t at)
{
        int fd = open(journal->path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW), error = 0;

        if (fd < 0)
                return -errno;
        if (pwrite(fd, DONE, strlen(DONE), at) < 0)
                error = -errno;
        close(fd);
        return error;
}

int tl_journal_undo_some(struct tl_journal *journal,
                         bool (*undo)(void *ctx, const struct tl_journal *journal,
                                      const char *command),
                         void *ctx)
{
        char *text = journal->text, *line = text + tl_journal_size(journal);
        int error = 0;

        while (!error && text && (line = find_undo(text, line))) {
                char *end = strchr(line, '\n');
                bool is_done;

                *end = '\0';
                is_done = undo(ctx, journal, line + strlen(UNDO));
                *end = '\n';
                if (is_done)
                        error = mark_done(journal, line - text);
        }
        return error ? error : load(journal);
}
