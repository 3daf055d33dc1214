/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * declassify.h - marks where something that follows from secrets becomes public: a verdict, a public
 * key, a sealed message. In a program it is nothing at all.
 *
 * The checks of test/timing poison keys and see that no branch and no address depends on anything that
 * follows from them. Code may branch on what is marked here, so each mark says why everybody may know
 * it. They compile the sources with WG_POISON and supply the function.
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
