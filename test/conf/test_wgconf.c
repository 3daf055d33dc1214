/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#define _GNU_SOURCE /* memmem */

#include "conf/address.h"
#include "conf/wgconf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/lib/change_dump.h"
#include "test/lib/cmocka.h"
#include "test/lib/heap.h"

/* A secret, a preshared key and two public keys; the latter also in the form of the dump. */
#define SECRET_START "yAnz5TF+lXXJte14"
#define SECRET SECRET_START "tji3zlMNq+hd2rYUIgJBgB3fBmk="
#define SECRET_HEX \
        "c809f3e5317e9575c9b5ed78b638b7ce530dabe85ddab61422024180" \
        "1ddf0669"
#define A "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="
#define A_HEX "c53201039adba14be71f886da1d8dbe9eebded08cb111b75340078999aa9f038"
#define B "TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0="
#define B_HEX "4eb32f4a83f88d842563a448cc181bb2c42a637bf12363e2fb2ef594e5965d7d"
#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

#define INTERFACE "[Interface]\n"
#define PEER "[Peer]\nPublicKey=" A "\n"

/* The beginning of the dump if no key of [Interface] is given, and with one peer after it. */
#define CLEAR "set=1\nprivate_key=" ZEROS "\nlisten_port=0\nfwmark=0\nreplace_peers=true\n"
#define DUMP_INTERFACE(private_key, listen_port, fwmark) \
        "set=1\nprivate_key=" private_key "\nlisten_port=" listen_port "\nfwmark=" fwmark \
        "\nreplace_peers=true\n\n"
#define DUMP_PEER(before, after) \
        CLEAR "public_key=" A_HEX "\npreshared_key=" ZEROS "\n" before \
              "replace_allowed_ips=true\n" after "\n"

