/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * config.h - configuration files, for the programs that configure an interface. This is the lowest
 * room that may both read files and parse them.
 *
 * Errors, warnings and mistakes are printed on standard error, with their place in the file.
 * Threads: one caller. */
#ifndef CLIENT_CONFIG_H
#define CLIENT_CONFIG_H

#include "conf/change.h"
#include "conf/mistakes.h"
#include "io/file.h"

/* Reads a file, and warns if other users can read it. Returns false if that fails. The caller
 * releases *file either way. */
bool tl_config_load(struct tl_file *file, const char *path) WG_MUST_USE;

/* Parses a text of wg(8) into an empty change. Returns false if it has mistakes, and adds them. */
bool tl_config_parse(const char *text, size_t len, struct tl_change *change,
                     struct tl_mistakes *mistakes) WG_MUST_USE;

/* Prints mistakes. Returns whether there are none. */
bool tl_config_report(const char *path, const struct tl_mistakes *mistakes) WG_MUST_USE;

/* Reads a file of wg(8) into an empty change. Returns false if that fails, or if the file has
 * mistakes. Ports must be valid. */
bool tl_config_read(const char *path, struct tl_change *change) WG_MUST_USE;

/* Looks up all endpoint names, however long that takes. Returns false if one does not resolve. */
bool tl_config_resolve(const char *path, struct tl_change *change) WG_MUST_USE;

#endif
