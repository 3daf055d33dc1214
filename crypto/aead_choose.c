/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include <string.h>

#include "crypto/aead.h"

/* The best first. */
static const struct wg_aead_backend *const backends[] = {
        &wg_aead_libcrypto,
};

const struct wg_aead_backend *wg_aead_choose(const char *name)
{
        if (!name)
                return backends[0];
        for (size_t i = 0; i < WG_ARRAY_SIZE(backends); i++)
                if (strcmp(backends[i]->name, name) == 0)
                        return backends[i];
        return NULL;
}