static const struct {
        int number;
        const char *text, *dump;
} texts[] = {
        {1, "", CLEAR "\n"},
        {2, "\n\n \t\r\n# only a comment", CLEAR "\n"},
        {3, "[Interface]", CLEAR "\n"},
        {4, INTERFACE INTERFACE, CLEAR "\n"},
        {5, INTERFACE "PrivateKey=" SECRET, DUMP_INTERFACE(SECRET_HEX, "0", "0")},
        {6, " [ i N t erface ] # [Peer]\n\tPRIVATEkey\v=\f" SECRET "\r\n",
         DUMP_INTERFACE(SECRET_HEX, "0", "0")},
        {7, INTERFACE "Private Key = yAnz5TF+lXXJte14 tji3zlMNq+hd2rYUIgJBgB3fBmk =#",
         DUMP_INTERFACE(SECRET_HEX, "0", "0")},
        {8, INTERFACE "PrivateKey=" A "\nPrivateKey=" SECRET, DUMP_INTERFACE(SECRET_HEX, "0", "0")},
        {9, INTERFACE "ListenPort = 51820\nFwMark = 0xCa6c",
         DUMP_INTERFACE(ZEROS, "51820", "51820")},
        {10, INTERFACE "ListenPort=65535\nFwMark=4294967295",
         DUMP_INTERFACE(ZEROS, "65535", "4294967295")},
        {11, INTERFACE "ListenPort=0\nFwMark=010", DUMP_INTERFACE(ZEROS, "0", "10")},
        {12, INTERFACE "FwMark=7\nFwMark=OFF", CLEAR "\n"},
        {13, PEER, DUMP_PEER("", "")},
        {14, "[peer]\r\npublickey = " A "\r\n", DUMP_PEER("", "")},
        {15, PEER "PublicKey=" A, DUMP_PEER("", "")},
        {16, "[Peer]\nEndpoint=192.0.2.1:1\nPublicKey=" A, DUMP_PEER("endpoint=192.0.2.1:1\n", "")},
        {17, PEER "PresharedKey=" SECRET,
         CLEAR "public_key=" A_HEX "\npreshared_key=" SECRET_HEX "\nreplace_allowed_ips=true\n\n"},
        {18, PEER "PersistentKeepalive=25", DUMP_PEER("persistent_keepalive_interval=25\n", "")},
        {19, PEER "PersistentKeepalive=65535",
         DUMP_PEER("persistent_keepalive_interval=65535\n", "")},
        {20, PEER "PersistentKeepalive=7\nPersistentKeepalive=Off",
         DUMP_PEER("persistent_keepalive_interval=0\n", "")},
        {21, PEER "Endpoint=[2001:db8::1]:65535", DUMP_PEER("endpoint=[2001:db8::1]:65535\n", "")},
        {22, PEER "Endpoint=2001:db8::1:65535", DUMP_PEER("endpoint=[2001:db8::1]:65535\n", "")},
        {23, PEER "Endpoint=[192.0.2.1]:1", DUMP_PEER("endpoint=192.0.2.1:1\n", "")},
        {24, PEER "Endpoint=[::ffff:192.0.2.1]:1", DUMP_PEER("endpoint=192.0.2.1:1\n", "")},
        {25, PEER "Endpoint=[fe80::1%eth0]:1", DUMP_PEER("endpoint=[fe80::1%eth0]:1\n", "")},
        {26, PEER "Endpoint=[fe80::1%3]:1", DUMP_PEER("endpoint=[fe80::1%3]:1\n", "")},
        {27, PEER "Endpoint=vpn.example.com:51820",
         DUMP_PEER("endpoint=vpn.example.com:51820\n", "")},
        {28, PEER "Endpoint=Localhost:1", DUMP_PEER("endpoint=Localhost:1\n", "")},
        {29, PEER "Endpoint=[a_b-c.d1.]:1", DUMP_PEER("endpoint=a_b-c.d1.:1\n", "")},
        {30, PEER "Endpoint=1.2.3.4a:1", DUMP_PEER("endpoint=1.2.3.4a:1\n", "")},
        {31, PEER "Endpoint=a.example:1\nEndpoint=b.example:2",
         DUMP_PEER("endpoint=b.example:2\n", "")},
        {32, PEER "Endpoint=a.example:1\nEndpoint=192.0.2.1:2",
         DUMP_PEER("endpoint=192.0.2.1:2\n", "")},
        {33, PEER "Endpoint=[fe80::1%eth0]:1\nEndpoint=b.example:2",
         DUMP_PEER("endpoint=b.example:2\n", "")},
        {34, PEER "AllowedIPs=10.1.2.3/8", DUMP_PEER("", "allowed_ip=10.0.0.0/8\n")},
        {35, PEER "AllowedIPs=10.1.2.3 , :: / 0\nallowedips=2001:db8::1",
         DUMP_PEER("", "allowed_ip=10.1.2.3/32\nallowed_ip=::/0\nallowed_ip=2001:db8::1/128\n")},
        {36, PEER "AllowedIPs=::/0\nAllowedIPs=::/0",
         DUMP_PEER("", "allowed_ip=::/0\nallowed_ip=::/0\n")},
        {37, PEER "AllowedIPs=+10.0.0.0/8,-::/0",
         CLEAR "public_key=" A_HEX "\npreshared_key=" ZEROS
               "\nallowed_ip=10.0.0.0/8\nallowed_ip=-::/0\n\n"},
        {38,
         PEER "AllowedIPs=::/1\n[Interface]\nFwMark=1\n[Peer]\nAllowedIPs=::/2\nPublicKey=" B
              "\nPersistentKeepalive=3\n" PEER,
         "set=1\nprivate_key=" ZEROS "\nlisten_port=0\nfwmark=1\nreplace_peers=true\n"
         "public_key=" A_HEX "\npreshared_key=" ZEROS "\nreplace_allowed_ips=true\n"
         "allowed_ip=::/1\n"
         "public_key=" B_HEX "\npreshared_key=" ZEROS "\npersistent_keepalive_interval=3\n"
         "replace_allowed_ips=true\nallowed_ip=::/2\n"
         "public_key=" A_HEX "\npreshared_key=" ZEROS "\nreplace_allowed_ips=true\n\n"},
};

/* No run of a secret's bytes may be found, either as text or as the key itself. */
static void assert_no_secret(const void *memory, size_t size)
{
        static const uint8_t key[] = {0xc8, 0x09, 0xf3, 0xe5, 0x31, 0x7e};

        assert_null(memmem(memory, size, SECRET_START, 8));
        assert_null(memmem(memory, size, key, 4));
}

static void test_texts(void **state)
{
        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(texts); i++) {
                struct tl_change device;
                struct tl_mistakes mistakes = {0};
                const struct tl_conf_error *first = &mistakes.first[0];
                char *dump;

                tl_change_init(&device);
                if (!tl_wgconf_parse(texts[i].text, strlen(texts[i].text), &device, &mistakes))
                        fail_msg("text %d: %u:%u: %s", texts[i].number, first->line, first->column,
                                 first->message);
                dump = change_dump(&device);
                if (strcmp(dump, texts[i].dump))
                        fail_msg("text %d:\n%s", texts[i].number, dump);
                free(dump);
                tl_change_done(&device);
        }
}

