/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * conf_dump.h - a change to a device as text, so that two of them can be compared and shown. */
#ifndef TEST_CONF_DUMP_H
#define TEST_CONF_DUMP_H

#include "conf/device.h"

/* The set request (see conf/uapi.h) that asks for the change, each peer's keys in the order of the
 * struct. Parsed, it gives the same change again, but where an endpoint is a host name. Free it. */
char *conf_dump(const struct tl_conf_device *device);

#endif
