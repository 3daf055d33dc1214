/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * json.h - prints the answers of commands as JSON. Includes jansson for their files.
 * Threads: the process has only one. Source: jansson's json_pack(). */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <jansson.h>

#include "base/attr.h"

/* Prints a value on standard output, with its members in the order in which they were added, and
 * releases it. NULL, which jansson returns if there is no memory, is a failure. Returns the exit
 * status: 0, or 1 after saying why. */
int tl_json_print(json_t *value);

#endif
