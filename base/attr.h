/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * attr.h - compiler attributes behind names, and the few macros every layer needs. */
#ifndef BASE_ATTR_H
#define BASE_ATTR_H

#include "base/std.h"

#define WG_MUST_USE __attribute__((warn_unused_result))
#ifndef WG_NORETURN /* a build may define it as nothing if its tools do not know wg_panic() */
#define WG_NORETURN __attribute__((noreturn))
#endif
#define WG_UNUSED __attribute__((unused))
#define WG_PRINTF(text, first) __attribute__((__format__(__printf__, text, first)))

#define WG_LIKELY(x) __builtin_expect(!!(x), 1)
#define WG_UNLIKELY(x) __builtin_expect(!!(x), 0)

/* Whether a sanitizer is compiled in. Sanitizers open files and start processes to report
 * errors. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WG_IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
        __has_feature(memory_sanitizer)
#define WG_IS_SANITIZED 1
#endif
#endif
#ifndef WG_IS_SANITIZED
#define WG_IS_SANITIZED 0
#endif

#define WG_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
/* Evaluate one argument twice: never pass an expression that may change, such as an atomic load. */
#define WG_MIN(a, b) ((a) < (b) ? (a) : (b))
#define WG_MAX(a, b) ((a) > (b) ? (a) : (b))

/* The struct of type `type` whose member `member` is at `pointer`. */
#define WG_CONTAINER_OF(pointer, type, member) \
        ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/* Ends the program because of one of our own bugs; never returns. The program (or the kernel
 * module) supplies it. Apart from the four mem* functions, which compilers call implicitly, it is
 * the only function that base needs from outside. */
WG_NORETURN void wg_panic(const char *file, int line, const char *what);

/* For our own bugs only; invalid input from the other side gets a verdict. Always compiled in. */
#define WG_ASSERT(condition) \
        (WG_LIKELY(condition) ? (void)0 : wg_panic(__FILE__, __LINE__, #condition))

#endif