/* Every mistake, alone in its text, with its position and a part of its message. */
static const struct {
        int number;
        const char *text;
        uint32_t line, column;
        const char *message;
} alone[] = {
        /* of structure */
        {1, "PrivateKey=" SECRET, 1, 1, "must begin with [Interface] or [Peer]"},
        {2, "\n  Foo=1", 2, 3, "must begin with [Interface] or [Peer]"},
        {3, "[Interfaces]", 1, 1, "unknown section"},
        {4, "[]", 1, 1, "unknown section"},
        {5, "[Peer", 1, 1, "unknown section"},
        {6, "[Interface] PrivateKey=" SECRET, 1, 1, "unknown section"},
        {7, INTERFACE "foo", 2, 1, "Key = value"},
        {8, INTERFACE " ; a comment of other INI files", 2, 2, "Key = value"},
        {9, INTERFACE "PrivateKey " SECRET_START, 2, 1, "Key = value"},
        {10, INTERFACE "PrivateKey " SECRET, 2, 1, "[Interface] has"},
        {11, INTERFACE SECRET "=PrivateKey", 2, 1, "[Interface] has"},
        {12, INTERFACE "=", 2, 1, "[Interface] has"},
        {13, PEER "\n \tAllowedIP=::/0", 4, 3, "[Peer] has"},
        {14, PEER "PrivateKey=" SECRET, 3, 1, "belongs in the [Interface] section"},
        {15, PEER "ListenPort=1", 3, 1, "belongs in the [Interface] section"},
        {16, INTERFACE "PublicKey=" A, 2, 1, "belongs in a [Peer] section"},
        {17, INTERFACE "AllowedIPs=::/0", 2, 1, "belongs in a [Peer] section"},
        {18, "\n  [Peer]", 2, 3, "no PublicKey"},
        {19, "[Peer]\nEndpoint=192.0.2.1:1\n\n", 1, 1, "no PublicKey"},
        {20, PEER "[Peer]\n" PEER, 3, 1, "no PublicKey"},
        {21, "[Peer]\n[Interface]\nFwMark=1", 1, 1, "no PublicKey"},
        {22, "\xef\xbb\xbf[Interface]", 1, 1, "byte order mark"},
        {23, INTERFACE "\xef\xbb\xbfListenPort=1", 2, 1, "unknown key"},
        /* of wg-quick */
        {24, INTERFACE "Address = 10.0.0.1/8", 2, 1, "Address belongs to wg-quick(8)"},
        {25, INTERFACE "dns = 10.0.0.1", 2, 1, "DNS belongs to wg-quick(8)"},
        {26, INTERFACE "MTU = 1420", 2, 1, "`wg-quick strip'"},
        {27, INTERFACE "Table = off", 2, 1, "Table belongs to wg-quick(8)"},
        {28, INTERFACE "PreUp = true", 2, 1, "PreUp belongs to wg-quick(8)"},
        {29, INTERFACE "PostUp = wg set %i private-key <(cat /k)", 2, 1, "PostUp belongs"},
        {30, INTERFACE "PreDown = true", 2, 1, "PreDown belongs to wg-quick(8)"},
        {31, INTERFACE "PostDown = true", 2, 1, "PostDown belongs to wg-quick(8)"},
        {32, INTERFACE "SaveConfig = true", 2, 1, "SaveConfig belongs to wg-quick(8)"},
        {33, PEER "\nAddress = 10.0.0.1/8", 4, 1, "the [Interface] section"},
        /* of keys */
        {34, INTERFACE "PrivateKey=", 2, 12, "44 characters of base64"},
        {35, INTERFACE "PrivateKey = # later", 2, 13, "44 characters of base64"},
        {36, INTERFACE "PrivateKey = " SECRET_START, 2, 14, "44 characters of base64"},
        {37, INTERFACE "PrivateKey = " SECRET "=", 2, 14, "44 characters of base64"},
        {38, INTERFACE "PrivateKey = " SECRET_START "tji3zlMNq+hd2rYUIgJBgB3fBml=", 2, 14,
         "44 characters of base64"},
        {39, INTERFACE "PrivateKey = " SECRET_START "tji3zlMNq+hd2rYUIgJBgB3fBm*=", 2, 14,
         "44 characters of base64"},
        {40, INTERFACE "PrivateKey = " SECRET_HEX, 2, 14, "44 characters of base64"},
        {41, INTERFACE "PrivateKey = " SECRET " ; a comment", 2, 14, "44 characters of base64"},
        {42, "[Peer]\nPublicKey = " A_HEX, 2, 13, "`wg pubkey'"},
        {43, PEER "PresharedKey=", 3, 14, "`wg genpsk'"},
        {44, PEER "PresharedKey= off", 3, 15, "`wg genpsk'"},
        /* of numbers */
        {45, INTERFACE "ListenPort=", 2, 12, "from 0 to 65535"},
        {46, INTERFACE "ListenPort=65536x", 2, 12, "from 0 to 65535"},
        {47, INTERFACE "ListenPort=domain", 2, 12, "from 0 to 65535"},
        {48, INTERFACE "ListenPort=++1", 2, 12, "from 0 to 65535"},
        {49, INTERFACE "ListenPort=-1", 2, 12, "from 0 to 65535"},
        {50, INTERFACE "ListenPort=off", 2, 12, "from 0 to 65535"},
        {51, INTERFACE "ListenPort=0x10", 2, 12, "from 0 to 65535"},
        {52, INTERFACE "ListenPort=" SECRET, 2, 12, "from 0 to 65535"},
        {53, INTERFACE "FwMark=", 2, 8, "FwMark must be"},
        {54, INTERFACE "FwMark=4294967296", 2, 8, "FwMark must be"},
        {55, INTERFACE "FwMark=0x100000000", 2, 8, "FwMark must be"},
        {56, INTERFACE "FwMark=0X1", 2, 8, "FwMark must be"},
        {57, INTERFACE "FwMark=0x", 2, 8, "FwMark must be"},
        {58, INTERFACE "FwMark=offf", 2, 8, "FwMark must be"},
        {59, PEER "PersistentKeepalive=", 3, 21, "PersistentKeepalive must be off"},
        {60, PEER "PersistentKeepalive=65536", 3, 21, "PersistentKeepalive must be off"},
        {61, PEER "PersistentKeepalive=-1", 3, 21, "PersistentKeepalive must be off"},
        {62, PEER "PersistentKeepalive=25s", 3, 21, "PersistentKeepalive must be off"},
        /* of addresses; the column is that of the wrong part, even if that is white space */
        {63, PEER "AllowedIPs=", 3, 12, "AllowedIPs must be"},
        {64, PEER "AllowedIPs = 10.0.0.0/33", 3, 14, "AllowedIPs must be"},
        {65, PEER "AllowedIPs = 10.0.0.0/8, ::/0, 10.0.0/8, ::/1", 3, 32, "AllowedIPs must be"},
        {66, PEER "AllowedIPs = 10.0.0.0 / 8 ,\t::/129", 3, 29, "AllowedIPs must be"},
        {67, PEER "AllowedIPs = ::/0, # more", 3, 19, "AllowedIPs must be"},
        {68, PEER "AllowedIPs = ,::/0", 3, 14, "AllowedIPs must be"},
        {69, PEER "AllowedIPs = ::/0,,::/0", 3, 19, "AllowedIPs must be"},
        {70, PEER "AllowedIPs = ::/0 10.0.0.0/8", 3, 14, "AllowedIPs must be"},
        {71, PEER "AllowedIPs = ::/0, -", 3, 20, "AllowedIPs must be"},
        {72, PEER "AllowedIPs = ::/0, +-::/1", 3, 20, "AllowedIPs must be"},
        {73, PEER "AllowedIPs = fe80::%1/64", 3, 14, "AllowedIPs must be"},
        {74, PEER "AllowedIPs = example.com", 3, 14, "AllowedIPs must be"},
        {75, PEER "Endpoint=", 3, 10, "Endpoint must be a host and a port"},
        {76, PEER "Endpoint = 192.0.2.1", 3, 12, "Endpoint must be a host and a port"},
        {77, PEER "Endpoint = [::1", 3, 12, "Endpoint must be a host and a port"},
        {78, PEER "Endpoint = [::1]", 3, 12, "Endpoint must be a host and a port"},
        {79, PEER "Endpoint = [::1]51820", 3, 12, "Endpoint must be a host and a port"},
        {80, PEER "Endpoint = 192.0.2.1:", 3, 22, "port must be a number from 1 to 65535"},
        {81, PEER "Endpoint = 192.0.2.1 : -0", 3, 24, "port must be a number from 1 to 65535"},
        {82, PEER "Endpoint = 192.0.2.1:0x1", 3, 22, "port must be a number from 1 to 65535"},
        {83, PEER "Endpoint = 192.0.2.1:domain", 3, 22, "port must be a number from 1 to 65535"},
        {84, PEER "Endpoint = [::1]:++1", 3, 18, "port must be a number from 1 to 65535"},
        {85, PEER "Endpoint = :51820", 3, 12, "neither an address nor a host name"},
        {86, PEER "Endpoint = []:51820", 3, 13, "neither an address nor a host name"},
        {87, PEER "Endpoint = 192.0.2.256:1", 3, 12, "neither an address nor a host name"},
        {88, PEER "Endpoint = 127.1.:1", 3, 12, "neither an address nor a host name"},
        {89, PEER "Endpoint = 4294967296:1", 3, 12, "neither an address nor a host name"},
        {90, PEER "Endpoint = example.1.:1", 3, 12, "neither an address nor a host name"},
        {91, PEER "Endpoint = [::g]:1", 3, 13, "neither an address nor a host name"},
        {92, PEER "Endpoint = 2001:db8::1", 3, 12, "neither an address nor a host name"},
        {93, PEER "Endpoint = [2001:db8::1%eth0]:1", 3, 13, "neither an address nor a host name"},
        {94, PEER "Endpoint = [fe80::1%abcdefghijklmnop]:1", 3, 13,
         "neither an address nor a host"},
        {95, PEER "Endpoint = https://example.com:443", 3, 12,
         "neither an address nor a host name"},
        {96,
         PEER "Endpoint = b\x7f"
              "cher.example:1",
         3, 12, "neither an address nor a host"},
        {97, PEER "Endpoint = a.example:1, b.example:1", 3, 12, "neither an address nor a host"},
        /* consequences of a mistake are not reported */
        {98, "ListenPort=1\nPrivateKey=" SECRET "\nFoo\nFoo=1\nAddress=1\n" PEER, 1, 1,
         "must begin with [Interface] or [Peer]"},
        {99, "some\nother\ntext", 1, 1, "must begin with [Interface] or [Peer]"},
        {100, "[Interfaces]\nPrivateKey=" SECRET "\nFoo=1\nMTU=1\nFoo\n" PEER, 1, 1,
         "unknown section"},
        {101, "[Pear]\nPublicKey=" A "\nAllowedIPs=::/0\nEndpoint=a.example:1\n" PEER, 1, 1,
         "unknown section"},
        {102, INTERFACE "Peer]\nPublicKey=" A "\nAllowedIPs=::/0", 2, 1, "unknown section"},
        {103, "[Peer]\nPublicKey=abc\nAllowedIPs=::/0", 2, 11, "`wg pubkey'"},
        {104, "[Peer]\nPubKey=" A "\nAllowedIPs=::/0", 2, 1, "[Peer] has"},
        {105, "[Peer]\nPublicKey " A "\nAllowedIPs=::/0", 2, 1, "[Peer] has"},
        {106, "[Peer]\nPeerKey=" A "\nAllowedIPs=::/0", 2, 1, "[Peer] has"},
        {107, "\xef\xbb\xbf" PEER "AllowedIPs=::/0", 1, 1, "byte order mark"},
        {108, "\xff\xfe[\n\n[\n]", 1, 1, "UTF-16"},
        {109, "\xfe\xff", 1, 1, "UTF-16"},
};

