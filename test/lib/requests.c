/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "test/lib/requests.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/uapi.h"
#include "core/work.h"
#include "daemon/env.h"
#include "daemon/uapi.h"
#include "io/clock.h"
#include "test/lib/device.h"
#include "test/lib/env.h"
#include "test/lib/heap.h"
#include "test/lib/requests_model.h"

enum {
        CLIENTS = 3,
        QUEUE_MAX = 2 * CLIENTS, /* a client that left may have a request in the queue */
        COMMANDS_MAX = 400,
        REPLY_MAX = 1 << 15,
        TICK_NS = 600 * 1000, /* more than a slice takes, so that each is one step */
};

/* A queued request. */
struct asked {
        int client; /* MODEL_NONE: it left */
        bool is_get;
        struct model_request request;
};

struct client {
        struct tl_connection *base;
        bool is_waiting; /* its request is in the queue */
        bool is_told;    /* a reply to get=1 is being read */
        char *wanted;    /* that reply, if nothing changes meanwhile */
        uint64_t generation;
        char reply[REPLY_MAX];
        size_t reply_len;
};

struct rig {
        const uint8_t *at, *end; /* what is left of the script */

        struct test_env env;
        struct tl_log log;
        struct test_device device;
        struct wg_actions actions;
        struct tl_uapi uapi;
        struct tl_server protocol;
        struct client clients[CLIENTS];
        struct client observer;
        bool has_limit;             /* memory is limited, while a request is in the queue */
        int port_error, mark_error; /* the error of setting them; 0: none */
        bool was_up;

        struct model model;
        struct asked queue[QUEUE_MAX];
        unsigned int queued;
        bool is_begun; /* the first queued request is; then: */
        int owners_before[MODEL_PREFIXES], owners_after[MODEL_PREFIXES]; /* of each prefix */
        unsigned long answered;
        char *last_request; /* shown with a failure */
};

static struct rig rig;
static uint64_t clock_ns = TL_NS_PER_S;

/* ---- replacements of the clock and of sockets ---- */

uint64_t __wrap_tl_clock_boot_ns(void);
void __wrap_tl_connection_resume(struct tl_connection *client);
int __wrap_tl_sockets_set_port(struct tl_sockets *sockets, uint16_t port);
int __wrap_tl_sockets_set_fwmark(struct tl_sockets *sockets, uint32_t fwmark);
int __wrap_tl_routes_find_link(struct tl_routes *routes, const char *name, uint32_t *ifindex);

uint64_t __wrap_tl_clock_boot_ns(void)
{
        return clock_ns += TICK_NS;
}

void __wrap_tl_connection_resume(struct tl_connection *client)
{
        client->is_deferred = false;
}

int __wrap_tl_sockets_set_port(struct tl_sockets *sockets, uint16_t port)
{
        if (!rig.port_error)
                sockets->listen_port = port;
        return rig.port_error;
}

int __wrap_tl_sockets_set_fwmark(struct tl_sockets *sockets, uint32_t fwmark)
{
        if (!rig.mark_error)
                sockets->fwmark = fwmark;
        return rig.mark_error;
}

int __wrap_tl_routes_find_link(struct tl_routes *routes, const char *name, uint32_t *ifindex)
{
        (void)routes;
        if (strcmp(name, REQUESTS_LINK) != 0)
                return -ENODEV;
        *ifindex = 9;
        return 0;
}

/* ---- failures ---- */

static void fail(const char *what, const char *wanted, const char *found)
{
        fprintf(stderr, "requests: %s\n", what);
        if (wanted)
                fprintf(stderr, "--- wanted\n%s--- found\n%s", wanted, found);
        fprintf(stderr, "--- after the request\n%s",
                rig.last_request ? rig.last_request : "none\n");
        abort();
}

static void check(bool is_so, const char *what)
{
        if (!is_so)
                fail(what, NULL, NULL);
}

/* ---- the script ---- */

static uint8_t next(void)
{
        return rig.at < rig.end ? *rig.at++ : 0;
}

static bool one_in(unsigned int count)
{
        return next() % count == count - 1;
}

