/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * handshakes - starts handshakes with any WireGuard, as many peers at once, in a closed loop: each
 * answer triggers the next initiation, so that --outstanding of them are always in flight.
 *
 *   handshakes keys [--seed N] [--peers N]            prints the peers' public keys, in hex
 *   handshakes run [options] KEY ADDRESS PORT         KEY: the responder's public key, in hex
 *
 * The keys derive from the seed: configure the output of `keys` on the responder, then use `run`.
 * Expensive work is kept out of the measurement. First `run` makes all initiations (each with a
 * fresh ephemeral key and two scalar multiplications), prints "prepared", and waits for a line on
 * stdin. Then it sends and receives, and prints "ran". Only then does it open the responses, which
 * takes another two scalar multiplications each, and print its counts as name=value. So between
 * "prepared" and "ran" the generator does little but system calls; generator_cpu_ns is that time.
 *
 * valid      responses that decrypted, at most one per initiation
 * invalid    responses with the right index that did not decrypt
 * lost       initiations without an answer within a second
 * cookies    initiations answered by a cookie; later ones use that cookie
 * stray      datagrams that answer nothing we sent, or came twice or too late
 * elapsed_ns time from the first initiation to the last answer
 *
 * A peer's next initiation leaves at least 21 ms after the previous answer (a responder may treat
 * two within 20 ms as a flood), and its timestamps rise. The last one is older than the moment of
 * "prepared", so that a second run may follow the first.
 *
 * Threads: one. */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/bytes.h"
#include "core/cookie.h"
#include "core/limits.h"
#include "core/message.h"
#include "core/noise.h"
#include "core/tai64n.h"
#include "crypto/crypto.h"
#include "io/clock.h"
#include "io/random.h"
#include "test/lib/tool.h"

#define ANSWER_TIMEOUT (1 * WG_NS_PER_S)
#define PEER_PAUSE (WG_INITIATION_INTERVAL + WG_NS_PER_MS)
#define STAMP_STEP (UINT64_C(1) << 25) /* twice the resolution of a timestamp, ns */

enum {
        BATCH = 64,       /* datagrams per system call */
        BUFFER = 4 << 20, /* bytes of the receive buffer */
};

enum state { UNSENT, SENT, ANSWERED, REFUSED, LOST };

struct peer {
        struct wg_x25519_key *key;
        uint8_t static_static[WG_KEY_LEN];
        uint64_t free_ns; /* when it may start again; UINT64_MAX while it waits for an answer */
};

struct attempt {
        struct peer *peer;
        struct wg_x25519_key *ephemeral;
        struct wg_noise noise;
        uint8_t message[WG_INITIATION_LEN];
        uint8_t response[WG_RESPONSE_LEN];
        uint64_t sent_ns;
        enum state state;
};

struct options {
        const char *address, *port;
        uint8_t responder[WG_KEY_LEN];
        uint64_t seed;
        uint32_t peers;
        uint32_t each; /* handshakes per peer */
        uint32_t outstanding;
        uint64_t seconds; /* stop sending after this time */
};

struct bench {
        const struct options *o;
        struct peer *peers;
        struct attempt *attempts; /* in the order of sending */
        uint32_t total;           /* number of attempts */
        uint32_t next;            /* the first attempt that is not sent yet */
        uint32_t oldest;          /* all attempts before it are settled */
        uint32_t in_flight;
        struct wg_cookie_jar jar; /* the responder's cookie is for our address, not for one peer */
        uint64_t begun_ns, last_ns;
        uint32_t lost, cookies, stray;
        int fd;
};

/* Keys and messages, prepared in advance */

static struct wg_x25519_key *key_must(const uint8_t private_key[WG_KEY_LEN])
{
        struct wg_x25519_key *key = wg_x25519_key_new(private_key);

        if (!key)
                errx(2, "out of memory");
        return key;
}

static struct wg_x25519_key *peer_key(uint64_t seed, uint32_t number)
{
        uint8_t name[16], private_key[WG_KEY_LEN];

        wg_le64_store(name, seed);
        wg_le64_store(name + 8, number);
        wg_hash(private_key, "handshakes", 10, name, sizeof(name));
        return key_must(private_key);
}

static int print_keys(const struct options *o)
{
        for (uint32_t i = 0; i < o->peers; i++) {
                struct wg_x25519_key *key = peer_key(o->seed, i);

                for (int at = 0; at < WG_KEY_LEN; at++)
                        printf("%02x", wg_x25519_key_public(key)[at]);
                putchar('\n');
                wg_x25519_key_free(key);
        }
        return 0;
}

