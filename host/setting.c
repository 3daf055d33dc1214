/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "host/setting.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/run.h"

#define ROOT "/proc/sys/"

/* A command of the journal: `setting IFNAME PATH VALUE OLD NAMESPACE`. */
struct line {
        char ifname[IF_NAMESIZE], path[TL_SETTING_PATH_SIZE], value[TL_SETTING_SIZE],
                old[TL_SETTING_SIZE];
        unsigned long long namespace;
};

static bool parse_line(const char *text, struct line *line)
{
        return sscanf(text, "setting %15s %127s %31s %31s %llu", line->ifname, line->path,
                      line->value, line->old, &line->namespace) == 5;
}

/* The number of our network namespace. */
static unsigned long long find_namespace(void)
{
        struct stat status;

        return stat("/proc/self/ns/net", &status) == 0 ? status.st_ino : 0;
}

static int open_setting(const char *path, int flags)
{
        char whole[PATH_MAX];
        int fd;

        snprintf(whole, sizeof(whole), ROOT "%s", path);
        fd = open(whole, flags | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        return fd;
}

int tl_setting_read(const char *path, char value[TL_SETTING_SIZE])
{
        int fd = open_setting(path, O_RDONLY);
        ssize_t got;

        if (fd < 0)
                return fd;
        got = read(fd, value, TL_SETTING_SIZE - 1);
        if (got < 0)
                got = -errno;
        close(fd);
        if (got < 0)
                return (int)got;
        value[got] = '\0';
        value[strcspn(value, "\n")] = '\0';
        return 0;
}

static int write_setting(const char *path, const char *value)
{
        int fd = open_setting(path, O_WRONLY), error = 0;
        char command[TL_SETTING_PATH_SIZE + TL_SETTING_SIZE + 16];

        if (fd < 0)
                return fd;
        snprintf(command, sizeof(command), "sysctl -q %s=%s", path, value);
        tl_run_show(command);
        if (write(fd, value, strlen(value)) < 0)
                error = -errno;
        close(fd);
        return error;
}

/* Looks in another journal for a command about that setting. */
static bool find_line(const struct tl_journal_place *place, const char *ifname, const char *path,
                      struct line *found)
{
        unsigned long long namespace = find_namespace();
        char name[PATH_MAX], text[512];
        bool is_found = false;
        FILE *file;

        if (!tl_journal_path(name, place, ifname))
                return false;
        file = fopen(name, "re");
        while (file && !is_found && fgets(text, sizeof(text), file))
                is_found = strncmp(text, "undo ", 5) == 0 && parse_line(text + 5, found) &&
                           strcmp(found->path, path) == 0 && found->namespace == namespace;
        if (file)
                fclose(file);
        return is_found;
}

static bool is_entry(const struct dirent *entry)
{
        return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

/* Looks among the journals of one program. `ifname` is not looked at; NULL: all are. */
static bool find_holder_in(const struct tl_journal_kind *kind, const struct tl_journal_place *place,
                           const char *ifname, const char *path, struct line *found)
{
        DIR *directory = place->directory ? opendir(place->directory) : NULL;
        struct dirent *entry;
        bool is_found = false;

        if (!directory)
                return false;
        while (!is_found && (entry = readdir(directory)))
                is_found = is_entry(entry) && (!ifname || strcmp(entry->d_name, ifname) != 0) &&
                           find_line(place, entry->d_name, path, found) &&
                           kind->is_alive(entry->d_name);
        closedir(directory);
        return is_found;
}

/* Looks for another interface that is up and holds the setting. */
static bool find_holder(const struct tl_journal_kind *kind, const struct line *line,
                        struct line *found)
{
        return find_holder_in(kind, &kind->place, line->ifname, line->path, found) ||
               find_holder_in(kind, &kind->other, NULL, line->path, found);
}

/* Keeps other processes from changing a setting between our read and write. Returns a descriptor,
 * or -1 if the lock cannot be taken, which is rare and not fatal. */
static int lock(void)
{
        int fd = open(ROOT "net/ipv4/conf", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        while (fd >= 0 && flock(fd, LOCK_EX) < 0)
                if (errno != EINTR)
                        break;
        return fd;
}

static void unlock(int fd)
{
        if (fd >= 0)
                close(fd);
}

static int record(struct tl_journal *journal, const struct line *line)
{
        char text[sizeof(*line) + 64];

        snprintf(text, sizeof(text), "setting %s %s %s %s %llu", line->ifname, line->path,
                 line->value, line->old, line->namespace);
        return tl_journal_add(journal, text);
}

static int hold(struct tl_journal *journal, const struct line *wanted)
{
        struct line line = *wanted, other;
        int error = tl_setting_read(line.path, line.old);
        bool is_right = !error && strcmp(line.old, line.value) == 0;

        if (error)
                return error;
        if (is_right && !find_holder(journal->kind, &line, &other))
                return 0;
        if (is_right)
                memcpy(line.old, other.old, sizeof(line.old));
        error = record(journal, &line);
        return error || is_right ? error : write_setting(line.path, line.value);
}

static struct line make_line(const struct tl_journal *journal, const char *path, const char *value)
{
        struct line line = {.namespace = find_namespace()};

        snprintf(line.ifname, sizeof(line.ifname), "%s", journal->name);
        snprintf(line.path, sizeof(line.path), "%s", path);
        snprintf(line.value, sizeof(line.value), "%s", value);
        return line;
}

int tl_setting_foresee(struct tl_journal *journal, const char *path, const char *value,
                       const char *old)
{
        struct line line = make_line(journal, path, value);

        snprintf(line.old, sizeof(line.old), "%s", old);
        return record(journal, &line);
}

int tl_setting_hold(struct tl_journal *journal, const char *path, const char *value)
{
        struct line line = make_line(journal, path, value);
        int fd = lock(), error;

        error = hold(journal, &line);
        unlock(fd);
        return error;
}

static void release(const struct tl_journal_kind *kind, const struct line *line)
{
        char now[TL_SETTING_SIZE];
        struct line other;

        if (line->namespace != find_namespace() || find_holder(kind, line, &other))
                return;
        if (tl_setting_read(line->path, now) == 0 && strcmp(now, line->value) == 0)
                (void)!write_setting(line->path, line->old);
}

bool tl_setting_path(const char *command, char path[TL_SETTING_PATH_SIZE])
{
        struct line line;

        if (!parse_line(command, &line))
                return false;
        memcpy(path, line.path, TL_SETTING_PATH_SIZE);
        return true;
}

bool tl_setting_release(const struct tl_journal *journal, const char *command)
{
        struct line line;
        int fd;

        if (!parse_line(command, &line))
                return false;
        fd = lock();
        release(journal->kind, &line);
        unlock(fd);
        return true;
}
