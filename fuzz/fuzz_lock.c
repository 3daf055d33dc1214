/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * fuzz_lock.c - any bytes as a lock file. The parser must not crash. An accepted lock, once
 * written, is read as the same lock, and written as the same text. */
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "conf/lock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads and writes a lock. NULL: it has mistakes. The caller frees the text. */
static char *read_and_write(const char *text, size_t len, struct tl_lock *lock, size_t *written_len)
{
        struct tl_findings findings = {0};
        bool is_good = tl_lock_parse(lock, text, len, &findings);
        char *written = NULL;

        WG_ASSERT(is_good == (findings.count == 0) && !findings.has_lost_some);
        if (is_good) {
                written = tl_lock_format(lock, written_len);
                WG_ASSERT(written && written[*written_len] == '\0');
        }
        tl_findings_done(&findings);
        return written;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct tl_lock first = {0}, second = {0};
        size_t first_len, second_len;
        char *first_text, *second_text;

        first_text = read_and_write((const char *)data, size, &first, &first_len);
        if (first_text) {
                second_text = read_and_write(first_text, first_len, &second, &second_len);
                WG_ASSERT(second_text && first_len == second_len);
                WG_ASSERT(!memcmp(first_text, second_text, first_len));
                WG_ASSERT(first.address_count == second.address_count);
                WG_ASSERT(first.mapped_count == second.mapped_count);
                WG_ASSERT(first.virtual_count == second.virtual_count);
                free(second_text);
        }
        free(first_text);
        tl_lock_done(&first);
        tl_lock_done(&second);
        return 0;
}
