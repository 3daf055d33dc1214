/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "daemon/offloads.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "io/clock.h"

WG_FLAGS_DEFINE(tl_offloading, TL_OFFLOADINGS)

/* How long to remember a refusal. The path to the endpoint may change. */
#define LIMIT_NS (300 * TL_NS_PER_S)

/* After refusals by this many endpoints, or of this many superpackets, the offload is given up. */
enum { ENDPOINTS_TO_GIVE_UP = 3, SUPERPACKETS_TO_GIVE_UP = 3 };

/* Whether a release, as major, minor and patch number, is in a range that includes both ends. */
static bool is_between(const unsigned int release[3], const unsigned int from[3],
                       const unsigned int to[3])
{
        uint64_t number = 0, least = 0, most = 0;

        for (int i = 0; i < 3; i++) {
                number = number << 16 | release[i];
                least = least << 16 | from[i];
                most = most << 16 | to[i];
        }
        return least <= number && number <= most;
}

uint32_t tl_offloads_distrusted(const char *release)
{
        /* These may corrupt a piece whose last segment is as long as the others. */
        static const unsigned int corrupting_from[3] = {7, 0, 0}, corrupting_to[3] = {7, 1, 4};
        unsigned int parts[3] = {0};

        if (sscanf(release, "%5u.%5u.%5u", &parts[0], &parts[1], &parts[2]) >= 2 &&
            is_between(parts, corrupting_from, corrupting_to))
                return TL_OFFLOADING_GSO;
        return 0;
}

void tl_offloads_init(struct tl_offloads *offloads, uint32_t used, struct tl_log *log)
{
        *offloads = (struct tl_offloads){.log = log};
        atomic_init(&offloads->used, used);
}

static void give_up(struct tl_offloads *offloads, enum tl_offloading which)
{
        if (atomic_fetch_and(&offloads->used, ~(uint32_t)which) & which)
                tl_log(offloads->log, TL_LOG_WARNING,
                       "the kernel refuses %s (%s): not used until the next start; the tunnel "
                       "still works, but more slowly",
                       tl_offloading_text(which), tl_offloading_name(which));
}

uint32_t tl_offloads_piece_limit(const struct tl_offloads *offloads,
                                 const struct tl_piece_limits *limits, const struct wg_endpoint *to,
                                 uint64_t now_ns)
{
        if (!tl_offloads_has(offloads, TL_OFFLOADING_GSO))
                return 0;
        for (unsigned int i = 0; i < limits->count; i++)
                if (now_ns < limits->entries[i].until_ns &&
                    wg_endpoint_is_same_remote(&limits->entries[i].to, to))
                        return limits->entries[i].segment;
        return UINT32_MAX;
}

static unsigned int find_or_add(struct tl_piece_limits *limits, const struct wg_endpoint *to,
                                uint64_t now_ns)
{
        const unsigned int all = WG_ARRAY_SIZE(limits->entries);
        unsigned int at = 0;

        while (at < limits->count && !wg_endpoint_is_same_remote(&limits->entries[at].to, to))
                at++;
        if (at < limits->count && now_ns < limits->entries[at].until_ns)
                return at;
        if (at == all) {
                at = limits->next;
                limits->next = (limits->next + 1) % all;
        } else if (at == limits->count) {
                limits->count++;
        }
        limits->entries[at].to = *to;
        limits->entries[at].segment = UINT32_MAX;
        limits->entries[at].until_ns = now_ns + LIMIT_NS;
        return at;
}

/* Whether the piece may have been refused for the length of its segments. Older kernels report this
 * as EINVAL, like other reasons. But if a piece with shorter segments is refused as well, length is
 * not the reason. */
static bool is_for_length(const struct tl_datagram *piece, uint32_t limit)
{
        return piece->piece_error == -EMSGSIZE ||
               (piece->piece_error == -EINVAL && limit == UINT32_MAX);
}

void tl_offloads_piece_refused(struct tl_offloads *offloads, struct tl_piece_limits *limits,
                               const struct tl_datagram *piece, uint64_t now_ns)
{
        uint32_t *limit = &limits->entries[find_or_add(limits, &piece->path, now_ns)].segment;

        atomic_fetch_add_explicit(&offloads->refused, 1, memory_order_relaxed);
        if (tl_log_shows(offloads->log, TL_LOG_VERBOSE))
                tl_log(offloads->log, TL_LOG_VERBOSE,
                       "cannot send datagrams of %u bytes in one piece: %s; sending them one by "
                       "one",
                       piece->segment, strerror(-piece->piece_error));
        if (is_for_length(piece, *limit)) {
                *limit = WG_MIN(*limit, piece->segment);
                return;
        }
        *limit = 0;
        /* If single datagrams fail as well, the offload is not the reason. */
        if (piece->error)
                return;
        if (piece->piece_error == -EIO ||
            atomic_fetch_add(&offloads->endpoints_refused, 1) + 1 >= ENDPOINTS_TO_GIVE_UP)
                give_up(offloads, TL_OFFLOADING_GSO);
}

static enum tl_offloading offloading_of(enum tl_offload_kind kind)
{
        return kind == TL_OFFLOAD_UDP ? TL_OFFLOADING_USO : TL_OFFLOADING_TSO;
}

uint32_t tl_offloads_kinds(const struct tl_offloads *offloads)
{
        return (tl_offloads_has(offloads, TL_OFFLOADING_TSO)
                        ? 1u << TL_OFFLOAD_TCP4 | 1u << TL_OFFLOAD_TCP6
                        : 0u) |
               (tl_offloads_has(offloads, TL_OFFLOADING_USO) ? 1u << TL_OFFLOAD_UDP : 0u);
}

void tl_offloads_superpacket_refused(struct tl_offloads *offloads, enum tl_offload_kind kind)
{
        atomic_fetch_add_explicit(&offloads->refused, 1, memory_order_relaxed);
        if (atomic_fetch_add(&offloads->refused_by_tun[kind], 1) + 1 >= SUPERPACKETS_TO_GIVE_UP)
                give_up(offloads, offloading_of(kind));
}
