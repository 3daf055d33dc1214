/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * quick_dump.h - what wg-quick's keys were read as, as one text that tests compare. */
#ifndef TEST_QUICK_DUMP_H
#define TEST_QUICK_DUMP_H

#include "conf/quick.h"

/* A key=value line for each thing that was given, in the order of the struct; the caller frees it. */
char *quick_dump(const struct tl_quick *quick);

#endif
