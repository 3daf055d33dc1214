/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * stdbool.h - in place of the compiler's, for the check kbuild: true and false are constants of an
 * enum in a Linux kernel, not macros. */
#ifndef SHIMS_STDBOOL_H
#define SHIMS_STDBOOL_H

typedef _Bool bool;
enum { false, true };

#endif
