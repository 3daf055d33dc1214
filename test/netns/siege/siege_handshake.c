/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * Handshakes as real peers start them, by many initiators at once. Their keys derive from the seed
 * and a number, so they can be configured as peers of the victim. */
#include "test/netns/siege/siege.h"

#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/cookie.h"
#include "core/noise.h"
#include "core/tai64n.h"

struct initiator {
        struct wg_x25519_key *key, *ephemeral;
        uint8_t static_static[WG_KEY_LEN];
        struct wg_noise noise;
        struct wg_cookie_jar jar;
        uint8_t message[WG_INITIATION_LEN];
        uint64_t retry_ns;
        bool is_done;
};

struct crowd {
        const struct siege_options *o;
        struct siege_net net;
        struct wg_noise initial;
        struct initiator *all;
        uint64_t tries, cookies, responses, refused;
};

static const uint8_t no_psk[WG_KEY_LEN];

static void derive_key(uint8_t key[WG_HASH_LEN], uint64_t seed, uint32_t i)
{
        uint8_t input[16];

        wg_be64_store(input, seed);
        wg_be64_store(input + 8, i);
        wg_hash(key, "siege", 5, input, sizeof(input));
}

static struct wg_x25519_key *new_key(const uint8_t bytes[WG_KEY_LEN])
{
        struct wg_x25519_key *key = wg_x25519_key_new(bytes);

        if (!key)
                errx(2, "out of memory");
        return key;
}

static uint64_t real_ns(void)
{
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        return (uint64_t)now.tv_sec * TOOL_NS_PER_S + (uint64_t)now.tv_nsec;
}

/* Writes a new initiation of initiator i without its MACs. Its sender index is i + 1. */
static void write_initiation(struct crowd *crowd, uint32_t i)
{
        struct initiator *one = &crowd->all[i];
        uint8_t private_key[WG_KEY_LEN], stamp[WG_TAI64N_LEN];

        wg_x25519_key_free(one->ephemeral);
        siege_random(private_key, sizeof(private_key));
        one->ephemeral = new_key(private_key);
        one->noise = crowd->initial;
        wg_tai64n(stamp, real_ns());
        wg_le32_store(one->message, WG_MESSAGE_INITIATION);
        wg_le32_store(one->message + WG_INITIATION_SENDER, i + 1);
        if (!wg_noise_write_first(
                    &one->noise, one->ephemeral, one->key, crowd->o->public_key, one->static_static,
                    stamp, sizeof(stamp), one->message + WG_INITIATION_EPHEMERAL,
                    one->message + WG_INITIATION_STATIC, one->message + WG_INITIATION_TIMESTAMP))
                errx(2, "the victim's public key is of low order");
}

static void prepare(struct crowd *crowd, const struct siege_options *o)
{
        static const char identifier[] = "WireGuard v1 zx2c4 Jason@zx2c4.com";
        uint8_t private_key[WG_HASH_LEN];

        *crowd = (struct crowd){.o = o, .all = calloc(o->peers, sizeof(*crowd->all))};
        if (!crowd->all)
                errx(2, "out of memory");
        siege_net_open(&crowd->net, o);
        wg_noise_init(&crowd->initial, identifier, sizeof(identifier) - 1);
        wg_noise_mix_responder(&crowd->initial, o->public_key);
        for (uint32_t i = 0; i < o->peers; i++) {
                struct initiator *one = &crowd->all[i];

                derive_key(private_key, o->seed, i);
                one->key = new_key(private_key);
                if (!wg_x25519(one->static_static, one->key, o->public_key))
                        errx(2, "the victim's public key is of low order");
                write_initiation(crowd, i);
                wg_cookie_add_macs(&one->jar, o->public_key, tool_now_ns(), one->message,
                                   WG_INITIATION_LEN);
        }
}

