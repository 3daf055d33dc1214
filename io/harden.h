/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * harden.h - keeps the memory of the process, which holds keys, out of core dumps, debuggers and swap.
 * Threads: call it once, before other threads are made, in the process that is to hold keys: locked
 * memory is not inherited by a fork.
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

/* Does what it can and returns a set of enum tl_hardening that says what. Memory is locked only where
 * no limit could make later allocations fail for it: the limit is infinite or can be made so. A
 * privilege to lock beyond the limit does not count, for the process will give it up. */
uint32_t tl_harden_process(void);

#endif
