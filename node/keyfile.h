/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * keyfile.h - the file that holds this machine's private key for a network: base64 and a newline,
 * accessible to its owner alone.
 *
 * Functions return false after saying what is wrong. Messages never quote the file.
 * Threads: the process has only one. */
#ifndef NODE_KEYFILE_H
#define NODE_KEYFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "conf/change.h"

/* Prepares this process for keys: nothing else of this header may be called before. Call it once.
 */
bool tl_keyfile_begin(void) WG_MUST_USE;
void tl_keyfile_end(void);

/* Reads a key. The caller wipes it. A file that other users can read is refused. */
bool tl_keyfile_read(const char *path, uint8_t private_key[TL_CONF_KEY_LEN]) WG_MUST_USE;

/* Whether the file exists. */
bool tl_keyfile_exists(const char *path) WG_MUST_USE;

/* Makes a key, in a file that does not exist yet. Its directory is created if its parent exists. */
bool tl_keyfile_make(const char *path) WG_MUST_USE;

/* Computes the public key. */
bool tl_keyfile_public(uint8_t public_key[TL_CONF_KEY_LEN],
                       const uint8_t private_key[TL_CONF_KEY_LEN]) WG_MUST_USE;

#endif
