/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include <stdatomic.h>
#include <string.h>

#include "crypto/aead_native.h"
#include "crypto/selftest.h"

/* A bit per back-end, by its number for wg_aead_nth(), that failed its test. */
static _Atomic uint32_t broken;

const struct wg_aead_backend *wg_aead_nth(size_t i)
{
        for (const struct wg_aead_native *native = wg_aead_natives; native->backend; native++)
                if (native->can_run() && i-- == 0)
                        return native->backend;
        return i == 0 ? &wg_aead_libcrypto : NULL;
}

bool wg_aead_is_broken(const struct wg_aead_backend *backend)
{
        for (size_t i = 0; wg_aead_nth(i); i++)
                if (wg_aead_nth(i) == backend)
                        return atomic_load(&broken) >> i & 1;
        return true;
}

bool wg_selftest_backends(void)
{
        uint32_t failed = 0;

        for (size_t i = 0; wg_aead_nth(i); i++)
                if (!wg_selftest_backend(wg_aead_nth(i)))
                        failed |= 1u << i;
        atomic_store(&broken, failed);
        return !wg_aead_is_broken(&wg_aead_libcrypto);
}

const struct wg_aead_backend *wg_aead_choose(const char *name)
{
        const struct wg_aead_backend *backend;

        for (size_t i = 0; (backend = wg_aead_nth(i)); i++)
                if (name ? strcmp(backend->name, name) == 0 : !wg_aead_is_broken(backend))
                        return backend;
        return NULL;
}