static void make_peers(struct bench *b)
{
        b->peers = calloc(b->o->peers, sizeof(*b->peers));
        if (!b->peers)
                errx(2, "out of memory");
        for (uint32_t i = 0; i < b->o->peers; i++) {
                struct peer *peer = &b->peers[i];

                peer->key = peer_key(b->o->seed, i);
                if (!wg_x25519(peer->static_static, peer->key, b->o->responder))
                        errx(2, "the responder's public key is of low order");
        }
}

static void make_attempt(struct bench *b, uint32_t number, const struct wg_noise *initial,
                         uint64_t real_ns)
{
        struct attempt *a = &b->attempts[number];
        uint8_t private_key[WG_KEY_LEN], stamp[WG_TAI64N_LEN];
        struct wg_cookie_jar empty = {0};

        tl_random_fill(private_key, sizeof(private_key));
        a->peer = &b->peers[number % b->o->peers];
        a->ephemeral = key_must(private_key);
        a->noise = *initial;
        wg_noise_mix_responder(&a->noise, b->o->responder);
        wg_tai64n(stamp, real_ns);
        wg_le32_store(a->message, WG_MESSAGE_INITIATION);
        wg_le32_store(a->message + WG_INITIATION_SENDER, number);
        if (!wg_noise_write_first(
                    &a->noise, a->ephemeral, a->peer->key, b->o->responder, a->peer->static_static,
                    stamp, sizeof(stamp), a->message + WG_INITIATION_EPHEMERAL,
                    a->message + WG_INITIATION_STATIC, a->message + WG_INITIATION_TIMESTAMP))
                errx(2, "the responder's public key is of low order");
        wg_cookie_add_macs(&empty, b->o->responder, 0, a->message, sizeof(a->message));
}

static void make_attempts(struct bench *b)
{
        static const char identifier[] = "WireGuard v1 zx2c4 Jason@zx2c4.com";
        uint64_t first_ns = tl_clock_real_ns() - b->o->each * STAMP_STEP;
        struct wg_noise initial;

        wg_noise_init(&initial, identifier, sizeof(identifier) - 1);
        b->total = b->o->peers * b->o->each;
        b->attempts = calloc(b->total, sizeof(*b->attempts));
        if (!b->attempts)
                errx(2, "out of memory");
        for (uint32_t i = 0; i < b->total; i++)
                make_attempt(b, i, &initial, first_ns + i / b->o->peers * STAMP_STEP);
}

/* Sending and receiving, which is measured */

static void open_socket(struct bench *b)
{
        int size = BUFFER;

        b->fd = tool_connect(b->o->address, b->o->port);
        if (setsockopt(b->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)))
                err(2, "receive buffer");
}

static void send_batch(struct bench *b, uint32_t first, uint32_t count)
{
        struct mmsghdr messages[BATCH] = {0};
        struct iovec vectors[BATCH];

        for (uint32_t i = 0; i < count; i++) {
                vectors[i] = (struct iovec){b->attempts[first + i].message, WG_INITIATION_LEN};
                messages[i].msg_hdr.msg_iov = &vectors[i];
                messages[i].msg_hdr.msg_iovlen = 1;
        }
        for (uint32_t at = 0; at < count;) {
                int sent = sendmmsg(b->fd, messages + at, count - at, 0);

                if (sent > 0)
                        at += (uint32_t)sent;
                else if (errno != EINTR && errno != ENOBUFS)
                        err(2, "send");
        }
}

/* Sends as many as may be in flight. Returns false if the next peer must wait first. */
static bool fill(struct bench *b, uint64_t now_ns)
{
        uint32_t first = b->next;
        bool is_free = true;

        while (b->in_flight < b->o->outstanding && b->next < b->total && b->next - first < BATCH) {
                struct attempt *a = &b->attempts[b->next];

                is_free = a->peer->free_ns <= now_ns;
                if (!is_free)
                        break;
                if (b->jar.born_ns)
                        wg_cookie_add_macs(&b->jar, b->o->responder, now_ns, a->message,
                                           sizeof(a->message));
                a->state = SENT;
                a->sent_ns = now_ns;
                a->peer->free_ns = UINT64_MAX;
                b->in_flight++;
                b->next++;
        }
        if (b->next > first)
                send_batch(b, first, b->next - first);
        return is_free;
}

