/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * Each probe is a job of one loop, so all of them run at the same time. */
#include "node/lanprobe.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conf/address.h"
#include "host/run.h"
#include "io/clock.h"
#include "io/fail.h"
#include "io/loop.h"
#include "io/packet.h"
#include "node/duplicates.h"

enum {
        PACKET_SIZE = 2048, /* what is longer is cut */
        READ_MAX = 256,     /* packets of one job at once */
        HOLDERS_MAX = 8,    /* findings about one line of the file */
        TEXT_SIZE = 128,
};

/* A probe, and its socket. */
struct job {
        struct job *next;
        struct tl_packet_socket socket;
        struct tl_probe_link link;
        struct tl_watch watch;
        uint64_t due_ns;
        void *probe;
        uint64_t (*work)(void *probe, uint64_t now_ns);
        void (*hear)(void *probe, const uint8_t from[TL_PROBE_MAC_LEN], const uint8_t *packet,
                     size_t len);
};

struct run {
        struct tl_machine *machine;
        struct tl_arena arena;
        struct tl_loop loop;
        struct job *jobs;
        bool has_no_memory;
};

/* ---- jobs ---- */

static int send_packet(void *ctx, const uint8_t to[TL_PROBE_MAC_LEN], const uint8_t *packet,
                       size_t len)
{
        const struct job *job = ctx;

        return tl_packet_send(&job->socket, to, packet, len);
}

static void receive_packets(void *ctx, uint32_t events)
{
        struct job *job = ctx;
        uint8_t packet[PACKET_SIZE], from[TL_PROBE_MAC_LEN];

        (void)events;
        for (unsigned int i = 0; i < READ_MAX; i++) {
                ssize_t len = tl_packet_receive(&job->socket, packet, sizeof(packet), from);

                if (len < 0)
                        return; /* nothing, or an error that the link reports when we send */
                job->hear(job->probe, from, packet, (size_t)len);
        }
}

/* Adds a job with a socket on a link. Returns it, without its probe; NULL, with *error as -errno,
 * if that is impossible. */
static struct job *open_job(struct run *run, const char *link, enum tl_packet_kind kind,
                            uint16_t port, int *error)
{
        struct job *job = tl_arena_take(&run->arena, 1, sizeof(*job));

        *error = job ? tl_packet_open(&job->socket, link, kind, port) : -ENOMEM;
        if (*error)
                return NULL;
        *error = tl_loop_add(&run->loop, &job->watch, job->socket.fd, EPOLLIN, receive_packets,
                             job);
        if (*error) {
                tl_packet_close(&job->socket);
                return NULL;
        }
        memcpy(job->link.mac, job->socket.mac, TL_PROBE_MAC_LEN);
        job->link.send = send_packet;
        job->link.ctx = job;
        job->due_ns = TL_PROBE_NEVER;
        job->next = run->jobs;
        run->jobs = job;
        return job;
}

static void close_jobs(struct run *run)
{
        for (struct job *job = run->jobs; job; job = job->next) {
                tl_loop_remove(&job->watch);
                tl_packet_close(&job->socket);
        }
}

/* Does what is due. Returns when something is due next. */
static uint64_t work(struct run *run)
{
        uint64_t now_ns = tl_clock_boot_ns(), next_ns = TL_LOOP_NEVER;

        _Static_assert(TL_PROBE_NEVER == TL_LOOP_NEVER, "a time that never comes");
        for (struct job *job = run->jobs; job; job = job->next) {
                if (job->due_ns <= now_ns)
                        job->due_ns = job->work(job->probe, now_ns);
                next_ns = WG_MIN(next_ns, job->due_ns);
        }
        return next_ns;
}

/* Packets that have arrived are read before anything that is due: if this process had to wait for a
 * processor, they are not late. */
static bool carry_out(struct run *run)
{
        for (uint64_t due_ns = work(run); due_ns != TL_LOOP_NEVER; due_ns = work(run)) {
                int result = tl_loop_run(&run->loop, due_ns);

                if (tl_run_is_interrupted())
                        return tl_fail("interrupted");
                if (result < 0)
                        return tl_fail("cannot probe the LAN: %s", strerror(-result));
        }
        return true;
}

/* ---- duplicates ---- */

static const char *format_mac(char text[TEXT_SIZE], const uint8_t mac[TL_PROBE_MAC_LEN])
{
        snprintf(text, TEXT_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
                 mac[4], mac[5]);
        return text;
}

static const char *describe_error(int error)
{
        switch (error) {
        case -ENETDOWN:
                return "the link is down, or has no carrier";
        case -EOPNOTSUPP:
                return "it is not an Ethernet link";
        case -EPERM:
                return "this needs CAP_NET_RAW";
        default:
                return strerror(-error);
        }
}

/* The line of the file by which an address is taken. */
static struct tl_place place_of(const struct tl_machine *machine, const struct wg_ip *ip)
{
        const struct tl_model *model = &machine->model;

        for (uint32_t i = 0; i < model->stand_in_count; i++)
                if (model->lans[model->stand_ins[i].lan].site == model->nodes[machine->node].site &&
                    wg_prefix_contains(&model->stand_ins[i].here, ip))
                        return model->stand_ins[i].at;
        return model->sites[model->nodes[machine->node].site].in_file->name.at;
}

/* The addresses of one family that are taken on a link. */
struct taking {
        struct taking *next;
        const char *link;
        struct tl_duplicates duplicates;
        struct tl_duplicates_target *targets;
        uint32_t count, capacity;
};

