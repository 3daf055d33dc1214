/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * config.h - reads configuration files for the programs that configure an interface. It is in this
 * room because no lower one may both read files and parse them.
 *
 * All functions print errors, warnings and mistakes on standard error.
 * Threads: one caller. */
#ifndef CLIENT_CONFIG_H
#define CLIENT_CONFIG_H

#include "conf/change.h"
#include "conf/mistakes.h"
#include "io/file.h"

/* Reads a file, and warns if other users can read it. Returns false if that fails. The caller
 * releases *file either way. */
bool tl_config_load(struct tl_file *file, const char *path) WG_MUST_USE;

/* Parses a wg(8) configuration into an empty change. If it has mistakes, returns false and adds
 * them. */
bool tl_config_parse(const char *text, size_t len, struct tl_change *change,
                     struct tl_mistakes *mistakes) WG_MUST_USE;

/* Prints mistakes. Returns whether there are none. */
bool tl_config_report(const char *path, const struct tl_mistakes *mistakes) WG_MUST_USE;

/* Reads a wg(8) configuration file into an empty change. Returns false if that fails, or if the
 * file has mistakes. A listen port above 65535 is one. */
bool tl_config_read(const char *path, struct tl_change *change) WG_MUST_USE;

/* Looks up all endpoint names, without a time limit. Returns false if any does not resolve. */
bool tl_config_resolve(const char *path, struct tl_change *change) WG_MUST_USE;

#endif