static void settle(struct bench *b, struct attempt *a, enum state state, uint64_t now_ns)
{
        a->state = state;
        a->peer->free_ns = now_ns + PEER_PAUSE;
        b->in_flight--;
        b->last_ns = now_ns;
}

static bool take_cookie(struct bench *b, const struct attempt *a, const uint8_t *reply,
                        uint64_t now_ns)
{
        struct wg_cookie_jar jar = {.has_sent = true};

        memcpy(jar.mac1_sent, a->message + WG_INITIATION_MAC1, sizeof(jar.mac1_sent));
        if (!wg_cookie_store(&jar, b->o->responder, now_ns, reply))
                return false;
        b->jar = jar;
        b->cookies++;
        return true;
}

static void take(struct bench *b, const uint8_t *bytes, size_t len, uint64_t now_ns)
{
        uint32_t type = wg_message_classify(bytes, len), number = UINT32_MAX;
        struct attempt *a;

        if (type == WG_MESSAGE_RESPONSE)
                number = wg_le32_load(bytes + WG_RESPONSE_RECEIVER);
        else if (type == WG_MESSAGE_COOKIE)
                number = wg_le32_load(bytes + WG_COOKIE_RECEIVER);
        if (number >= b->next || b->attempts[number].state != SENT) {
                b->stray++;
                return;
        }
        a = &b->attempts[number];
        if (type == WG_MESSAGE_RESPONSE) {
                memcpy(a->response, bytes, WG_RESPONSE_LEN);
                settle(b, a, ANSWERED, now_ns);
        } else if (take_cookie(b, a, bytes, now_ns)) {
                settle(b, a, REFUSED, now_ns);
        } else {
                b->stray++;
        }
}

static void receive(struct bench *b)
{
        static uint8_t buffers[BATCH][2048];
        struct mmsghdr messages[BATCH] = {0};
        struct iovec vectors[BATCH];
        uint64_t now_ns;
        int n;

        for (int i = 0; i < BATCH; i++) {
                vectors[i] = (struct iovec){buffers[i], sizeof(buffers[i])};
                messages[i].msg_hdr.msg_iov = &vectors[i];
                messages[i].msg_hdr.msg_iovlen = 1;
        }
        n = recvmmsg(b->fd, messages, BATCH, MSG_DONTWAIT, NULL);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
                err(2, "receive");
        now_ns = tl_clock_boot_ns();
        for (int i = 0; i < n; i++)
                take(b, buffers[i], messages[i].msg_len, now_ns);
}

static void give_up_old(struct bench *b, uint64_t now_ns)
{
        while (b->oldest < b->next) {
                struct attempt *a = &b->attempts[b->oldest];

                if (a->state == SENT) {
                        if (now_ns - a->sent_ns < ANSWER_TIMEOUT)
                                return;
                        settle(b, a, LOST, now_ns);
                        b->lost++;
                }
                b->oldest++;
        }
}

static void run_loop(struct bench *b)
{
        struct pollfd polled = {b->fd, POLLIN, 0};
        uint64_t now_ns = tl_clock_boot_ns(), end_ns = now_ns + b->o->seconds * WG_NS_PER_S;

        b->begun_ns = b->last_ns = now_ns;
        while (b->oldest < b->total) {
                bool is_free = fill(b, now_ns);

                if (poll(&polled, 1, is_free ? 50 : 1) > 0)
                        receive(b);
                now_ns = tl_clock_boot_ns();
                give_up_old(b, now_ns);
                if (now_ns > end_ns)
                        b->total = b->next; /* those in flight are still awaited */
        }
}

/* Counting, afterwards */

static bool is_valid(const struct attempt *a, const uint8_t psk[WG_KEY_LEN])
{
        struct wg_noise noise = a->noise;
        uint8_t nothing[1];

        return wg_noise_read_second(&noise, a->ephemeral, a->peer->key, psk,
                                    a->response + WG_RESPONSE_EPHEMERAL,
                                    a->response + WG_RESPONSE_NOTHING, WG_NOISE_TAG_LEN, nothing);
}