static bool is_same(const struct tl_machine *machine, const struct tl_duplicates_target *a,
                    const struct tl_duplicates_target *b)
{
        struct tl_place a_at = place_of(machine, &a->ip), b_at = place_of(machine, &b->ip);

        return b->is_in_use && a_at.line == b_at.line && a_at.column == b_at.column &&
               memcmp(a->mac, b->mac, TL_PROBE_MAC_LEN) == 0;
}

/* Reports the addresses of one line that one machine has, unless an earlier one stands for them. */
static void report_holder(struct tl_machine *machine, const struct taking *taking, uint32_t i)
{
        const struct tl_duplicates_target *target = &taking->targets[i];
        char ip[TL_ADDRESS_IP_SIZE], mac[TEXT_SIZE], others[TEXT_SIZE] = "";
        uint32_t more = 0;

        for (uint32_t k = 0; k < i; k++)
                if (is_same(machine, target, &taking->targets[k]))
                        return;
        for (uint32_t k = i + 1; k < taking->count; k++)
                more += is_same(machine, target, &taking->targets[k]);
        if (more)
                snprintf(others, sizeof(others), " and %u more address%s", more,
                         more == 1 ? "" : "es");
        tl_address_format_ip(ip, &target->ip);
        tl_findings_error(&machine->findings, place_of(machine, &target->ip),
                          "give `virtual:` another range", "%s%s %s in use by %s on %s", ip, others,
                          more ? "are" : "is", format_mac(mac, target->mac), taking->link);
}

static bool report_taking(struct tl_machine *machine, const struct taking *taking)
{
        bool is_free = true;
        char ip[TL_ADDRESS_IP_SIZE];

        if (taking->duplicates.error) {
                tl_address_format_ip(ip, &taking->targets[0].ip);
                tl_findings_error(&machine->findings, place_of(machine, &taking->targets[0].ip),
                                  "connect this machine to its LAN, or use --no-probe",
                                  "cannot find out whether %s is in use on %s: %s", ip,
                                  taking->link, describe_error(taking->duplicates.error));
                return false;
        }
        for (uint32_t i = 0; i < taking->count; i++) {
                if (!taking->targets[i].is_in_use)
                        continue;
                report_holder(machine, taking, i);
                is_free = false;
        }
        return is_free;
}

static uint64_t work_duplicates(void *probe, uint64_t now_ns)
{
        return tl_duplicates_work(probe, now_ns);
}

static void hear_duplicates(void *probe, const uint8_t from[TL_PROBE_MAC_LEN],
                            const uint8_t *packet, size_t len)
{
        tl_duplicates_hear(probe, from, packet, len);
}

static void start_taking(struct run *run, struct taking *taking)
{
        bool is_ipv4 = taking->targets[0].ip.family == WG_FAMILY_IPV4;
        int error;
        struct job *job = open_job(run, taking->link, is_ipv4 ? TL_PACKET_ARP : TL_PACKET_NDP, 0,
                                   &error);

        if (!job) {
                taking->duplicates.error = error;
                return;
        }
        tl_duplicates_begin(&taking->duplicates, &job->link, taking->targets, taking->count,
                            tl_clock_boot_ns());
        job->probe = &taking->duplicates;
        job->work = work_duplicates;
        job->hear = hear_duplicates;
        job->due_ns = 0;
}

/* Adds an address, in the order of addresses. Returns false if there is no memory. */
static bool add_taking(struct run *run, struct taking **takings,
                       const struct tl_planned_proxy *proxy)
{
        struct taking *taking = *takings;
        struct tl_duplicates_target *larger;

        while (taking && (strcmp(taking->link, proxy->link) != 0 ||
                          taking->targets[0].ip.family != proxy->ip.family))
                taking = taking->next;
        if (!taking) {
                taking = tl_arena_take(&run->arena, 1, sizeof(*taking));
                if (!taking)
                        return false;
                taking->link = proxy->link;
                taking->next = *takings;
                *takings = taking;
        }
        larger = tl_arena_grow(&run->arena, taking->targets, taking->count, &taking->capacity,
                               sizeof(*larger));
        if (!larger)
                return false;
        taking->targets = larger;
        larger[taking->count++] = (struct tl_duplicates_target){.ip = proxy->ip};
        return true;
}

/* ---- all of it ---- */

static bool probe(struct run *run)
{
        const struct tl_nodeplan *plan = &run->machine->plan;
        struct taking *takings = NULL;
        bool is_good = true;

        for (uint32_t i = 0; i < plan->proxy_count; i++)
                if (plan->proxies[i].link && !add_taking(run, &takings, &plan->proxies[i]))
                        return tl_fail("out of memory");
        for (struct taking *taking = takings; taking; taking = taking->next)
                start_taking(run, taking);
        if (!carry_out(run))
                return false;
        for (struct taking *taking = takings; taking; taking = taking->next)
                is_good &= report_taking(run->machine, taking);
        return is_good;
}

bool tl_lanprobe_run(struct tl_machine *machine)
{
        struct run run = {.machine = machine};
        int error;
        bool is_good;

        if (!machine->plan.proxy_count)
                return true;
        error = tl_loop_init(&run.loop);
        is_good = error ? tl_fail("cannot probe the LAN: %s", strerror(-error)) : probe(&run);
        close_jobs(&run);
        tl_loop_done(&run.loop);
        tl_arena_done(&run.arena);
        return is_good;
}
