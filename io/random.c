/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "io/random.h"

#include <errno.h>
#include <stdint.h>
#include <sys/random.h>

#include "base/attr.h"

void tl_random_fill(void *out, size_t len)
{
        uint8_t *at = out;

        while (len) {
                ssize_t got = getrandom(at, len, 0);

                if (got < 0 && errno == EINTR)
                        continue;
                WG_ASSERT(got > 0);
                at += got;
                len -= (size_t)got;
        }
}
