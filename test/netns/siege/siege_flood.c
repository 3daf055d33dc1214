/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * Invalid datagrams, prepared in advance and sent at a fixed rate. */
#include "test/netns/siege/siege.h"

#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POOL = 4096 };

struct pool {
        uint8_t bytes[POOL][SIEGE_LEN_MAX];
        size_t lens[POOL];
};

static struct pool pool;

static size_t random_between(size_t least, size_t greatest)
{
        uint32_t random;

        siege_random(&random, sizeof(random));
        return least + random % (greatest - least + 1);
}

/* Data for an existing session from a sender without its key. Half of the datagrams are short,
 * because the sender pays by the byte. */
static size_t make_forged(const struct siege_options *o, uint8_t *out)
{
        size_t len = random_between(0, 1) ? random_between(WG_DATA_OVERHEAD, 128)
                                          : random_between(WG_DATA_OVERHEAD, SIEGE_LEN_MAX);

        siege_random(out, len);
        wg_le32_store(out, WG_MESSAGE_DATA);
        wg_le32_store(out + WG_DATA_RECEIVER, o->indices[random_between(1, o->index_count) - 1]);
        wg_le64_store(out + WG_DATA_COUNTER, random_between(0, 1 << 24));
        return len;
}

static size_t make_random(uint8_t *out)
{
        size_t len = random_between(0, SIEGE_LEN_MAX);

        siege_random(out, len);
        return len;
}

/* A truncated message of any type. */
static size_t make_truncated(const struct siege_options *o, uint8_t *out)
{
        static const size_t lens[] = {WG_INITIATION_LEN, WG_RESPONSE_LEN, WG_COOKIE_LEN,
                                      WG_DATA_OVERHEAD};
        uint32_t type = (uint32_t)random_between(WG_MESSAGE_INITIATION, WG_MESSAGE_DATA);

        siege_random(out, SIEGE_LEN_MAX);
        wg_le32_store(out, type);
        if (type == WG_MESSAGE_DATA && o->index_count)
                wg_le32_store(out + WG_DATA_RECEIVER, o->indices[0]);
        return random_between(0, lens[type - 1] - 1);
}

/* Fills the pool with the messages of a file, repeating them as needed. */
static void read_captured(const char *path)
{
        FILE *file = fopen(path, "rb");
        size_t count = 0;

        if (!file)
                err(2, "%s", path);
        for (uint8_t head[2]; count < POOL && fread(head, 2, 1, file) == 1; count++) {
                size_t len = wg_be16_load(head);

                if (len > SIEGE_LEN_MAX || fread(pool.bytes[count], 1, len, file) != len)
                        errx(2, "%s: message %zu is too long or truncated", path, count);
                pool.lens[count] = len;
        }
        if (!count)
                errx(2, "%s: no messages", path);
        for (size_t i = count; i < POOL; i++) {
                pool.lens[i] = pool.lens[i - count];
                memcpy(pool.bytes[i], pool.bytes[i - count], pool.lens[i]);
        }
        fclose(file);
}

static bool fill_pool(const struct siege_options *o)
{
        bool forged = strcmp(o->mode, "forged") == 0, truncated = strcmp(o->mode, "truncated") == 0;
        bool random = strcmp(o->mode, "random") == 0;

        if (strcmp(o->mode, "replayed") == 0) {
                read_captured(o->captured);
                return true;
        }
        if (!forged && !truncated && !random)
                return false;
        for (size_t i = 0; i < POOL; i++)
                pool.lens[i] = forged      ? make_forged(o, pool.bytes[i])
                               : truncated ? make_truncated(o, pool.bytes[i])
                                           : make_random(pool.bytes[i]);
        return true;
}

bool siege_flood(const struct siege_options *o)
{
        struct siege_datagram batch[SIEGE_BATCH];
        struct siege_net net;
        uint64_t begun_ns;

        if (!fill_pool(o))
                return false;
        siege_net_open(&net, o);
        tool_ready();
        begun_ns = tool_now_ns();
        for (uint64_t n = 0; siege_goes_on(o, begun_ns, n); n += SIEGE_BATCH) {
                for (size_t i = 0; i < SIEGE_BATCH; i++)
                        batch[i] = (struct siege_datagram){pool.bytes[(n + i) % POOL],
                                                           pool.lens[(n + i) % POOL],
                                                           (uint32_t)((n + i) % o->sources)};
                siege_net_send(&net, batch, SIEGE_BATCH);
        }
        siege_end(&net, begun_ns);
        return true;
}
