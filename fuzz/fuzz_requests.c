/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * fuzz_requests.c - any sequence of configuration requests to a running device. The input is a
 * script (test/lib/requests.h); a naive model predicts the effect of each request on the device. */
#include "test/lib/requests.h"
#include "test/lib/with_crypto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static bool has_crypto;

        if (!has_crypto && test_crypto_up(NULL))
                __builtin_trap();
        has_crypto = true;
        requests_run(data, size);
        return 0;
}
