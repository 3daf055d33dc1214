/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * opaque_libcrypto.c - tells MemorySanitizer what libcrypto writes.
 *
 * libcrypto is not instrumented, so MemorySanitizer does not see its writes. Each function that
 * crypto/ calls and that writes something is wrapped (-Wl,--wrap): its output is initialised, and
 * as secret as its input, if any of that was poisoned (test/timing/poison.h). Programs are linked
 * with this in builds with MemorySanitizer.
 * Threads: any. */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <sanitizer/msan_interface.h>

#include "base/attr.h"

/* ---- libcrypto's memory, which it passes to C library functions that are instrumented ---- */

static void *allocate(size_t len, const char *file WG_UNUSED, int line WG_UNUSED)
{
        return calloc(1, len);
}

static void *reallocate(void *memory, size_t len, const char *file WG_UNUSED, int line WG_UNUSED)
{
        void *moved = realloc(memory, len);

        if (moved)
                __msan_unpoison(moved, len);
        return moved;
}

static void release(void *memory, const char *file WG_UNUSED, int line WG_UNUSED)
{
        free(memory);
}

__attribute__((constructor)) static void watch_memory(void)
{
        if (!CRYPTO_set_mem_functions(allocate, reallocate, release))
                abort();
}

/* ---- which of libcrypto's objects hold a secret ---- */

enum { BUCKETS = 1024 };

struct tainted {
        struct tainted *next;
        const void *object;
};

static struct tainted *buckets[BUCKETS];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static struct tainted **find(const void *object)
{
        struct tainted **link = &buckets[(uintptr_t)object / 16 % BUCKETS];

        while (*link && (*link)->object != object)
                link = &(*link)->next;
        return link;
}

static bool is_tainted(const void *object)
{
        bool found;

        pthread_mutex_lock(&mutex);
        found = *find(object) != NULL;
        pthread_mutex_unlock(&mutex);
        return found;
}

static void set_tainted(const void *object, bool tainted)
{
        struct tainted **link, *entry;

        pthread_mutex_lock(&mutex);
        link = find(object);
        entry = *link;
        if (!tainted && entry) {
                *link = entry->next;
                free(entry);
        } else if (tainted && !entry) {
                entry = malloc(sizeof(*entry));
                if (!entry)
                        abort();
                *entry = (struct tainted){NULL, object};
                *link = entry;
        }
        pthread_mutex_unlock(&mutex);
}

static bool is_poisoned(const void *bytes, size_t len)
{
        return bytes && len && __msan_test_shadow(bytes, len) >= 0;
}

static void taint(const void *object, const void *bytes, size_t len)
{
        if (is_poisoned(bytes, len))
                set_tainted(object, true);
}

/* An object's output. */
static void written(const void *bytes, size_t len, bool is_secret)
{
        if (!bytes)
                return;
        if (is_secret)
                __msan_poison(bytes, len);
        else
                __msan_unpoison(bytes, len);
}

/* Declares a function and its wrapper. */
#define WRAP(type, name, arguments) \
        type __real_##name arguments; \
        type __wrap_##name arguments; \
        type __wrap_##name arguments

WRAP(void, CRYPTO_get_mem_functions,
     (CRYPTO_malloc_fn * allocates, CRYPTO_realloc_fn *reallocates, CRYPTO_free_fn *frees))
{
        __real_CRYPTO_get_mem_functions(allocates, reallocates, frees);
        if (allocates)
                __msan_unpoison(allocates, sizeof(*allocates));
        if (reallocates)
                __msan_unpoison(reallocates, sizeof(*reallocates));
        if (frees)
                __msan_unpoison(frees, sizeof(*frees));
}

/* ---- parameters, which libcrypto returns as structs ---- */

WRAP(OSSL_PARAM, OSSL_PARAM_construct_octet_string, (const char *key, void *buf, size_t size))
{
        OSSL_PARAM param = __real_OSSL_PARAM_construct_octet_string(key, buf, size);

        __msan_unpoison(&param, sizeof(param));
        return param;
}

WRAP(OSSL_PARAM, OSSL_PARAM_construct_size_t, (const char *key, size_t *buf))
{
        OSSL_PARAM param = __real_OSSL_PARAM_construct_size_t(key, buf);

        __msan_unpoison(&param, sizeof(param));
        return param;
}

WRAP(OSSL_PARAM, OSSL_PARAM_construct_end, (void))
{
        OSSL_PARAM param = __real_OSSL_PARAM_construct_end();

        __msan_unpoison(&param, sizeof(param));
        return param;
}

/* ---- ciphers ---- */

WRAP(int, EVP_CipherInit_ex2,
     (EVP_CIPHER_CTX * ctx, const EVP_CIPHER *cipher, const unsigned char *key,
      const unsigned char *iv, int enc, const OSSL_PARAM params[]))
{
        if (key)
                set_tainted(ctx, is_poisoned(key, 32));
        return __real_EVP_CipherInit_ex2(ctx, cipher, key, iv, enc, params);
}

