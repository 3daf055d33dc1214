/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * state.h - what was done for an interface and does not go with it, written down before it is done:
 * so it can be undone by whoever comes after a crash.
 *
 * The state is a file of lines, /run/tieline-quick/IFNAME: a word that names the version; `place
 * BOOT NAMESPACE`, the boot and the network namespace that the rest is about; `link NUMBER` for the
 * link that we made (0: it is about to be made); `undo COMMAND` for each thing to undo; and
 * `complete` once the interface is fully up. The file belongs to root alone, who runs its commands,
 * and is locked while a command is at work.
 *
 * Threads: the only one of the process. */
#ifndef QUICK_STATE_H
#define QUICK_STATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

#define TL_STATE_DIRECTORY "/run/tieline-quick"

struct tl_state {
        int fd; /* locked; -1: not open */
        char path[64];
        char *text; /* what the file held when it was opened, terminated */
        bool is_complete;
        bool is_foreign;   /* the state is of another boot or network namespace */
        bool is_begun;     /* we started the daemon, or were about to */
        unsigned int link; /* the number of its link; 0: not known */
};

/* Opens, and makes where it is missing, the state of an interface, and waits for whoever has it locked.
 * Returns 0 or -errno. */
int tl_state_open(struct tl_state *state, const char *ifname) WG_MUST_USE;

/* Closes. What was written stays; a file without anything in it goes. Takes one with fd -1. */
void tl_state_close(struct tl_state *state);

/* Whether anything is written down. */
bool tl_state_is_empty(const struct tl_state *state) WG_MUST_USE;

/* Write down. Return 0 or -errno. */
int tl_state_add(struct tl_state *state, const char *undo) WG_MUST_USE;
int tl_state_add_link(struct tl_state *state, unsigned int link) WG_MUST_USE;
int tl_state_complete(struct tl_state *state) WG_MUST_USE;

/* The current size of the notes, for tl_state_undo(). */
size_t tl_state_size(const struct tl_state *state) WG_MUST_USE;

/* Calls undo with each command noted after that size (0: all), the last one first, and forgets
 * them. */
void tl_state_undo(struct tl_state *state, size_t size, void (*undo)(const char *command));

#endif
