/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/lib/cmocka.h"
#include <sanitizer/msan_interface.h>

#include "test/lib/with_crypto.h"
#include "test/timing/poison.h"

/* meson.build sets the same in MSAN_OPTIONS. */
enum { EXIT_FOUND = 86 };

int poison_setup(void **state)
{
        return test_crypto_up(state);
}

void poison(const void *bytes, size_t len)
{
        __msan_poison(bytes, len);
}

void wg_declassify(const volatile void *bytes, size_t len)
{
        __msan_unpoison(bytes, len);
}

bool is_poisoned(const void *bytes, size_t len)
{
        return __msan_test_shadow(bytes, len) >= 0;
}

bool poison_sees_libraries(void)
{
        return false;
}

/* The first finding ends the program. */
unsigned int poison_findings(void (*function)(void))
{
        int status = 0;
        pid_t child;

        fflush(NULL);
        child = fork();
        assert_int_not_equal(child, -1);
        if (child == 0) {
                function();
                _exit(0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
                return 0;
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_FOUND);
        return 1;
}

int poison_begin(void **state)
{
        (void)state;
        return 0;
}

int poison_end(void **state)
{
        (void)state;
        return 0;
}
