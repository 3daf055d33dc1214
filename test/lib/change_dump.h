/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * change_dump.h - a change to a device as text, so that two of them can be compared and shown. */
#ifndef TEST_LIB_CHANGE_DUMP_H
#define TEST_LIB_CHANGE_DUMP_H

#include "conf/change.h"

/* The set request (see conf/uapi.h) that asks for the change, each peer's keys in the order of the
 * struct. Parsing it gives the same change again, unless an endpoint is a host name. The caller
 * frees it. */
char *change_dump(const struct tl_change *device);

#endif
