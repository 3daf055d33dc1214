/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * rekey.h - a copy of a network file with other public keys.
 *
 * The file of the user names keys whose private halves are on the real machines, or none yet. In a
 * lab every node has a key of its own. All lines stay as they are but for the keys; where a node
 * has none, a line is added or `key:` is put into its braces.
 * Threads: pure functions of their arguments. */
#ifndef LAB_REKEY_H
#define LAB_REKEY_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "conf/network.h"

enum { TL_REKEY_LEN = 44 }; /* of a key in base64 */

struct tl_rekey {
        struct tl_place name_at; /* of the entry's name: a hub, a site or a device */
        struct tl_place key_at;  /* of its key; line 0: it has none */
        char key[TL_REKEY_LEN + 1];
};

/* Returns the text with the new keys, terminated, the caller's to free; NULL: no memory, or the
 * file is written in a way that leaves no room for a key. */
char *tl_rekey(const char *text, size_t len, const struct tl_rekey *keys, uint32_t count,
               size_t *new_len) WG_MUST_USE;

#endif
