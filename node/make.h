/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * make.h - carries out the differences between two states of this machine.
 * Threads: the process has only one; the caller holds the journal. */
#ifndef NODE_MAKE_H
#define NODE_MAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "conf/change.h"
#include "host/journal.h"
#include "node/diff.h"
#include "node/state.h"

struct tl_make {
        struct tl_journal *journal; /* bears the network's name */
        const struct tl_state *from, *to;
        const uint8_t *private_key; /* NULL: the differences have no key to set */
        struct tl_diff *diff;       /* between the two */
        bool is_told;               /* shows large steps, if standard error is a terminal */
};

/* Makes the changes in their order, until one fails or a signal asks us to end. Returns false after
 * saying what went wrong. Settings are held in the journal; nothing else needs to be. */
bool tl_make(struct tl_make *make) WG_MUST_USE;

#endif
