/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * harden.h - keeps the memory of a process that holds keys out of core dumps, debuggers and swap.
 * Threads: call it once, before other threads start, in the process that will hold keys: a child
 * does not inherit locked memory.
 * Source: setrlimit(2), prctl(2), mlockall(2), capabilities(7). */
#ifndef IO_HARDEN_H
#define IO_HARDEN_H

#include <stdint.h>

#include "base/enum.h"

#define TL_HARDENINGS(X) \
        X(TL_HARDEN_NO_CORE, 1, no_core, "no core dump is ever written") \
        X(TL_HARDEN_NO_DEBUG, 2, no_debug, \
          "users without privileges cannot look into the process") \
        X(TL_HARDEN_NO_SWAP, 4, no_swap, "memory never goes to swap")
WG_FLAGS_DECLARE(tl_hardening, TL_HARDENINGS)

/* Does what it can, and returns a set of enum tl_hardening. Locks memory only if that can never
 * make an allocation fail: the limit must be infinite, or this process must be able to raise it to
 * infinity. The privilege to exceed the limit is not enough, because the process will drop it. */
uint32_t tl_harden_process(void);

#endif
