/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * similar.h - finds the known name that somebody probably meant.
 * Threads: pure functions of their arguments. */
#ifndef CONF_SIMILAR_H
#define CONF_SIMILAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/* The best candidate so far. Begin with zeroed memory. */
struct tl_similar {
        const char *name; /* borrowed; NULL: none is similar */
        uint32_t distance;
};

/* Considers one candidate for a word of len bytes. A candidate is similar if at most a third of the
 * word, and at least one letter, must be added, removed, replaced or swapped with its neighbour.
 * Case counts. Of equally good candidates, the first one stays. Words of more than 63 bytes are
 * similar to nothing. */
void tl_similar_consider(struct tl_similar *best, const char *word, size_t len,
                         const char *candidate);

#endif
