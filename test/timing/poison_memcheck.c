/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "test/lib/cmocka.h"
#include <valgrind/memcheck.h>

#include "test/lib/with_crypto.h"
#include "test/timing/poison.h"

enum { EXIT_SKIPPED = 77, KNOWN_MAX = 4096 };

static unsigned int found_before;

/* libcrypto uses it to compare tags, and shared secrets with zero; it branches on the result, and
 * returns it to its caller. The result is not secret. (valgrind calls this instead of the
 * function.) */
int I_WRAP_SONAME_FNNAME_ZU(libcryptoZdsoZd3, CRYPTO_memcmp)(const void *a, const void *b,
                                                             size_t len);
int I_WRAP_SONAME_FNNAME_ZU(libcryptoZdsoZd3, CRYPTO_memcmp)(const void *a, const void *b,
                                                             size_t len)
{
        OrigFn original;
        int differs;

        VALGRIND_GET_ORIG_FN(original);
        CALL_FN_W_WWW(differs, original, a, b, len);
        wg_declassify(&differs, sizeof(differs));
        return differs;
}

int poison_setup(void **state)
{
        if (RUNNING_ON_VALGRIND)
                return test_crypto_up(state);
        printf("runs under valgrind only\n");
        exit(EXIT_SKIPPED);
}

void poison(const void *bytes, size_t len)
{
        (void)VALGRIND_MAKE_MEM_UNDEFINED(bytes, len);
}

void wg_declassify(const volatile void *bytes, size_t len)
{
        (void)VALGRIND_MAKE_MEM_DEFINED(bytes, len);
}

bool is_poisoned(const void *bytes, size_t len)
{
        uint8_t bits[KNOWN_MAX];

        assert_true(len <= sizeof(bits));
        assert_int_equal(VALGRIND_GET_VBITS(bytes, bits, len), 1);
        for (size_t i = 0; i < len; i++)
                if (!bits[i])
                        return false;
        return true;
}

bool poison_sees_libraries(void)
{
        return true;
}

unsigned int poison_findings(void (*function)(void))
{
        unsigned int before = VALGRIND_COUNT_ERRORS;

        function();
        return VALGRIND_COUNT_ERRORS - before;
}

int poison_begin(void **state)
{
        (void)state;
        found_before = VALGRIND_COUNT_ERRORS;
        return 0;
}

int poison_end(void **state)
{
        (void)state;
        assert_int_equal(VALGRIND_COUNT_ERRORS - found_before, 0);
        return 0;
}