/* Reads a text with mistakes. The device stays unchanged, and no secret is shown. */
static void read_mistakes(int number, const char *text, size_t len, struct tl_mistakes *mistakes)
{
        struct tl_change device, untouched;

        memset(&device, 0xa5, sizeof(device));
        memset(&untouched, 0xa5, sizeof(untouched));
        *mistakes = (struct tl_mistakes){0};
        if (tl_wgconf_parse(text, len, &device, mistakes))
                fail_msg("mistake %d is accepted", number);
        assert_memory_equal(&device, &untouched, sizeof(device));
        for (uint32_t i = 0; i < tl_mistakes_kept(mistakes); i++)
                assert_no_secret(mistakes->first[i].message, strlen(mistakes->first[i].message));
}

static void check_one(int number, const struct tl_conf_error *error, uint32_t line, uint32_t column,
                      const char *message)
{
        if (error->errnum != EINVAL || error->line != line || error->column != column ||
            !strstr(error->message, message))
                fail_msg("mistake %d: errno %d at %u:%u: %s", number, error->errnum, error->line,
                         error->column, error->message);
}

static void check_mistake(int number, const char *text, size_t len, uint32_t line, uint32_t column,
                          const char *message)
{
        struct tl_mistakes mistakes;

        read_mistakes(number, text, len, &mistakes);
        check_one(number, &mistakes.first[0], line, column, message);
        if (mistakes.count != 1)
                fail_msg("mistake %d is reported as %u; %u:%u: %s", number, mistakes.count,
                         mistakes.first[1].line, mistakes.first[1].column,
                         mistakes.first[1].message);
}