static void choose_ips(struct model_entry *entry)
{
        int count = next() % 6, stride = 1;

        if (one_in(16)) {
                count = next() % MODEL_IPS;
                stride = 1 + next() % 7;
        }
        entry->ip_count = count;
        for (int i = 0, ip = next(); i < count; i++, ip += stride) {
                uint8_t choice = count < 6 ? next() : (uint8_t)ip;

                entry->ips[i] = choice % MODEL_PREFIXES;
                /* Few removals, in either kind of list. */
                entry->is_removed[i] = count < 6 ? choice >= 192 : i % 5 == 4 && stride == 3;
        }
}

static void choose_entry(struct model_entry *entry)
{
        uint8_t flags = next(), settings = next();

        memset(entry, 0, sizeof(*entry));
        entry->key = next() % MODEL_PUBLIC_KEYS;
        entry->remove = flags % 8 == 7;
        entry->update_only = flags / 8 % 4 == 3;
        entry->replace_ips = flags & 32;
        entry->flags_last = flags & 64;
        entry->has_psk = settings % 4 == 3;
        entry->has_endpoint = settings & 4;
        entry->has_keepalive = settings & 8;
        entry->psk = settings / 16 % MODEL_PSKS;
        if (entry->has_endpoint) {
                entry->endpoint = next() % MODEL_ENDPOINTS;
                if (entry->endpoint == MODEL_ENDPOINTS - 1 && !one_in(8))
                        entry->endpoint = 0; /* makes the whole request fail */
        }
        if (entry->has_keepalive)
                entry->keepalive_s = (unsigned int[]){0, 0, 25, 65535}[next() % 4];
        choose_ips(entry);
}

static void choose_request(struct model_request *request)
{
        static const char *const mistakes[] = {
                "nothing",
                "foo=1",
                "public_key=00",
                "endpoint=192.0.2.1:0",
                "allowed_ip=10.0.0.0/33",
                "update_only=false",
                "fwmark=0x100000000",
                "set=1",
        };
        uint8_t flags = next();

        memset(request, 0, sizeof(*request));
        request->replace_peers = flags % 2;
        request->has_private_key = flags / 2 % 4 == 3 && one_in(3);
        request->has_port = flags / 8 % 8 == 7;
        request->has_fwmark = flags / 64 == 3;
        if (request->has_private_key)
                request->private_key = next() % (MODEL_PRIVATE_KEYS + 1) - 1;
        if (request->has_port)
                request->port = (unsigned int[]){0, 1, 51820, 65535}[next() % 4];
        if (request->has_fwmark)
                request->fwmark = (unsigned int[]){0, 1, 51820, UINT32_MAX}[next() % 4];
        request->entry_count = next() % MODEL_ENTRIES;
        for (int i = 0; i < request->entry_count; i++)
                choose_entry(&request->entries[i]);
        if (one_in(16))
                request->mistake = mistakes[next() % WG_ARRAY_SIZE(mistakes)];
}

/* ---- clients ---- */

static void connect_client(struct client *client)
{
        client->base = calloc(1, tl_uapi_protocol.connection_size);
        if (!client->base)
                abort();
        client->base->server = &rig.protocol;
        tl_uapi_protocol.begin(client->base);
}

static void disconnect_client(struct client *client)
{
        tl_uapi_protocol.end(client->base);
        free(client->base);
        free(client->wanted);
        memset(client, 0, offsetof(struct client, reply));
}

/* The errno of the reply to set=1. */
static int read_errno(const struct tl_connection *base)
{
        char text[64] = "";
        int number = 1;

        check(base->reply_len < sizeof(text), "a reply to set=1 is short");
        memcpy(text, base->reply, base->reply_len);
        check(sscanf(text, "errno=%d\n\n", &number) == 1, "a reply to set=1 tells an errno");
        return number;
}

static char *write_wanted(void)
{
        char *text;
        size_t len;
        FILE *out = open_memstream(&text, &len);

        model_write_get(&rig.model, out);
        fclose(out);
        return text;
}

