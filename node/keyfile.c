/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "node/keyfile.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "conf/base64.h"
#include "crypto/crypto.h"
#include "crypto/x25519.h"
#include "io/fail.h"
#include "io/file.h"
#include "io/harden.h"
#include "io/random.h"

_Static_assert(TL_CONF_KEY_LEN == WG_KEY_LEN, "one length of keys");

enum { TEXT_LEN = TL_BASE64_LEN(WG_KEY_LEN) };

bool tl_keyfile_begin(void)
{
        tl_harden_process();
        return wg_crypto_init() || tl_fail("the cryptography of this machine fails its test");
}

void tl_keyfile_end(void)
{
        wg_crypto_done();
}

bool tl_keyfile_exists(const char *path)
{
        struct stat status;

        return lstat(path, &status) == 0;
}

static bool parse(const char *path, const struct tl_file *file, uint8_t key[TL_CONF_KEY_LEN])
{
        size_t len = file->len;

        while (len && isspace((unsigned char)file->text[len - 1]))
                len--;
        return tl_base64_decode(key, TL_CONF_KEY_LEN, file->text, len) ||
               tl_fail("%s is not a private key in base64: move it away, and run `tieline key'",
                       path);
}

/* Whether the key can be known to us and root only. A missing file is left to the caller. */
static bool is_trusted(const char *path)
{
        struct stat status;

        if (stat(path, &status) != 0)
                return true;
        if (!S_ISREG(status.st_mode))
                return tl_fail("%s is not a regular file", path);
        return status.st_uid == geteuid() || status.st_uid == 0 ||
               tl_fail("%s belongs to another user, who knows this private key: make a new one",
                       path);
}

bool tl_keyfile_read(const char *path, uint8_t private_key[TL_CONF_KEY_LEN])
{
        struct tl_file file;
        bool is_good = false;
        int error;

        if (!is_trusted(path))
                return false;
        error = tl_file_read(&file, path);
        if (error == -ENOENT)
                tl_fail("%s: there is no key yet: run `tieline key'", path);
        else if (error)
                tl_fail("%s: %s", path, strerror(-error));
        else if (file.is_exposed)
                tl_fail("%s: other users can read this private key: run `chmod 600 %s'", path,
                        path);
        else
                is_good = parse(path, &file, private_key);
        tl_file_done(&file);
        return is_good;
}

/* Creates the directory of a path unless it exists. The file's own error tells if that fails. */
static void make_directory(const char *path)
{
        const char *slash = strrchr(path, '/');
        char directory[PATH_MAX];

        if (!slash || slash == path)
                return;
        snprintf(directory, sizeof(directory), "%.*s", (int)(slash - path), path);
        (void)mkdir(directory, 0755);
}

bool tl_keyfile_make(const char *path)
{
        uint8_t key[WG_KEY_LEN];
        char text[TEXT_LEN + 1];
        int error;

        tl_random_fill(key, sizeof(key));
        wg_x25519_clamp(key);
        tl_base64_encode(text, key, sizeof(key));
        text[TEXT_LEN] = '\n';
        make_directory(path);
        error = tl_file_create(path, text, sizeof(text));
        wg_wipe(key, sizeof(key));
        wg_wipe(text, sizeof(text));
        return !error || tl_fail("%s: %s", path, strerror(-error));
}

bool tl_keyfile_public(uint8_t public_key[TL_CONF_KEY_LEN],
                       const uint8_t private_key[TL_CONF_KEY_LEN])
{
        struct wg_x25519_key *key = wg_x25519_key_new(private_key);

        if (!key)
                return tl_fail("out of memory");
        memcpy(public_key, wg_x25519_key_public(key), WG_KEY_LEN);
        wg_x25519_key_free(key);
        return true;
}