static void test_mistakes(void **state)
{
        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(alone); i++)
                check_mistake(alone[i].number, alone[i].text, strlen(alone[i].text), alone[i].line,
                              alone[i].column, alone[i].message);
}

/* Texts with several mistakes: all are reported, in order. */
static const struct {
        int number;
        const char *text;
        struct {
                uint32_t line, column;
                const char *message;
        } told[8];
} many[] = {
        {1,
         INTERFACE "PrivateKey = " SECRET "\nFoo = 1\nBar = 2\n[Baz]",
         {{3, 1, "unknown key"}, {4, 1, "unknown key"}, {5, 1, "unknown section"}}},
        {2,
         INTERFACE "PrivateKey = " SECRET_START "\nListenPort=x\nFwMark=x\n[Peer]\nPublicKey=x\n"
                   "PresharedKey=" SECRET_START "\nEndpoint=x\nPersistentKeepalive=x\nx",
         {{2, 14, "`wg genkey'"},
          {3, 12, "ListenPort must be"},
          {4, 8, "FwMark must be"},
          {6, 11, "`wg pubkey'"},
          {7, 14, "`wg genpsk'"},
          {8, 10, "Endpoint must be"},
          {9, 21, "PersistentKeepalive must be"},
          {10, 1, "Key = value"}}},
        /* a peer without a key is reported at its header, before mistakes found earlier */
        {3,
         "[Peer]\nFoo=1\nAllowedIPs=::/129\n[Peer]\n\n[Interface]\nPublicKey=" A,
         {{1, 1, "no PublicKey"},
          {2, 1, "unknown key"},
          {3, 12, "AllowedIPs must be"},
          {4, 1, "no PublicKey"},
          {7, 1, "belongs in a [Peer] section"}}},
        {4, "[Peer]\nPresharedKy=" SECRET "\n", {{1, 1, "no PublicKey"}, {2, 1, "unknown key"}}},
        {5,
         PEER "AllowedIPs = ::/0, ::/129, 10.0.0.0/8, 10/8\nAllowedIPs=,,",
         {{3, 20, "AllowedIPs must be"},
          {3, 40, "AllowedIPs must be"},
          {4, 12, "AllowedIPs must be"},
          {4, 13, "AllowedIPs must be"},
          {4, 14, "AllowedIPs must be"}}},
        /* checks that do not depend on the section apply in an unknown one, too */
        {6,
         "[Pear]\nPublicKey=x\nAddress=x\nFoo=x\nListenPort=x\n" PEER "Foo=x",
         {{1, 1, "unknown section"},
          {2, 11, "`wg pubkey'"},
          {5, 12, "ListenPort must be"},
          {8, 1, "[Peer] has"}}},
        {7,
         "ListenPort=x\nAllowedIPs=x\n" INTERFACE "Foo=1",
         {{1, 1, "must begin with [Interface] or [Peer]"},
          {1, 12, "ListenPort must be"},
          {2, 12, "AllowedIPs must be"},
          {4, 1, "[Interface] has"}}},
        {8,
         "\xef\xbb\xbf [Interfaces] # \n[Peer]",
         {{1, 1, "byte order mark"}, {1, 5, "unknown section"}, {2, 1, "no PublicKey"}}},
        {9,
         INTERFACE "Address=x\nMTU=x\nPostUp=x\n" PEER "DNS=x",
         {{2, 1, "Address belongs to wg-quick(8)"},
          {3, 1, "MTU belongs to wg-quick(8)"},
          {4, 1, "PostUp belongs to wg-quick(8)"},
          {7, 1, "wg-quick(8) key belongs in the [Interface] section"}}},
};

