/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * with_crypto.h - cmocka group fixtures that start and stop crypto/. */
#ifndef TEST_LIB_WITH_CRYPTO_H
#define TEST_LIB_WITH_CRYPTO_H

#include "crypto/crypto.h"

static inline int test_crypto_up(void **state)
{
        (void)state;
        return wg_crypto_init() ? 0 : -1;
}

static inline int test_crypto_down(void **state)
{
        (void)state;
        wg_crypto_done();
        return 0;
}

#endif
