/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * config.h - a configuration file of wg(8), read and with its host names resolved.
 *
 * Names are resolved before the interface exists: nothing of this runs in the daemon proper.
 * Threads: before any is made. */
#ifndef DAEMON_CONFIG_H
#define DAEMON_CONFIG_H

#include "conf/change.h"

/* Reads a file into an empty change. Returns false if it has mistakes, after reporting them with
 * their places on standard error. */
bool tl_config_read(const char *path, struct tl_change *change) WG_MUST_USE;

/* Looks up the endpoints that are given by name. Says on standard error what cannot be found, and
 * returns false. */
bool tl_config_resolve(const char *path, struct tl_change *change) WG_MUST_USE;

#endif