static void test_many(void **state)
{
        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(many); i++) {
                struct tl_mistakes mistakes;
                uint32_t told = 0;

                read_mistakes(many[i].number, many[i].text, strlen(many[i].text), &mistakes);
                for (; told < WG_ARRAY_SIZE(many[i].told) && many[i].told[told].line; told++)
                        check_one(many[i].number, &mistakes.first[told], many[i].told[told].line,
                                  many[i].told[told].column, many[i].told[told].message);
                if (mistakes.count != told)
                        fail_msg("text %d: %u mistakes instead of %u", many[i].number,
                                 mistakes.count, told);
        }
}

/* After reading and releasing, with or without mistakes, neither text nor bytes of a secret stay in
 * freed memory. */
static void read_and_drop(const char *text)
{
        struct tl_change device;
        struct tl_mistakes mistakes = {0};

        tl_change_init(&device);
        if (tl_wgconf_parse(text, strlen(text), &device, &mistakes))
                tl_change_done(&device);
}

static void test_wipes_what_it_frees(void **state)
{
        static const uint8_t key[] = {0xc8, 0x09, 0xf3, 0xe5, 0x31, 0x7e};
        static const struct {
                const void *secret;
                size_t len;
        } watched[] = {{SECRET_START, 8}, {key, sizeof(key)}};

        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(watched); i++) {
                heap_watch(watched[i].secret, watched[i].len);
                for (size_t j = 0; j < WG_ARRAY_SIZE(texts); j++)
                        read_and_drop(texts[j].text);
                for (size_t j = 0; j < WG_ARRAY_SIZE(alone); j++)
                        read_and_drop(alone[j].text);
                for (size_t j = 0; j < WG_ARRAY_SIZE(many); j++)
                        read_and_drop(many[j].text);
                read_and_drop(PEER "PresharedKey=" SECRET "\n" PEER PEER PEER PEER PEER "foo");
        }
        heap_watch(NULL, 0);
}

