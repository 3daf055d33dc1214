/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * declassify.h - marks where a value derived from secrets becomes public: a verdict, a public key,
 * a sealed message. It does nothing in programs.
 *
 * The checks in test/timing poison keys and verify that no branch and no address depends on values
 * derived from them. Code may branch on marked values, so each mark says why the value is public.
 * The checks compile the sources with WG_POISON and supply the function.
 * Threads: any. */
#ifndef BASE_DECLASSIFY_H
#define BASE_DECLASSIFY_H

#include "base/std.h"

#ifdef WG_POISON
void wg_declassify(const volatile void *bytes, size_t len);
#else
static inline void wg_declassify(const volatile void *bytes, size_t len)
{
        (void)bytes;
        (void)len;
}
#endif

#endif