static uint64_t cpu_ns(void)
{
        struct rusage used;

        getrusage(RUSAGE_SELF, &used);
        return (uint64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * WG_NS_PER_S +
               (uint64_t)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1000;
}

static void report(const struct bench *b, uint64_t used_ns)
{
        static const uint8_t no_psk[WG_KEY_LEN];
        uint32_t valid = 0, invalid = 0;

        for (uint32_t i = 0; i < b->next; i++) {
                if (b->attempts[i].state != ANSWERED)
                        continue;
                if (is_valid(&b->attempts[i], no_psk))
                        valid++;
                else
                        invalid++;
        }
        printf("sent=%" PRIu32 " valid=%" PRIu32 " invalid=%" PRIu32 " lost=%" PRIu32
               " cookies=%" PRIu32 " stray=%" PRIu32 " elapsed_ns=%" PRIu64
               " generator_cpu_ns=%" PRIu64 "\n",
               b->next, valid, invalid, b->lost, b->cookies, b->stray, b->last_ns - b->begun_ns,
               used_ns);
}

static void release(struct bench *b)
{
        for (uint32_t i = 0; i < b->o->peers * b->o->each; i++)
                wg_x25519_key_free(b->attempts[i].ephemeral);
        for (uint32_t i = 0; i < b->o->peers; i++)
                wg_x25519_key_free(b->peers[i].key);
        free(b->attempts);
        free(b->peers);
}

static int run(const struct options *o)
{
        struct bench b = {.o = o};
        uint64_t used_ns;

        open_socket(&b);
        make_peers(&b);
        make_attempts(&b);
        puts("prepared");
        fflush(stdout);
        if (getchar() == EOF)
                errx(2, "expected a line on stdin");
        used_ns = cpu_ns();
        run_loop(&b);
        used_ns = cpu_ns() - used_ns;
        puts("ran");
        fflush(stdout);
        report(&b, used_ns);
        release(&b);
        return 0;
}

static const char usage[] = "usage: handshakes keys [--seed N] [--peers N]\n"
                            "       handshakes run [options] KEY ADDRESS PORT\n"
                            "  --seed N         seed of the peers' keys (default 1)\n"
                            "  --peers N        number of peers (default 6000)\n"
                            "  --each N         handshakes per peer (default 1)\n"
                            "  --outstanding N  initiations in flight (default 32)\n"
                            "  --seconds N      stop sending after this time (default 60)\n";

static void parse_key(uint8_t key[WG_KEY_LEN], const char *text)
{
        bool is_hex = strlen(text) == 2 * WG_KEY_LEN &&
                      strspn(text, "0123456789abcdefABCDEF") == 2 * WG_KEY_LEN;

        if (!is_hex)
                errx(2, "%s: expected a public key, 64 hexadecimal digits", text);
        for (int i = 0; i < WG_KEY_LEN; i++)
                sscanf(text + 2 * i, "%2hhx", &key[i]);
}

static int parse_options(struct options *o, int argc, char **argv)
{
        static const struct option known[] = {
                {"seed", required_argument, NULL, 's'},
                {"peers", required_argument, NULL, 'p'},
                {"each", required_argument, NULL, 'e'},
                {"outstanding", required_argument, NULL, 'o'},
                {"seconds", required_argument, NULL, 't'},
                {NULL, 0, NULL, 0},
        };
        int letter, at = 0;

        while ((letter = getopt_long(argc, argv, "", known, &at)) != -1) {
                const char *name = known[at].name;

                switch (letter) {
                case 's':
                        o->seed = tool_number(name, optarg, 1, UINT64_MAX);
                        break;
                case 'p':
                        o->peers = (uint32_t)tool_number(name, optarg, 1, 1000000);
                        break;
                case 'e':
                        o->each = (uint32_t)tool_number(name, optarg, 1, 1000);
                        break;
                case 'o':
                        o->outstanding = (uint32_t)tool_number(name, optarg, 1, 100000);
                        break;
                case 't':
                        o->seconds = tool_number(name, optarg, 1, 100000);
                        break;
                default:
                        return -1;
                }
        }
        return optind;
}

int main(int argc, char **argv)
{
        struct options o = {.seed = 1, .peers = 6000, .each = 1, .outstanding = 32, .seconds = 60};
        int at = parse_options(&o, argc, argv), words = argc - at;

        if (at > 0 && words > 0 && !wg_crypto_init())
                errx(2, "libcrypto lacks an algorithm, or computes it incorrectly");
        if (at > 0 && words == 1 && strcmp(argv[at], "keys") == 0)
                return print_keys(&o);
        if (at > 0 && words == 4 && strcmp(argv[at], "run") == 0) {
                parse_key(o.responder, argv[at + 1]);
                o.address = argv[at + 2];
                o.port = argv[at + 3];
                return run(&o);
        }
        fputs(usage, stderr);
        return 2;
}
