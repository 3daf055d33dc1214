/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "crypto/crypto.h"

#include "crypto/libcrypto/context.h"
#include "crypto/libcrypto/reserve.h"
#include "crypto/selftest.h"

bool wg_crypto_init(void)
{
        wg_crypto_reserve_init();
        if (!wg_crypto_context_init())
                return false;
        if (wg_selftest_primitives() && wg_selftest_backends())
                return true;
        wg_crypto_context_done();
        return false;
}

void wg_crypto_done(void)
{
        wg_crypto_context_done();
}
