/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * stddef.h - in place of the compiler's, for the check kbuild. */
#ifndef SHIMS_STDDEF_H
#define SHIMS_STDDEF_H

typedef unsigned long size_t;
typedef long ptrdiff_t;

#define NULL ((void *)0)
#define offsetof(type, member) __builtin_offsetof(type, member)

#endif
