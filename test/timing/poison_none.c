/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * poison_none.c - says that no tool can watch, and does nothing else. */
#include <stdio.h>
#include <stdlib.h>

#include "test/timing/poison.h"

enum { EXIT_SKIPPED = 77 };

int poison_setup(void **state)
{
        (void)state;
        printf("no tool: built without <valgrind/memcheck.h>, or with a sanitizer that is "
               "not MemorySanitizer\n");
        exit(EXIT_SKIPPED);
}

void poison(const void *bytes, size_t len)
{
        (void)bytes;
        (void)len;
}

void wg_declassify(const volatile void *bytes, size_t len)
{
        (void)bytes;
        (void)len;
}

bool is_poisoned(const void *bytes, size_t len)
{
        (void)bytes;
        (void)len;
        return false;
}

bool poison_sees_libraries(void)
{
        return false;
}

unsigned int poison_findings(void (*function)(void))
{
        function();
        return 0;
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
