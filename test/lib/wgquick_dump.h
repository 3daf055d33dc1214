/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * wgquick_dump.h - the values read from wg-quick's keys, as a text that tests compare. */
#ifndef TEST_LIB_WGQUICK_DUMP_H
#define TEST_LIB_WGQUICK_DUMP_H

#include "conf/wgquick.h"

/* A key=value line for each value that was given, in the order of the struct; the caller frees
 * it. */
char *wgquick_dump(const struct tl_wgquick *quick);

#endif
