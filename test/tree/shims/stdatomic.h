/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * stdatomic.h - in place of the compiler's, for the check kbuild: the part of C11's
 * atomics that base and core use, as compiler builtins. */
#ifndef SHIMS_STDATOMIC_H
#define SHIMS_STDATOMIC_H

enum {
        memory_order_relaxed = __ATOMIC_RELAXED,
        memory_order_acquire = __ATOMIC_ACQUIRE,
        memory_order_release = __ATOMIC_RELEASE,
        memory_order_acq_rel = __ATOMIC_ACQ_REL,
        memory_order_seq_cst = __ATOMIC_SEQ_CST,
};

typedef _Atomic _Bool atomic_bool;

#ifdef __clang__
#define atomic_init(at, value) __c11_atomic_init(at, value)
#define atomic_load_explicit(at, order) __c11_atomic_load(at, order)
#define atomic_store_explicit(at, value, order) __c11_atomic_store(at, value, order)
#define atomic_exchange_explicit(at, value, order) __c11_atomic_exchange(at, value, order)
#define atomic_fetch_add_explicit(at, value, order) __c11_atomic_fetch_add(at, value, order)
#define atomic_fetch_sub_explicit(at, value, order) __c11_atomic_fetch_sub(at, value, order)
#define atomic_fetch_or_explicit(at, value, order) __c11_atomic_fetch_or(at, value, order)
#define atomic_fetch_and_explicit(at, value, order) __c11_atomic_fetch_and(at, value, order)
#define atomic_compare_exchange_strong_explicit(at, expected, value, success, failure) \
        __c11_atomic_compare_exchange_strong(at, expected, value, success, failure)
#define atomic_compare_exchange_weak_explicit(at, expected, value, success, failure) \
        __c11_atomic_compare_exchange_weak(at, expected, value, success, failure)
#else
#define atomic_init(at, value) __atomic_store_n(at, value, __ATOMIC_RELAXED)
#define atomic_load_explicit(at, order) __atomic_load_n(at, order)
#define atomic_store_explicit(at, value, order) __atomic_store_n(at, value, order)
#define atomic_exchange_explicit(at, value, order) __atomic_exchange_n(at, value, order)
#define atomic_fetch_add_explicit(at, value, order) __atomic_fetch_add(at, value, order)
#define atomic_fetch_sub_explicit(at, value, order) __atomic_fetch_sub(at, value, order)
#define atomic_fetch_or_explicit(at, value, order) __atomic_fetch_or(at, value, order)
#define atomic_fetch_and_explicit(at, value, order) __atomic_fetch_and(at, value, order)
#define atomic_compare_exchange_strong_explicit(at, expected, value, success, failure) \
        __atomic_compare_exchange_n(at, expected, value, 0, success, failure)
#define atomic_compare_exchange_weak_explicit(at, expected, value, success, failure) \
        __atomic_compare_exchange_n(at, expected, value, 1, success, failure)
#endif

#define atomic_load(at) atomic_load_explicit(at, memory_order_seq_cst)
#define atomic_compare_exchange_strong(at, expected, value) \
        atomic_compare_exchange_strong_explicit(at, expected, value, memory_order_seq_cst, \
                                                memory_order_seq_cst)

#endif