/* Ignores byte counts: they depend on handshakes, which the model does not know. */
static void forget_bytes(char *text)
{
        char *from = text;

        while (rig.was_up && (from = strstr(from, "\ntx_bytes="))) {
                char *digits = from + strlen("\ntx_bytes="), *end = strchr(digits, '\n');

                *digits = '0';
                memmove(digits + 1, end, strlen(end) + 1);
                from = digits;
        }
}

static void begin_to_be_told(struct client *client)
{
        check(client->base->is_streaming, "get=1 is answered");
        client->is_told = true;
        client->reply_len = 0;
        client->wanted = write_wanted();
        client->generation = rig.device.peers.generation;
}

static void end_to_be_told(struct client *client)
{
        client->base->is_streaming = client->is_told = false;
        client->reply[client->reply_len] = '\0';
        forget_bytes(client->reply);
        /* If something changed during a reply, it may mix the states before and after. */
        if (client->generation == rig.device.peers.generation &&
            strcmp(client->reply, client->wanted) != 0)
                fail("get=1 answers as the model does", client->wanted, client->reply);
        check(client->reply_len >= 9 &&
                      strcmp(client->reply + strlen(client->reply) - 9, "errno=0\n\n") == 0,
              "the reply to get=1 ends");
        free(client->wanted);
        client->wanted = NULL;
        rig.answered++;
}

/* Takes the next piece of a reply to get=1. */
static void take_piece(struct client *client, size_t size)
{
        size_t len;

        check(client->reply_len + size < sizeof(client->reply), "a reply is not endless");
        len = tl_uapi_protocol.fill(client->base, client->reply + client->reply_len, size);
        client->reply_len += len;
        if (!len)
                end_to_be_told(client);
}

static void check_state(void)
{
        static const char get[] = "get=1\n\n";
        struct client *client = &rig.observer;

        check(tl_uapi_protocol.parse(client->base, get, strlen(get)) == strlen(get),
              "get=1 is read whole");
        begin_to_be_told(client);
        while (client->is_told)
                take_piece(client, TL_SERVER_REPLY_SIZE);
}

/* ---- the device's work ---- */

static void find_owners(const struct model *model, int owners[MODEL_PREFIXES])
{
        for (int i = 0; i < MODEL_PREFIXES; i++)
                owners[i] = model_find(model, i);
}

static void begin_first(void)
{
        struct model after = rig.model;

        find_owners(&rig.model, rig.owners_before);
        if (!rig.queue[0].is_get)
                model_apply(&after, &rig.queue[0].request);
        find_owners(&after, rig.owners_after);
        rig.is_begun = true;
}

static bool is_peer(const struct wg_peer *peer, int key)
{
        if (!peer || key == MODEL_NONE)
                return !peer && key == MODEL_NONE;
        return memcmp(peer->public_key, model_public_key(key), WG_KEY_LEN) == 0;
}

/* Checks what a worker finds now. */
static void check_lookups(void)
{
        for (int i = 0; i < MODEL_PREFIXES; i++) {
                unsigned int family;
                const uint8_t *address = model_address(i, &family);
                const struct wg_peer *peer = wg_allowedips_find(
                        &rig.device.engine.allowed, family == 4 ? WG_FAMILY_IPV4 : WG_FAMILY_IPV6,
                        address);

                check(is_peer(peer, rig.owners_before[i]) || is_peer(peer, rig.owners_after[i]),
                      "an address has the peer from before or from after the request");
        }
}

/* The error of a request, if there is memory for it. */
static int expect_error(const struct model_request *request)
{
        if (model_has_unknown_zone(request))
                return -ENODEV;
        if (request->has_fwmark && rig.mark_error)
                return rig.mark_error;
        return request->has_port ? rig.port_error : 0;
}

/* Checks the first request in the queue, which was carried out or failed. */
static void answered(void)
{
        struct asked asked = rig.queue[0];
        int expected = expect_error(&asked.request), error = expected;

        memmove(&rig.queue[0], &rig.queue[1], --rig.queued * sizeof(asked));
        rig.is_begun = false;
        if (asked.client != MODEL_NONE) {
                struct client *client = &rig.clients[asked.client];

                check(!client->base->is_deferred, "a client is answered when it is done");
                client->is_waiting = false;
                if (asked.is_get) {
                        begin_to_be_told(client);
                        return;
                }
                error = read_errno(client->base);
        }
        if (error != expected)
                check(error == -ENOMEM && rig.has_limit,
                      "a request fails only for the right reason");
        if (!error && !asked.is_get)
                model_apply(&rig.model, &asked.request);
        rig.answered++;
}

