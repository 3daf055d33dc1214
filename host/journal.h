/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * journal.h - records how to undo each change to this machine before the change is made, so that
 * the next command can undo the changes of one that crashed.
 *
 * A journal is a file, DIRECTORY/NAME or DIRECTORY/NAME/FILE, with these lines:
 *
 *      HEADER             the program, and the version of its format
 *      place BOOT NETNS   the boot and the network namespace in which the changes were made
 *      link NUMBER        the index of the link that we made; 0: it is about to be made
 *      undo COMMAND       how to undo one change
 *      done COMMAND       one that has been undone while others stay
 *      complete           all changes have been made
 *
 * The last `link` line counts. Only root may read or write the file, because root runs its
 * commands. It is locked while it is open.
 *
 * Threads: the process has only one. */
#ifndef HOST_JOURNAL_H
#define HOST_JOURNAL_H

#include <limits.h>
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

/* Where a program has its journals. */
struct tl_journal_place {
        const char *directory; /* created if missing, in a directory that exists */
        const char *file;      /* NULL: the name itself is the file */
};

/* The journals of one program. */
struct tl_journal_kind {
        struct tl_journal_place place;
        const char *header;
        /* Whether the changes of that journal are still needed. */
        bool (*is_alive)(const char *name);
        /* Journals of another program that make the same kind of changes; directory NULL: none.
         * is_alive() must know their names too. */
        struct tl_journal_place other;
};

/* Our programs' journals. */
#define TL_JOURNAL_PLACE \
        { \
                "/run/tieline", "journal" \
        }
#define TL_JOURNAL_PLACE_QUICK \
        { \
                "/run/tieline-quick", NULL \
        }

struct tl_journal {
        const struct tl_journal_kind *kind;
        char name[IF_NAMESIZE];
        char path[PATH_MAX];
        int fd;     /* locked; -1: not open */
        char *text; /* the content of the file, terminated */
        bool is_complete;
        bool is_foreign;   /* made in another boot or network namespace */
        bool is_begun;     /* has a `link` line */
        unsigned int link; /* 0: not known */
};

/* Writes the path of a journal. Returns false if it is too long. */
bool tl_journal_path(char path[PATH_MAX], const struct tl_journal_place *place,
                     const char *name) WG_MUST_USE;

/* Opens a journal, and creates it if it does not exist. Waits until no other process has it open.
 * `kind` is borrowed until the journal is closed. Returns 0; -ENAMETOOLONG; or another -errno. */
int tl_journal_open(struct tl_journal *journal, const struct tl_journal_kind *kind,
                    const char *name) WG_MUST_USE;

/* Closes a journal, and removes its file (and the directory of that, if it is the journal's own) if
 * it is empty. Accepts a journal that failed to open. */
void tl_journal_close(struct tl_journal *journal);

bool tl_journal_is_empty(const struct tl_journal *journal) WG_MUST_USE;

/* Append a line. Return 0 or -errno. */
int tl_journal_add(struct tl_journal *journal, const char *undo) WG_MUST_USE;
int tl_journal_add_link(struct tl_journal *journal, unsigned int link) WG_MUST_USE;
int tl_journal_complete(struct tl_journal *journal) WG_MUST_USE;

/* The current size in bytes, for tl_journal_undo(). */
size_t tl_journal_size(const struct tl_journal *journal) WG_MUST_USE;

/* Calls undo with each command that was added since the journal had that size (0: all of them),
 * newest first, and removes these lines. */
void tl_journal_undo(struct tl_journal *journal, size_t size,
                     void (*undo)(const struct tl_journal *journal, const char *command));

/* Calls undo with each command, newest first. If it returns true, the command is undone, and not
 * passed to anybody again; the other lines stay. Returns 0, or -errno if that cannot be
 * recorded. */
int tl_journal_undo_some(struct tl_journal *journal,
                         bool (*undo)(void *ctx, const struct tl_journal *journal,
                                      const char *command),
                         void *ctx) WG_MUST_USE;

#endif