static void test_nul_bytes(void **state)
{
        (void)state;
        check_mistake(1, "", 1, 1, 1, "NUL byte");
        check_mistake(2, "[Interface]\0", 12, 1, 12, "NUL byte");
        check_mistake(3, "[Interface]\n# \0", 15, 2, 3, "NUL byte");
        check_mistake(4, "[Peer]\nPublicKey\0=" A, 17, 2, 10, "NUL byte");
}

static void test_host_name_lengths(void **state)
{
        char text[512], name[256];
        struct tl_change device;
        struct tl_mistakes none = {0};
        int len;

        (void)state;
        memset(name, 'a', sizeof(name));
        len = snprintf(text, sizeof(text), PEER "Endpoint=%.253s:1", name);
        tl_change_init(&device);
        assert_true(tl_wgconf_parse(text, (size_t)len, &device, &none));
        assert_int_equal(strlen(tl_change_peer_at(&device, 0)->endpoint_host), 253);
        assert_int_equal(tl_change_peer_at(&device, 0)->endpoint.ip.family, WG_FAMILY_NONE);
        assert_int_equal(tl_change_peer_at(&device, 0)->endpoint.port, 1);
        tl_change_done(&device);
        len = snprintf(text, sizeof(text), PEER "Endpoint=%.254s:1", name);
        check_mistake(1, text, (size_t)len, 3, 10, "neither an address nor a host name");
}

/* Whichever allocation fails: ENOMEM, nothing else changed, nothing leaked. */
static void test_memory_runs_out(void **state)
{
        static const char text[] = PEER "Endpoint=a.example:1\nEndpoint=b.example:1\n"
                                        "AllowedIPs=::/1,::/2,::/3,::/4,::/5\n" PEER PEER PEER PEER;
        bool is_good = false;
        long allocations;

        (void)state;
        for (allocations = 0; !is_good; allocations++) {
                struct tl_change device, untouched;
                struct tl_mistakes mistakes = {0};

                memset(&device, 0xa5, sizeof(device));
                memset(&untouched, 0xa5, sizeof(untouched));
                heap_fail_after(allocations);
                is_good = tl_wgconf_parse(text, sizeof(text) - 1, &device, &mistakes);
                heap_fail_after(-1);
                if (is_good) {
                        assert_int_equal(device.peer_count, 5);
                        tl_change_done(&device);
                        continue;
                }
                assert_int_equal(mistakes.count, 1);
                assert_int_equal(mistakes.first[0].errnum, ENOMEM);
                assert_true(mistakes.first[0].line >= 1 && mistakes.first[0].column >= 1);
                assert_memory_equal(&device, &untouched, sizeof(device));
        }
        assert_int_equal(allocations, 8);
}

static bool find_ntp(const char *name, uint16_t *port)
{
        *port = 123;
        return strcmp(name, "ntp") == 0;
}

/* Forms that wg passes to getaddrinfo(3), and their meaning; NULL: no endpoint. */
static void test_loose_endpoints(void **state)
{
        static const struct {
                const char *text, *endpoint;
        } cases[] = {
                {"127.1:1", "127.0.0.1:1"},
                {"2130706433:1", "127.0.0.1:1"},
                {"0x7f.0.0.010:1", "127.0.0.8:1"},
                {"[0X7F.65535]:+0001", "127.0.255.255:1"},
                {"192.0.2.1:ntp", "192.0.2.1:123"},
                {"[2001:db8::1%1]:ntp", "[2001:db8::1]:123"},
                {"[ff02::1%eth0]:1", "[ff02::1]:1"},
                {"[fe80::1%eth0]:1\nEndpoint = 192.0.2.1:0", NULL},
                {"192.0.2.1:0", NULL},
                {"192.0.2.1:65536", NULL},
                {"192.0.2.1:99999999999999999999", NULL},
                {"b\xc3\xbc.example:00", NULL},
        };

        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                char text[128], found[TL_ADDRESS_ENDPOINT_SIZE];
                const struct tl_change_peer *peer;
                struct tl_mistakes none = {0};
                struct tl_change device;
                int len = snprintf(text, sizeof(text), PEER "Endpoint = %s\n", cases[i].text);

                tl_change_init(&device);
                if (!tl_wgconf_parse_with(text, (size_t)len, find_ntp, &device, &none))
                        fail_msg("case %zu: %s", i, none.first[0].message);
                peer = tl_change_peer_at(&device, 0);
                assert_int_equal(peer->has_endpoint, cases[i].endpoint != NULL);
                assert_int_equal(tl_wgconf_count_bad_ports(&device), !cases[i].endpoint);
                assert_string_equal(peer->zone, "");
                if (cases[i].endpoint) {
                        tl_address_format_endpoint(found, &peer->endpoint);
                        assert_string_equal(found, cases[i].endpoint);
                }
                tl_change_done(&device);
        }
}