static unsigned int count_changes(void)
{
        unsigned int count = 0;

        WG_LIST_EACH(node, &rig.device.changes.list)
                count++;
        return count;
}

static void slice(void)
{
        if (!rig.queued)
                return;
        if (!rig.is_begun)
                begin_first();
        check(tl_apply_work(&rig.device.changes) == tl_apply_is_busy(&rig.device.changes),
              "the device says whether it is busy");
        check_lookups();
        check(rig.queued - count_changes() <= 1, "a slice finishes one request at most");
        if (count_changes() < rig.queued)
                answered();
        if (!rig.queued)
                check_state();
}

static void work_all(void)
{
        while (rig.queued)
                slice();
        rig.env.allocations = SIZE_MAX;
        rig.has_limit = false;
}

static void engine_work(void)
{
        for (int i = 0; i < 8 && wg_engine_work(&rig.device.engine, tl_env_now(), &rig.actions);
             i++)
                ;
}

/* ---- commands ---- */

/* Whether the client may send a request: its last one was fully answered. */
static bool is_free(const struct client *client)
{
        return !client->is_waiting && !client->is_told;
}

static void enqueue(int number, bool is_get, const struct model_request *request)
{
        struct asked *asked = &rig.queue[rig.queued++];

        memset(asked, 0, sizeof(*asked));
        asked->client = number;
        asked->is_get = is_get;
        if (request)
                asked->request = *request;
        rig.clients[number].is_waiting = true;
        if (rig.env.allocations != SIZE_MAX)
                rig.has_limit = true;
}

static void ask_to_set(int number)
{
        struct client *client = &rig.clients[number];
        struct model_request request;
        size_t len, first, used;
        long allocations = one_in(16) ? next() % 8 : -1;
        FILE *out;

        choose_request(&request);
        if (!is_free(client) || rig.queued == QUEUE_MAX)
                return;
        free(rig.last_request);
        out = open_memstream(&rig.last_request, &len);
        model_write_request(&request, out);
        fclose(out);
        client->base->reply_len = 0;
        first = one_in(4) ? next() * len / 256 : 0;
        heap_fail_after(allocations);
        used = tl_uapi_protocol.parse(client->base, rig.last_request, first);
        used += tl_uapi_protocol.parse(client->base, rig.last_request + used, len - used);
        heap_fail_after(-1);
        check(used == len, "a request is read whole");
        if (client->base->is_deferred) {
                check(!request.mistake, "a wrong request is refused");
                enqueue(number, false, &request);
                return;
        }
        switch (read_errno(client->base)) {
        case -ENOMEM:
                check(allocations >= 0, "there was memory for the request");
                break;
        case -EINVAL:
        case -EPROTO:
                check(request.mistake, "a right request is taken");
                break;
        default:
                fail("no other error comes before a request is carried out", NULL, NULL);
        }
        rig.answered++;
}

static void ask_to_get(int number)
{
        static const char get[] = "get=1\n\n";
        struct client *client = &rig.clients[number];

        if (!is_free(client) || rig.queued == QUEUE_MAX)
                return;
        check(tl_uapi_protocol.parse(client->base, get, strlen(get)) == strlen(get),
              "get=1 is read whole");
        if (client->base->is_deferred)
                enqueue(number, true, NULL);
        else
                begin_to_be_told(client);
}

/* A client leaves; its request is still applied. Memory is not limited then, because a failure
 * would not be noticed. */
static void leave(int number)
{
        struct client *client = &rig.clients[number];

        if (client->is_waiting && rig.has_limit)
                return;
        for (unsigned int i = 0; i < rig.queued; i++)
                if (rig.queue[i].client == number)
                        rig.queue[i].client = MODEL_NONE;
        disconnect_client(client);
        connect_client(client);
}