static void finish(struct crowd *crowd)
{
        for (uint32_t i = 0; i < crowd->o->peers; i++) {
                wg_x25519_key_free(crowd->all[i].key);
                wg_x25519_key_free(crowd->all[i].ephemeral);
        }
        free(crowd->all);
}

/* The initiator that a message is for; NULL if it is none of ours. */
static struct initiator *addressee(struct crowd *crowd, uint32_t index)
{
        return index - 1 < crowd->o->peers ? &crowd->all[index - 1] : NULL;
}

static void take_cookie(struct crowd *crowd, const struct siege_datagram *d)
{
        struct initiator *one = addressee(crowd, wg_le32_load(d->bytes + WG_COOKIE_RECEIVER));

        crowd->cookies += one &&
                          wg_cookie_store(&one->jar, crowd->o->public_key, tool_now_ns(), d->bytes);
}

/* Answers a response with the keepalive that confirms the session. */
static void take_response(struct crowd *crowd, const struct siege_datagram *d)
{
        struct initiator *one = addressee(crowd, wg_le32_load(d->bytes + WG_RESPONSE_RECEIVER));
        uint8_t keepalive[WG_DATA_OVERHEAD], nothing[1];
        uint8_t sending[WG_AEAD_KEY_LEN], receiving[WG_AEAD_KEY_LEN];
        struct siege_datagram answer = {keepalive, sizeof(keepalive), d->source};
        struct wg_noise noise;

        if (!one || one->is_done)
                return;
        noise = one->noise;
        if (!wg_noise_read_second(&noise, one->ephemeral, one->key, no_psk,
                                  d->bytes + WG_RESPONSE_EPHEMERAL, d->bytes + WG_RESPONSE_NOTHING,
                                  WG_NOISE_TAG_LEN, nothing)) {
                crowd->refused++; /* it answers an earlier initiation */
                return;
        }
        wg_noise_split(&noise, sending, receiving);
        wg_le32_store(keepalive, WG_MESSAGE_DATA);
        wg_le32_store(keepalive + WG_DATA_RECEIVER, wg_le32_load(d->bytes + WG_RESPONSE_SENDER));
        wg_le64_store(keepalive + WG_DATA_COUNTER, 0);
        wg_aead_seal(keepalive + WG_DATA_TEXT, nothing, 0, NULL, 0, 0, sending);
        siege_net_send(&crowd->net, &answer, 1);
        one->is_done = true;
        crowd->responses++;
}

/* Handles received datagrams; waits for the first until deadline_ns. */
static void take_answers(struct crowd *crowd, uint64_t deadline_ns)
{
        static uint8_t buffers[SIEGE_BATCH][SIEGE_LEN_MAX];
        struct siege_datagram datagrams[SIEGE_BATCH];
        size_t n;

        for (size_t i = 0; i < SIEGE_BATCH; i++)
                datagrams[i].bytes = buffers[i];
        n = siege_net_receive(&crowd->net, datagrams, SIEGE_BATCH, deadline_ns);
        for (size_t i = 0; i < n; i++) {
                uint32_t type = wg_message_classify(datagrams[i].bytes, datagrams[i].len);

                if (type == WG_MESSAGE_COOKIE)
                        take_cookie(crowd, &datagrams[i]);
                else if (type == WG_MESSAGE_RESPONSE)
                        take_response(crowd, &datagrams[i]);
        }
}