WRAP(int, EVP_CipherUpdate,
     (EVP_CIPHER_CTX * ctx, unsigned char *out, int *out_len, const unsigned char *in, int in_len))
{
        int done;

        taint(ctx, in, (size_t)in_len);
        done = __real_EVP_CipherUpdate(ctx, out, out_len, in, in_len);
        written(out_len, sizeof(*out_len), false);
        written(out, out ? (size_t)*out_len : 0, is_tainted(ctx));
        return done;
}

WRAP(int, EVP_CipherFinal_ex, (EVP_CIPHER_CTX * ctx, unsigned char *out, int *out_len))
{
        int done = __real_EVP_CipherFinal_ex(ctx, out, out_len);

        written(out_len, sizeof(*out_len), false);
        return done;
}

WRAP(int, EVP_CIPHER_CTX_get_params, (EVP_CIPHER_CTX * ctx, OSSL_PARAM params[]))
{
        int done = __real_EVP_CIPHER_CTX_get_params(ctx, params);

        for (OSSL_PARAM *p = params; p->key; p++) {
                __msan_unpoison(p, sizeof(*p));
                written(p->data, p->data_size, is_tainted(ctx));
        }
        return done;
}

/* ---- hashes and MACs ---- */

WRAP(int, EVP_DigestInit_ex2, (EVP_MD_CTX * ctx, const EVP_MD *type, const OSSL_PARAM params[]))
{
        set_tainted(ctx, false);
        return __real_EVP_DigestInit_ex2(ctx, type, params);
}

WRAP(int, EVP_DigestUpdate, (EVP_MD_CTX * ctx, const void *bytes, size_t len))
{
        taint(ctx, bytes, len);
        return __real_EVP_DigestUpdate(ctx, bytes, len);
}

WRAP(int, EVP_DigestFinal_ex, (EVP_MD_CTX * ctx, unsigned char *out, unsigned int *len))
{
        unsigned int count = 0;
        int done = __real_EVP_DigestFinal_ex(ctx, out, &count);

        __msan_unpoison(&count, sizeof(count));
        written(out, count, is_tainted(ctx));
        if (len)
                *len = count;
        return done;
}

WRAP(int, EVP_MAC_init,
     (EVP_MAC_CTX * ctx, const unsigned char *key, size_t len, const OSSL_PARAM params[]))
{
        set_tainted(ctx, is_poisoned(key, len));
        return __real_EVP_MAC_init(ctx, key, len, params);
}

WRAP(int, EVP_MAC_update, (EVP_MAC_CTX * ctx, const unsigned char *bytes, size_t len))
{
        taint(ctx, bytes, len);
        return __real_EVP_MAC_update(ctx, bytes, len);
}

WRAP(int, EVP_MAC_final, (EVP_MAC_CTX * ctx, unsigned char *out, size_t *len, size_t size))
{
        int done = __real_EVP_MAC_final(ctx, out, len, size);

        written(len, sizeof(*len), false);
        written(out, *len, is_tainted(ctx));
        return done;
}

/* ---- keys ---- */

WRAP(EVP_PKEY *, EVP_PKEY_new_raw_private_key_ex,
     (OSSL_LIB_CTX * library, const char *type, const char *query, const unsigned char *key,
      size_t len))
{
        EVP_PKEY *pkey = __real_EVP_PKEY_new_raw_private_key_ex(library, type, query, key, len);

        taint(pkey, key, len);
        return pkey;
}

WRAP(int, EVP_PKEY_get_raw_public_key, (const EVP_PKEY *pkey, unsigned char *out, size_t *len))
{
        int done = __real_EVP_PKEY_get_raw_public_key(pkey, out, len);

        written(len, sizeof(*len), false);
        written(out, *len, is_tainted(pkey));
        return done;
}

WRAP(EVP_PKEY_CTX *, EVP_PKEY_CTX_new_from_pkey,
     (OSSL_LIB_CTX * library, EVP_PKEY *pkey, const char *query))
{
        EVP_PKEY_CTX *ctx = __real_EVP_PKEY_CTX_new_from_pkey(library, pkey, query);

        set_tainted(ctx, is_tainted(pkey));
        return ctx;
}

WRAP(EVP_PKEY_CTX *, EVP_PKEY_CTX_dup, (const EVP_PKEY_CTX *ctx))
{
        EVP_PKEY_CTX *copy = __real_EVP_PKEY_CTX_dup(ctx);

        set_tainted(copy, is_tainted(ctx));
        return copy;
}

WRAP(int, EVP_PKEY_derive, (EVP_PKEY_CTX * ctx, unsigned char *out, size_t *len))
{
        int done = __real_EVP_PKEY_derive(ctx, out, len);

        written(len, sizeof(*len), false);
        written(out, *len, is_tainted(ctx));
        return done;
}

/* The address may be reused for another object. */
WRAP(void, EVP_PKEY_free, (EVP_PKEY * pkey))
{
        set_tainted(pkey, false);
        __real_EVP_PKEY_free(pkey);
}

WRAP(void, EVP_PKEY_CTX_free, (EVP_PKEY_CTX * ctx))
{
        set_tainted(ctx, false);
        __real_EVP_PKEY_CTX_free(ctx);
}