/* A listen port is reduced to 16 bits, and can be refused if it has more. */
static void test_listen_ports(void **state)
{
        static const struct {
                const char *text;
                uint16_t port;
                bool is_bad;
        } cases[] = {
                {"65535", 65535, false},
                {"65536", 0, true},
                {"+70000", 4464, true},
                {"ntp", 123, false},
                {"000065535", 65535, false},
                {"99999999999", 59391, true},
                {"65536\nListenPort=5", 5, false},
        };

        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                struct tl_mistakes none = {0};
                struct tl_change device;
                char text[128];
                int len = snprintf(text, sizeof(text), INTERFACE "ListenPort=%s\n", cases[i].text);

                tl_change_init(&device);
                if (!tl_wgconf_parse_with(text, (size_t)len, find_ntp, &device, &none))
                        fail_msg("case %zu: %s", i, none.first[0].message);
                assert_int_equal(device.listen_port, cases[i].port);
                assert_int_equal(tl_wgconf_refuse_listen_port(&device, &none), cases[i].is_bad);
                assert_int_equal(none.count, cases[i].is_bad);
                tl_change_done(&device);
        }
}

/* It counts as a mistake only if there are others. */
static void test_mistaken_listen_port(void **state)
{
        static const char text[] = INTERFACE "ListenPort = 65536\nColour = green\n";
        struct tl_mistakes mistakes = {0};
        struct tl_change device;

        (void)state;
        tl_change_init(&device);
        assert_false(tl_wgconf_parse(text, strlen(text), &device, &mistakes));
        assert_int_equal(mistakes.count, 2);
        assert_int_equal(mistakes.first[0].line, 2);
        assert_int_equal(mistakes.first[0].column, 14);
        assert_int_equal(mistakes.first[1].line, 3);
}

static void test_unnamed(void **state)
{
        static const char text[] = INTERFACE PEER "AllowedIPs = ::/0\n" PEER
                                                  "AllowedIPs = +::/1\nPresharedKey = " A "\n" PEER;
        static const char mark[] = INTERFACE "FwMark=0\n";
        struct tl_mistakes none = {0};
        struct tl_change device;
        char *dump;

        (void)state;
        tl_change_init(&device);
        assert_true(tl_wgconf_parse(text, strlen(text), &device, &none));
        tl_wgconf_keep_unnamed(&device);
        dump = change_dump(&device);
        assert_string_equal(dump, "set=1\npublic_key=" A_HEX
                                  "\nreplace_allowed_ips=true\nallowed_ip=::/0\n"
                                  "public_key=" A_HEX "\npreshared_key=" A_HEX
                                  "\nallowed_ip=::/1\npublic_key=" A_HEX "\n\n");
        free(dump);
        tl_change_done(&device);
        assert_true(tl_wgconf_parse(mark, strlen(mark), &device, &none));
        tl_wgconf_keep_unnamed(&device);
        dump = change_dump(&device);
        assert_string_equal(dump, "set=1\nfwmark=0\n\n");
        free(dump);
        tl_change_done(&device);
}

/* One line of more than a megabyte, as a script may write it. */
static void test_long_line(void **state)
{
        enum { ALLOWED_IPS = 130560 };
        struct tl_change device;
        struct tl_mistakes none = {0};
        char *text;
        size_t len;
        FILE *out = open_memstream(&text, &len);

        (void)state;
        fputs(PEER "AllowedIPs = 0.0.0.0/0", out);
        for (unsigned int i = 1; i < ALLOWED_IPS; i++)
                fprintf(out, ", 10.%u.%u.%u/32", i >> 16, i >> 8 & 255, i & 255);
        fputs("\nFoo = 1\n", out);
        fclose(out);
        check_mistake(1, text, len, 4, 1, "unknown key");
        tl_change_init(&device);
        assert_true(tl_wgconf_parse(text, len - strlen("Foo = 1\n"), &device, &none));
        assert_int_equal(device.allowed_ip_count, ALLOWED_IPS);
        tl_change_done(&device);
        free(text);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_texts),
                cmocka_unit_test(test_mistakes),
                cmocka_unit_test(test_many),
                cmocka_unit_test(test_wipes_what_it_frees),
                cmocka_unit_test(test_nul_bytes),
                cmocka_unit_test(test_host_name_lengths),
                cmocka_unit_test(test_memory_runs_out),
                cmocka_unit_test(test_loose_endpoints),
                cmocka_unit_test(test_listen_ports),
                cmocka_unit_test(test_mistaken_listen_port),
                cmocka_unit_test(test_unnamed),
                cmocka_unit_test(test_long_line),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
