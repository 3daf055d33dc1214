/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * std.h - the C headers that base, core and the headers of crypto use. They include no others.
 *
 * A freestanding compiler provides all four. A build without them, such as a kernel module's, puts
 * shims of the same names on its include path. */
#ifndef BASE_STD_H
#define BASE_STD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#endif