/* Sends the same initiations repeatedly, with the cookies received for them if takes_cookies. */
static void throw_initiations(struct crowd *crowd, bool takes_cookies)
{
        static uint8_t messages[SIEGE_BATCH][WG_INITIATION_LEN];
        const struct siege_options *o = crowd->o;
        struct siege_datagram batch[SIEGE_BATCH];
        uint64_t begun_ns = tool_now_ns();

        for (uint64_t n = 0; siege_goes_on(o, begun_ns, n); n += SIEGE_BATCH) {
                uint64_t now_ns = tool_now_ns();

                for (size_t i = 0; i < SIEGE_BATCH; i++) {
                        uint32_t number = (uint32_t)((n + i) % o->peers);
                        struct initiator *one = &crowd->all[number];
                        /* A cookie is valid only for the source that received it. */
                        uint32_t source = takes_cookies ? number % o->sources
                                                        : (uint32_t)((n + i) % o->sources);

                        memcpy(messages[i], one->message, WG_INITIATION_LEN);
                        if (takes_cookies)
                                wg_cookie_add_macs(&one->jar, o->public_key, now_ns, messages[i],
                                                   WG_INITIATION_LEN);
                        batch[i] = (struct siege_datagram){messages[i], WG_INITIATION_LEN, source};
                }
                siege_net_send(&crowd->net, batch, SIEGE_BATCH);
                crowd->tries += SIEGE_BATCH;
                if (takes_cookies)
                        take_answers(crowd, now_ns);
        }
        siege_end(&crowd->net, begun_ns);
}

/* Sends the initiations that are due, at most one batch; returns their number. */
static size_t try_some(struct crowd *crowd, uint32_t *cursor, uint64_t now_ns)
{
        const struct siege_options *o = crowd->o;
        struct siege_datagram batch[SIEGE_BATCH];
        size_t n = 0;

        for (uint32_t seen = 0; seen < o->peers && n < SIEGE_BATCH; seen++) {
                uint32_t i = *cursor;
                struct initiator *one = &crowd->all[i];

                *cursor = (i + 1) % o->peers;
                if (one->is_done || one->retry_ns > now_ns)
                        continue;
                if (one->retry_ns) {
                        write_initiation(crowd, i);
                        wg_cookie_add_macs(&one->jar, o->public_key, now_ns, one->message,
                                           WG_INITIATION_LEN);
                }
                one->retry_ns = now_ns + o->retry_ms * TOOL_NS_PER_MS;
                batch[n++] = (struct siege_datagram){one->message, WG_INITIATION_LEN,
                                                     i % o->sources};
        }
        siege_net_send(&crowd->net, batch, n);
        crowd->tries += n;
        return n;
}

/* Every initiator tries until it has a session. */
static void shake_hands(struct crowd *crowd)
{
        const struct siege_options *o = crowd->o;
        uint64_t begun_ns = tool_now_ns(), n = 0;
        uint32_t cursor = 0;

        while (crowd->responses < o->peers && siege_goes_on(o, begun_ns, n)) {
                uint64_t now_ns = tool_now_ns();

                n += try_some(crowd, &cursor, now_ns);
                take_answers(crowd, now_ns + TOOL_NS_PER_MS / 4);
        }
        siege_end(&crowd->net, begun_ns);
}

static void print_keys(const struct siege_options *o)
{
        uint8_t private_key[WG_HASH_LEN];

        for (uint32_t i = 0; i < o->peers; i++) {
                struct wg_x25519_key *key;

                derive_key(private_key, o->seed, i);
                key = new_key(private_key);
                for (int at = 0; at < WG_KEY_LEN; at++)
                        printf("%02x", wg_x25519_key_public(key)[at]);
                puts("");
                wg_x25519_key_free(key);
        }
}

bool siege_handshake(const struct siege_options *o)
{
        bool takes_cookies = strcmp(o->mode, "cookies") == 0;
        bool completes = strcmp(o->mode, "handshakes") == 0;
        struct crowd crowd;

        if (strcmp(o->mode, "keys") == 0) {
                print_keys(o);
                return true;
        }
        if (!takes_cookies && !completes && strcmp(o->mode, "initiations") != 0)
                return false;
        prepare(&crowd, o);
        tool_ready();
        if (completes)
                shake_hands(&crowd);
        else
                throw_initiations(&crowd, takes_cookies);
        printf("tries=%" PRIu64 " cookies=%" PRIu64 " responses=%" PRIu64 " outdated=%" PRIu64 "\n",
               crowd.tries, crowd.cookies, crowd.responses, crowd.refused);
        finish(&crowd);
        return true;
}
