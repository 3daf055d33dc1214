/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * memfile.h - a stream that writes text to memory. */
#ifndef TEST_LIB_MEMFILE_H
#define TEST_LIB_MEMFILE_H

#include <stdio.h>
#include <string.h>

#include "test/lib/cmocka.h"

/* Opens a stream to memory, which is zeroed first: MemorySanitizer does not see what fmemopen()
 * writes. Never returns NULL. */
static inline FILE *test_memfile(char *out, size_t size)
{
        FILE *file;

        memset(out, 0, size);
        file = fmemopen(out, size, "w");
        if (!file)
                fail_msg("fmemopen");
        return file;
}

#endif
