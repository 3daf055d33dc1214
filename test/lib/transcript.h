/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * transcript.h - one handshake with all its inputs, computed by an independent program from the
 * WireGuard paper (in Python, with the primitives of its hashlib and of the package
 * "cryptography").
 *
 * Its random values count up: the initiator's static private key is 01 02 .. 20, and so on. */
#ifndef TEST_LIB_TRANSCRIPT_H
#define TEST_LIB_TRANSCRIPT_H

#include <stdint.h>

#include "base/bytes.h"

/* Where each random value starts to count. */
enum {
        TRANSCRIPT_INITIATOR = 1,
        TRANSCRIPT_RESPONDER = 33,
        TRANSCRIPT_PSK = 65,
        TRANSCRIPT_INITIATOR_EPHEMERAL = 97,
        TRANSCRIPT_RESPONDER_EPHEMERAL = 129,
        TRANSCRIPT_COOKIE_SECRET = 161, /* of the responder */
        TRANSCRIPT_COOKIE_NONCE = 193,
};

static inline void transcript_count(uint8_t *out, size_t len, uint8_t from)
{
        while (len--)
                *out++ = from++;
}

#define TRANSCRIPT_INITIATOR_INDEX 0x0a0b0c0d
#define TRANSCRIPT_RESPONDER_INDEX 0x1a1b1c1d
#define TRANSCRIPT_REAL_NS UINT64_C(1700000000987654321)

static const struct {
        const char *initiator, *responder; /* public keys */
        const char *mac1_key, *cookie_key; /* of the initiator */
        const char *initiation, *response;
        const char *first_key, *second_key; /* of the session */
        const char *keepalive;              /* the initiator's first data message */

        /* The responder's cookie for 192.0.2.1 port 1000, its replies that carry this cookie and
         * the one for 2001:db8::9 port 51820; the initiation again, with the first cookie. */
        const char *cookie, *cookie_reply, *cookie_reply_ipv6, *initiation_with_cookie;
} transcript = {
        .initiator = "07a37cbc142093c8b755dc1b10e86cb426374ad16aa853ed0bdfc0b2b86d1c7c",
        .responder = "5869aff450549732cbaaed5e5df9b30a6da31cb0e5742bad5ad4a1a768f1a67b",
        .mac1_key = "6d0855ea6225516c9993e0bc4312a1703292766b0578e0ad25b2f9e05a1f0c57",
        .cookie_key = "2fbbcbf582ab0f1a0ca849c57ea3a3a0f9402b429c5fe01736ce7e7fe3c51430",
        .initiation = "010000000d0c0b0a244fe3b963e899dd295baffce248d3530f3a9a7479ba0630"
                      "02680ebfe7adad49cea76d7fc853aade12d6996b10ef94ff13dee02cca397b96"
                      "59fe8d62917bbf80ec58adf78f9e8d76e3b48f67a863af0ccd635212688a7634"
                      "b21878444054865ada18d201cfda4b74ddac2133bc54b97d299468a3f13a67a9"
                      "ab67ee4b00000000000000000000000000000000",
        .response = "020000001d1c1b1a0d0c0b0a883186b800b41d5cf0429695da9b3cc4f328ebcd"
                    "184a6e482fa578c103f06c77639c91b965e15e20ecb601f1ee680fdfd285ff71"
                    "2b4051005fc5db2435ea67c000000000000000000000000000000000",
        .first_key = "9f54704693719a5574c6a798ba29828d2de620770ca1aff38dbdbd2b8d31f3f1",
        .second_key = "274b19a0cb1ae8d59ec4e3ad42ec0754403f8978e408d937a876ccf2f00e9abb",
        .keepalive = "040000001d1c1b1a0000000000000000d78008fd3aaf5c37ede94dc4bf4166e0",
        .cookie = "e2bbc8bc429b94436cd7c91436bf157f",
        .cookie_reply = "030000000d0c0b0ac1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8"
                        "cb49f06b27cf6586d721e4b96cce991252b153414ca55e94e83bfca38321e480",
        .cookie_reply_ipv6 = "030000000d0c0b0ac1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8"
                             "aa31229175b55be941063b15f64498be683dda226946a853112906a1bc0c4897",
        .initiation_with_cookie = "010000000d0c0b0a244fe3b963e899dd295baffce248d3530f3a9a7479ba0630"
                                  "02680ebfe7adad49cea76d7fc853aade12d6996b10ef94ff13dee02cca397b96"
                                  "59fe8d62917bbf80ec58adf78f9e8d76e3b48f67a863af0ccd635212688a7634"
                                  "b21878444054865ada18d201cfda4b74ddac2133bc54b97d299468a3f13a67a9"
                                  "ab67ee4bd4e0514cd097c1fd43e25da1e2a558af",
};

#endif
