/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * siege - an attacker with many addresses that sends one kind of datagrams to a WireGuard.
 *
 *   forged       data for sessions whose indices it saw, without their keys
 *   truncated    messages of every type, truncated
 *   replayed     captured messages (--captured FILE)
 *   random       random bytes
 *   initiations  valid handshakes from senders that are not peers; cookies are ignored
 *   cookies      the same, but cookies received are used
 *   handshakes   peers (whose keys `siege keys` prints) that all want a session at once and retry
 *                until each has one
 *   keys         prints the public keys of --peers initiators in hex and exits
 *
 * Prints "ready" when it begins, and its counts as name=value when it ends: when its time is up, or
 * on SIGTERM. */
#include "test/netns/siege/siege.h"

#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "conf/hex.h"
#include "crypto/crypto.h"

bool siege_goes_on(const struct siege_options *o, uint64_t begun_ns, uint64_t n)
{
        if (tool_is_over || tool_now_ns() - begun_ns >= o->duration_ms * TOOL_NS_PER_MS)
                return false;
        if (!o->rate)
                return true;
        tool_sleep_until(begun_ns + n * TOOL_NS_PER_S / o->rate);
        return !tool_is_over;
}

void siege_end(struct siege_net *net, uint64_t begun_ns)
{
        printf("sent=%" PRIu64 " failed=%" PRIu64 " ms=%" PRIu64 "\n", net->sent, net->failed,
               (tool_now_ns() - begun_ns) / TOOL_NS_PER_MS);
        close(net->fd);
}

static const char usage[] =
        "usage: siege MODE --to ADDRESS --port N --from ADDRESS [options]\n"
        "       siege keys --peers N [--seed N]\n"
        "  --to, --port     the victim\n"
        "  --from           first of our addresses\n"
        "  --sources N      number of consecutive addresses (default 1)\n"
        "  --rate N         datagrams per second (default 0: no limit)\n"
        "  --duration MS    run time (default 1000)\n"
        "  --public HEX     the victim's public key\n"
        "  --peers N        number of initiators (default 256)\n"
        "  --seed N         seed of their keys (default 1)\n"
        "  --retry MS       time until an initiator tries again (default 5000)\n"
        "  --index N        index of a session, for forged; may be repeated\n"
        "  --captured FILE  for replayed: messages, each preceded by its length in 2 bytes\n";

enum option_letter {
        TO,
        PORT,
        FROM,
        SOURCES,
        RATE,
        DURATION,
        PUBLIC,
        PEERS,
        SEED,
        RETRY,
        INDEX,
        CAPTURED
};

static const struct option known[] = {
        [TO] = {"to", required_argument, NULL, TO},
        [PORT] = {"port", required_argument, NULL, PORT},
        [FROM] = {"from", required_argument, NULL, FROM},
        [SOURCES] = {"sources", required_argument, NULL, SOURCES},
        [RATE] = {"rate", required_argument, NULL, RATE},
        [DURATION] = {"duration", required_argument, NULL, DURATION},
        [PUBLIC] = {"public", required_argument, NULL, PUBLIC},
        [PEERS] = {"peers", required_argument, NULL, PEERS},
        [SEED] = {"seed", required_argument, NULL, SEED},
        [RETRY] = {"retry", required_argument, NULL, RETRY},
        [INDEX] = {"index", required_argument, NULL, INDEX},
        [CAPTURED] = {"captured", required_argument, NULL, CAPTURED},
        {NULL, 0, NULL, 0},
};

static void take_index(struct siege_options *o, const char *text)
{
        if (o->index_count == SIEGE_INDICES_MAX)
                errx(2, "--index: at most %d", SIEGE_INDICES_MAX);
        o->indices[o->index_count++] = (uint32_t)tool_number("index", text, 0, UINT32_MAX);
}

/* Handles one option. Returns false for an unknown one. */
static bool take_option(struct siege_options *o, int letter, const char *text)
{
        const char *name = letter <= CAPTURED ? known[letter].name : "";

        switch (letter) {
        case TO:
                o->to = text;
                return true;
        case PORT:
                o->port = text;
                return true;
        case FROM:
                o->from = text;
                return true;
        case SOURCES:
                o->sources = (uint32_t)tool_number(name, text, 0, 65536);
                return true;
        case RATE:
                o->rate = (uint32_t)tool_number(name, text, 0, 100000000);
                return true;
        case DURATION:
                o->duration_ms = (uint32_t)tool_number(name, text, 0, 3600000);
                return true;
        case PUBLIC:
                if (!tl_hex_decode(o->public_key, WG_KEY_LEN, text, strlen(text)))
                        errx(2, "--public %s: expected 64 hex digits", text);
                return true;
        case PEERS:
                o->peers = (uint32_t)tool_number(name, text, 0, 1000000);
                return true;
        case SEED:
                o->seed = tool_number(name, text, 0, UINT64_MAX);
                return true;
        case RETRY:
                o->retry_ms = (uint32_t)tool_number(name, text, 0, 3600000);
                return true;
        case INDEX:
                take_index(o, text);
                return true;
        case CAPTURED:
                o->captured = text;
                return true;
        default:
                return false;
        }
}

static bool is_complete(const struct siege_options *o)
{
        if (strcmp(o->mode, "keys") == 0)
                return o->peers > 0;
        return o->to && o->port && o->from && o->sources && o->peers &&
               (o->captured || strcmp(o->mode, "replayed") != 0) &&
               (o->index_count || strcmp(o->mode, "forged") != 0);
}

int main(int argc, char **argv)
{
        struct siege_options o = {
                .sources = 1, .duration_ms = 1000, .peers = 256, .retry_ms = 5000, .seed = 1};
        int letter;

        while ((letter = getopt_long(argc, argv, "", known, NULL)) != -1)
                if (!take_option(&o, letter, optarg))
                        goto misused;
        if (argc - optind != 1)
                goto misused;
        o.mode = argv[optind];
        if (!is_complete(&o))
                goto misused;
        tool_end_on(SIGTERM);
        if (!wg_crypto_init())
                errx(2, "cannot initialize cryptography");
        if (!siege_flood(&o) && !siege_handshake(&o))
                goto misused;
        wg_crypto_done();
        return 0;
misused:
        fputs(usage, stderr);
        return 2;
}
