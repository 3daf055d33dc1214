/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "cli/key.h"

#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/json.h"
#include "cli/networks.h"
#include "conf/base64.h"
#include "node/keyfile.h"

enum { TEXT_LEN = TL_BASE64_LEN(TL_CONF_KEY_LEN) };

static int print(const struct tl_call *call, const struct tl_paths *paths, const char *public_key,
                 bool is_new)
{
        if (tl_call_has(call, TL_CLI_JSON))
                return tl_json_print(json_pack("{s:s, s:s, s:b}", "public_key", public_key, "file",
                                               paths->key, "is_new", is_new));
        puts(public_key);
        /* Scripts take the key from standard output; people want to know where it went. */
        if (is_new && isatty(STDERR_FILENO))
                fprintf(stderr,
                        "The private key is in %s and stays here. The public key above\n"
                        "goes into the network file, as `key:' of this machine's entry.\n",
                        paths->key);
        return TL_CLI_YES;
}

static int make_or_show(const struct tl_call *call, const struct tl_paths *paths)
{
        uint8_t private_key[TL_CONF_KEY_LEN], public_key[TL_CONF_KEY_LEN];
        char text[TEXT_LEN + 1] = "";
        bool is_new = !tl_keyfile_exists(paths->key), is_good;

        if (is_new && !tl_keyfile_make(paths->key))
                return TL_CLI_FAILED;
        is_good = tl_keyfile_read(paths->key, private_key) &&
                  tl_keyfile_public(public_key, private_key);
        wg_wipe(private_key, sizeof(private_key));
        if (!is_good)
                return TL_CLI_FAILED;
        tl_base64_encode(text, public_key, sizeof(public_key));
        return print(call, paths, text, is_new);
}

int tl_cli_key(const struct tl_call *call)
{
        struct tl_paths paths;
        int status = tl_networks_find(&paths, tl_call_network(call));

        if (status)
                return status;
        if (!tl_keyfile_begin())
                return TL_CLI_FAILED;
        status = make_or_show(call, &paths);
        tl_keyfile_end();
        return status;
}
