/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "test/lib/requests_model.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/x25519.h"
#include "test/lib/requests.h"

static uint8_t private_keys[MODEL_PRIVATE_KEYS][WG_KEY_LEN];
static uint8_t public_keys[MODEL_PUBLIC_KEYS][WG_KEY_LEN];

/* Each as a request gives it and as get=1 shows it; NULL: no such link. */
static const struct {
        const char *given, *told;
} endpoints[MODEL_ENDPOINTS] = {
        {"192.0.2.1:1", "192.0.2.1:1"},
        {"192.0.2.1:65535", "192.0.2.1:65535"},
        {"198.51.100.255:51820", "198.51.100.255:51820"},
        {"[2001:db8::1]:51820", "[2001:db8::1]:51820"},
        {"[2001:DB8:0:0::2]:1", "[2001:db8::2]:1"},
        {"[::ffff:192.0.2.1]:1", "192.0.2.1:1"},
        {"[fe80::1%4]:7", "[fe80::1%4]:7"},
        {"[fe80::1%" REQUESTS_LINK "]:7", "[fe80::1%9]:7"},
        {"[fe80::1]:7", "[fe80::1]:7"},
        {"[fe80::1%nosuchlink]:7", NULL},
};

static struct prefix {
        char given[64], told[64];
        unsigned int family, cidr;
        uint8_t address[16];
} prefixes[MODEL_PREFIXES] = {
        {.given = "0.0.0.0/0", .told = "0.0.0.0/0"},
        {.given = "::/0", .told = "::/0"},
        {.given = "10.0.0.0/8", .told = "10.0.0.0/8"},
        {.given = "10.1.2.3/16", .told = "10.1.0.0/16"},
        {.given = "10.1.2.3/32", .told = "10.1.2.3/32"},
        {.given = "10.128.0.0/9", .told = "10.128.0.0/9"},
        {.given = "10.1.2.3/30", .told = "10.1.2.0/30"},
        {.given = "255.255.255.255/32", .told = "255.255.255.255/32"},
        {.given = "128.0.0.0/1", .told = "128.0.0.0/1"},
        {.given = "2001:db8::/32", .told = "2001:db8::/32"},
        {.given = "2001:DB8:ffff::1/48", .told = "2001:db8:ffff::/48"},
        {.given = "2001:db8::1/128", .told = "2001:db8::1/128"},
        {.given = "::ffff:10.1.2.3/128", .told = "::ffff:10.1.2.3/128"},
        {.given = "::ffff:10.0.0.0/104", .told = "::ffff:10.0.0.0/104"},
        {.given = "8000::/1", .told = "8000::/1"},
        {.given = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/127",
         .told = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127"},
};
enum { PREFIXES_WRITTEN = 16 };

static void read_prefix(struct prefix *prefix)
{
        char address[sizeof(prefix->told)];

        strcpy(address, prefix->told);
        *strchr(address, '/') = '\0';
        prefix->cidr = (unsigned int)atoi(strchr(prefix->told, '/') + 1);
        prefix->family = strchr(address, ':') ? 6 : 4;
        if (inet_pton(prefix->family == 6 ? AF_INET6 : AF_INET, address, prefix->address) != 1)
                abort();
}

void model_init(void)
{
        for (int i = 0; i < MODEL_PRIVATE_KEYS; i++) {
                struct wg_x25519_key *key;

                memset(private_keys[i], 0x11 * (i + 1), WG_KEY_LEN);
                key = wg_x25519_key_new(private_keys[i]);
                if (!key)
                        abort();
                wg_x25519_clamp(private_keys[i]); /* as get=1 shows it */
                memcpy(public_keys[i], wg_x25519_key_public(key), WG_KEY_LEN);
                wg_x25519_key_free(key);
        }
        /* One more is all zeros, which allows no handshake. */
        memset(public_keys[MODEL_PUBLIC_KEYS - 1], 0x77, WG_KEY_LEN);
        for (int i = 0; i < MODEL_PREFIXES; i++) {
                if (i >= PREFIXES_WRITTEN) {
                        sprintf(prefixes[i].given, "10.1.%d.%d/24", i, i);
                        sprintf(prefixes[i].told, "10.1.%d.0/24", i);
                }
                read_prefix(&prefixes[i]);
        }
}

void model_begin(struct model *model)
{
        memset(model, 0, sizeof(*model));
        model->private_key = MODEL_NONE;
}

const uint8_t *model_address(int prefix, unsigned int *family)
{
        *family = prefixes[prefix].family;
        return prefixes[prefix].address;
}

const uint8_t *model_public_key(int key)
{
        return public_keys[key];
}

/* ---- what a request does ---- */

static struct model_peer *find_peer(struct model *model, int key)
{
        for (int i = 0; i < model->peer_count; i++)
                if (model->peers[i].key == key)
                        return &model->peers[i];
        return NULL;
}

static void remove_peer(struct model *model, int key)
{
        struct model_peer *peer = find_peer(model, key);

        if (!peer)
                return;
        model->peer_count--;
        memmove(peer, peer + 1, (size_t)(&model->peers[model->peer_count] - peer) * sizeof(*peer));
}

static void remove_ip(struct model_peer *peer, int ip)
{
        for (int i = 0; i < peer->ip_count; i++)
                if (peer->ips[i] == ip) {
                        peer->ip_count--;
                        memmove(&peer->ips[i], &peer->ips[i + 1],
                                (size_t)(peer->ip_count - i) * sizeof(ip));
                        return;
                }
}

static struct model_peer *add_peer(struct model *model, int key)
{
        struct model_peer *peer = &model->peers[model->peer_count++];

        *peer = (struct model_peer){.key = key, .endpoint = MODEL_NONE};
        return peer;
}

static void apply_entry(struct model *model, const struct model_entry *entry)
{
        struct model_peer *peer = find_peer(model, entry->key);

        if (entry->remove) {
                remove_peer(model, entry->key);
                return;
        }
        if (!peer && (entry->update_only || entry->key == model->private_key))
                return;
        if (!peer)
                peer = add_peer(model, entry->key);
        if (entry->has_psk)
                peer->psk = entry->psk;
        if (entry->has_endpoint)
                peer->endpoint = entry->endpoint;
        if (entry->has_keepalive)
                peer->keepalive_s = entry->keepalive_s;
        if (entry->replace_ips)
                peer->ip_count = 0;
        for (int i = 0; i < entry->ip_count; i++) {
                if (entry->is_removed[i]) {
                        remove_ip(peer, entry->ips[i]);
                        continue;
                }
                for (int j = 0; j < model->peer_count; j++)
                        remove_ip(&model->peers[j], entry->ips[i]);
                peer->ips[peer->ip_count++] = entry->ips[i];
        }
}

void model_apply(struct model *model, const struct model_request *request)
{
        if (request->has_private_key) {
                model->private_key = request->private_key;
                remove_peer(model, request->private_key);
        }
        if (request->has_port)
                model->port = request->port;
        if (request->has_fwmark)
                model->fwmark = request->fwmark;
        if (request->replace_peers)
                model->peer_count = 0;
        for (int i = 0; i < request->entry_count; i++)
                apply_entry(model, &request->entries[i]);
}

bool model_has_unknown_zone(const struct model_request *request)
{
        for (int i = 0; i < request->entry_count; i++)
                if (request->entries[i].has_endpoint &&
                    !endpoints[request->entries[i].endpoint].told)
                        return true;
        return false;
}

/* ---- which peer an address belongs to ---- */

static bool covers(const struct prefix *prefix, const struct prefix *address)
{
        unsigned int bytes = prefix->cidr / 8, bits = prefix->cidr % 8;
        unsigned int rest = prefix->address[bytes % 16] ^ address->address[bytes % 16];

        return prefix->family == address->family &&
               memcmp(prefix->address, address->address, bytes) == 0 &&
               (bits == 0 || rest >> (8 - bits) == 0);
}

int model_find(const struct model *model, int prefix)
{
        int key = MODEL_NONE, longest = -1;

        for (int i = 0; i < model->peer_count; i++)
                for (int j = 0; j < model->peers[i].ip_count; j++) {
                        const struct prefix *p = &prefixes[model->peers[i].ips[j]];

                        if (!covers(p, &prefixes[prefix]) || (int)p->cidr <= longest)
                                continue;
                        longest = (int)p->cidr;
                        key = model->peers[i].key;
                }
        return key;
}

/* ---- as text ---- */

static void write_key(FILE *out, const char *name, const uint8_t key[WG_KEY_LEN])
{
        fprintf(out, "%s=", name);
        for (int i = 0; i < WG_KEY_LEN; i++)
                fprintf(out, "%02x", key[i]);
        fputc('\n', out);
}

static void write_psk(FILE *out, int psk)
{
        uint8_t key[WG_KEY_LEN];

        memset(key, psk, sizeof(key));
        write_key(out, "preshared_key", key);
}

static void write_flags(const struct model_entry *entry, FILE *out)
{
        if (entry->remove)
                fputs("remove=true\n", out);
        if (entry->update_only)
                fputs("update_only=true\n", out);
}

static void write_entry(const struct model_entry *entry, FILE *out)
{
        write_key(out, "public_key", public_keys[entry->key]);
        if (!entry->flags_last)
                write_flags(entry, out);
        if (entry->has_psk)
                write_psk(out, entry->psk);
        if (entry->has_endpoint)
                fprintf(out, "endpoint=%s\n", endpoints[entry->endpoint].given);
        if (entry->has_keepalive)
                fprintf(out, "persistent_keepalive_interval=%u\n", entry->keepalive_s);
        if (entry->replace_ips)
                fputs("replace_allowed_ips=true\n", out);
        for (int i = 0; i < entry->ip_count; i++)
                fprintf(out, "allowed_ip=%s%s\n", entry->is_removed[i] ? "-" : "",
                        prefixes[entry->ips[i]].given);
        if (entry->flags_last)
                write_flags(entry, out);
}

void model_write_request(const struct model_request *request, FILE *out)
{
        static const uint8_t zeros[WG_KEY_LEN];

        fputs("set=1\n", out);
        if (request->has_private_key)
                write_key(out, "private_key",
                          request->private_key == MODEL_NONE ? zeros
                                                             : private_keys[request->private_key]);
        if (request->has_port)
                fprintf(out, "listen_port=%u\n", request->port);
        if (request->has_fwmark)
                fprintf(out, "fwmark=%u\n", request->fwmark);
        if (request->replace_peers)
                fputs("replace_peers=true\n", out);
        for (int i = 0; i < request->entry_count; i++)
                write_entry(&request->entries[i], out);
        if (request->mistake)
                fprintf(out, "%s\n", request->mistake);
        fputc('\n', out);
}

static void write_peer(const struct model_peer *peer, FILE *out)
{
        write_key(out, "public_key", public_keys[peer->key]);
        write_psk(out, peer->psk);
        fputs("protocol_version=1\n", out);
        if (peer->endpoint != MODEL_NONE)
                fprintf(out, "endpoint=%s\n", endpoints[peer->endpoint].told);
        fputs("last_handshake_time_sec=0\nlast_handshake_time_nsec=0\ntx_bytes=0\nrx_bytes=0\n",
              out);
        fprintf(out, "persistent_keepalive_interval=%u\n", peer->keepalive_s);
        for (int i = 0; i < peer->ip_count; i++)
                fprintf(out, "allowed_ip=%s\n", prefixes[peer->ips[i]].told);
}

void model_write_get(const struct model *model, FILE *out)
{
        if (model->private_key != MODEL_NONE)
                write_key(out, "private_key", private_keys[model->private_key]);
        if (model->port)
                fprintf(out, "listen_port=%u\n", model->port);
        if (model->fwmark)
                fprintf(out, "fwmark=%u\n", model->fwmark);
        for (int i = 0; i < model->peer_count; i++)
                write_peer(&model->peers[i], out);
        fputs("errno=0\n\n", out);
}