/* Waits for the requests of clients that left, which must not fail. */
static void limit_memory(size_t allocations)
{
        for (unsigned int i = 0; i < rig.queued; i++)
                if (rig.queue[i].client == MODEL_NONE)
                        return;
        rig.env.allocations = allocations;
        rig.has_limit = true;
}

static void stage(int prefix)
{
        unsigned int family;
        const uint8_t *address = model_address(prefix, &family);
        uint8_t packet[40] = {family == 4 ? 0x45 : 0x60};
        struct wg_peer *peer;

        if (family == 4) {
                packet[3] = 20;
                packet[12] = 10;
                memcpy(packet + 16, address, 4);
        } else {
                packet[8] = 0x20;
                memcpy(packet + 24, address, 16);
        }
        peer = wg_allowedips_find(&rig.device.engine.allowed,
                                  family == 4 ? WG_FAMILY_IPV4 : WG_FAMILY_IPV6, address);
        if (peer && wg_waiting_add(&peer->waiting, 1, false))
                (void)wg_engine_stage(&rig.device.engine, peer, packet, family == 4 ? 20 : 40,
                                      clock_ns);
}

/* Only between requests: otherwise the model could not predict their errors. */
static void break_sockets(uint8_t which)
{
        if (rig.queued)
                return;
        rig.mark_error = which & 1 ? -EPERM : 0;
        rig.port_error = which & 2 ? -EADDRINUSE : 0;
}

static void set_link(bool up)
{
        rig.was_up |= up;
        wg_engine_set_up(&rig.device.engine, up, tl_env_now());
}

static void take_some(struct client *client)
{
        if (client->is_told && !rig.queued)
                take_piece(client, TL_UAPI_CHUNK_MIN);
}

static void do_command(void)
{
        uint8_t command = next();
        int number = command / 32 % CLIENTS;

        switch (command % 32) {
        case 18:
                ask_to_get(number);
                break;
        case 19:
                take_some(&rig.clients[number]);
                break;
        case 20:
        case 21:
        case 22:
        case 23:
                slice();
                break;
        case 24:
        case 25:
                work_all();
                break;
        case 26:
                limit_memory(next() % 64);
                break;
        case 27:
                leave(number);
                break;
        case 28:
                break_sockets(next());
                break;
        case 29:
                set_link(command & 64);
                break;
        case 30:
                engine_work();
                break;
        case 31:
                stage(next() % MODEL_PREFIXES);
                break;
        default:
                ask_to_set(number);
        }
}

/* ---- from start to end ---- */

static void begin(const uint8_t *script, size_t len)
{
        static bool has_lists;

        if (!has_lists)
                model_init();
        has_lists = true;
        memset(&rig, 0, sizeof(rig));
        rig.at = script;
        rig.end = script + len;
        test_env_init(&rig.env, 1);
        tl_log_init(&rig.log, "requests", NULL, TL_LOG_SILENT);
        check(test_device_init(&rig.device, &rig.env.env), "an engine is made");
        rig.uapi = (struct tl_uapi){.log = &rig.log,
                                    .engine = &rig.device.engine,
                                    .sockets = &rig.device.sockets,
                                    .peers = &rig.device.peers,
                                    .changes = &rig.device.changes};
        tl_server_init(&rig.protocol, &tl_uapi_protocol, &rig.uapi, NULL, &rig.log);
        for (int i = 0; i < CLIENTS; i++)
                connect_client(&rig.clients[i]);
        connect_client(&rig.observer);
        model_begin(&rig.model);
}

/* Requests may still be in the queue, as when a daemon ends. */
static void end(void)
{
        for (int i = 0; i < CLIENTS; i++)
                disconnect_client(&rig.clients[i]);
        disconnect_client(&rig.observer);
        wg_actions_clear(&rig.device.engine, &rig.actions);
        test_device_done(&rig.device);
        check(rig.env.blocks == 0, "all memory is given back");
        tl_log_done(&rig.log);
        free(rig.last_request);
        rig.last_request = NULL;
}

unsigned long requests_run(const uint8_t *script, size_t len)
{
        begin(script, len);
        for (int i = 0; i < COMMANDS_MAX && rig.at < rig.end; i++)
                do_command();
        if (len % 8)
                work_all();
        end();
        return rig.answered;
}
