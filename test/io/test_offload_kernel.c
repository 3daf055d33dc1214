/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_offload_kernel.c - io/cut.h and io/merge.h compared with the kernel's own segmentation, in a
 * network namespace that forwards between two TUNs:
 *
 *         we write superpackets -> [in]  the kernel forwards  [out] -> we read packets
 *
 * `in` has virtio headers. If `out` has none, the kernel cuts superpackets that it sends there, and
 * must give the same packets as tl_cut(). If `out` has them, with all offloads, tl_cut() must cut
 * the superpackets from the kernel into the same packets. Packets that tl_merge() joined must come
 * out unchanged. In all cases, forwarding reduces the hop count by one. */
#define _GNU_SOURCE /* unshare */

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>

#include "io/cut.h"
#include "io/merge.h"
#include "test/lib/cmocka.h"
#include "test/lib/merge_check.h"
#include "test/lib/netns.h"

enum {
        /* Older system headers lack the last two. */
        OFFLOAD_CSUM = 0x01,
        OFFLOAD_TSO4 = 0x02,
        OFFLOAD_TSO6 = 0x04,
        OFFLOAD_TSO_ECN = 0x08,
        OFFLOAD_USO4 = 0x20,
        OFFLOAD_USO6 = 0x40,
        OFFLOAD_TCP = OFFLOAD_CSUM | OFFLOAD_TSO4 | OFFLOAD_TSO6 | OFFLOAD_TSO_ECN,
        OFFLOAD_ALL = OFFLOAD_TCP | OFFLOAD_USO4 | OFFLOAD_USO6,

        PATIENCE_MS = 5000,
};

static int in = -1, out = -1;
static bool has_udp; /* the kernel accepts and sends UDP superpackets */
static struct test_env random_state;

static int open_tun(const char *name, bool has_header)
{
        struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
        int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

        if (fd < 0) {
                print_message("SKIPPED: /dev/net/tun: %s\n", strerror(errno));
                skip();
        }
        if (has_header)
                request.ifr_flags |= IFF_VNET_HDR;
        snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
        assert_int_equal(ioctl(fd, TUNSETIFF, &request), 0);
        return fd;
}

static void build(bool out_has_offloads, const char *test)
{
        enter_netns();
        in = open_tun("in", true);
        out = open_tun("out", out_has_offloads);
        /* Asks `in`, for which it does not matter. */
        has_udp = ioctl(in, TUNSETOFFLOAD, (unsigned long)OFFLOAD_ALL) == 0;
        if (!has_udp)
                print_message("SKIPPED: UDP, of which this kernel (before 6.2?) takes no "
                              "superpackets from a TUN\n");
        if (out_has_offloads)
                assert_int_equal(ioctl(out, TUNSETOFFLOAD,
                                       (unsigned long)(has_udp ? OFFLOAD_ALL : OFFLOAD_TCP)),
                                 0);
        run("for i in in out; do ip link set $i mtu 65535 addrgenmode none && ip link set $i up; "
            "done");
        run("ip addr add 10.1.0.254/24 dev in && ip addr add 10.2.0.254/24 dev out");
        run("ip addr add fd01::fe/64 dev in nodad && ip addr add fd02::fe/64 dev out nodad");
        run("cd /proc/sys/net && echo 1 >ipv4/ip_forward && echo 1 >ipv6/conf/all/forwarding && "
            "for i in all in; do echo 0 >ipv4/conf/$i/rp_filter; done");
        test_env_init(&random_state, test_seed(test));
}

static void done(void)
{
        close(in);
        close(out);
}

/* Never a superpacket of a single packet: no sender makes them, and the kernel refuses some. */
static struct shape next_shape(void)
{
        struct shape s;

        do
                s = shape_random(&random_state);
        while ((s.is_udp && !has_udp) || naive_count(&s) == 1);
        return s;
}

/* The change that forwarding makes to a packet. */
static void take_hop(uint8_t *packet)
{
        if (packet[0] >> 4 == 6) {
                packet[7]--;
                return;
        }
        packet[8]--;
        wg_be16_store(packet + 10, 0);
        wg_be16_store(packet + 10, packet_checksum(packet, (packet[0] & 15) * 4u));
}

static void write_super(const struct tl_offload *offload, struct iovec *parts, unsigned int count)
{
        uint8_t header[TL_OFFLOAD_HEADER_LEN];
        struct iovec all[TL_MERGE_MAX + 1] = {{header, sizeof(header)}};
        ssize_t len = sizeof(header);

        tl_offload_write(offload, header);
        for (unsigned int i = 0; i < count; i++) {
                all[i + 1] = parts[i];
                len += (ssize_t)parts[i].iov_len;
        }
        assert_int_equal(writev(in, all, (int)count + 1), len);
}

/* Reads packets for the addresses of superpacket.h from `out`, and ignores the kernel's own. */
static uint32_t read_packet(uint8_t *to, uint32_t room, uint32_t header_len)
{
        for (;;) {
                struct pollfd wait = {.fd = out, .events = POLLIN};
                ssize_t len = read(out, to, room);
                const uint8_t *packet = to + header_len;

                if (len < 0 && errno == EAGAIN) {
                        if (poll(&wait, 1, PATIENCE_MS) != 1)
                                return 0;
                        continue;
                }
                assert_true(len > 0);
                if (packet[0] >> 4 == 4
                            ? wg_be32_load(packet + 16) == 0x0a020001
                            : memcmp(packet + 24, "\xfd\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16) == 0)
                        return (uint32_t)len;
        }
}

static void expect_packet(const uint8_t *found, uint32_t found_len, const uint8_t *wanted,
                          uint32_t len, int step, uint32_t nth)
{
        if (found_len != len)
                fail_msg("step %d, packet %u: the kernel's has %u bytes, ours %u", step, nth,
                         found_len, len);
        for (uint32_t i = 0; i < len; i++)
                if (found[i] != wanted[i])
                        fail_msg("step %d, packet %u of %u bytes, byte %u: the kernel has %02x, we "
                                 "have %02x",
                                 step, nth, len, i, found[i], wanted[i]);
}

/* Sends one through the kernel, and leaves it in `packet` as it is one hop later. */
static struct tl_offload send_super(uint8_t *packet, const struct shape *s)
{
        struct tl_offload offload = shape_offload(s);
        struct iovec part = {packet, shape_len(s)};

        superpacket_make(&random_state, packet, s);
        write_super(&offload, &part, 1);
        take_hop(packet);
        return offload;
}

static void test_the_kernel_cuts_the_same(void **state WG_UNUSED)
{
        static uint8_t packet[SUPERPACKET_MAX], ours[SUPERPACKET_MAX], theirs[SUPERPACKET_MAX];
        unsigned int packets = 0;

        build(false, "offload, cut");
        for (int step = 0; step < 1500; step++) {
                struct shape s = next_shape();
                struct tl_offload offload = send_super(packet, &s);
                uint32_t nth = 0, len;
                struct tl_cut cut;

                assert_int_equal(tl_cut_begin(&cut, &offload, packet, shape_len(&s)), 0);
                for (; (len = tl_cut_next_len(&cut)) != 0; nth++) {
                        tl_cut_next(&cut, ours);
                        expect_packet(theirs, read_packet(theirs, sizeof(theirs), 0), ours, len,
                                      step, nth);
                }
                packets += nth;
        }
        print_message("offload, cut: %u packets are the kernel's\n", packets);
        done();
}

/* The kernel may hand over a superpacket or cut it nonetheless; in both cases it expects others to
 * compute the checksums. */
static void test_superpackets_from_the_kernel(void **state WG_UNUSED)
{
        static uint8_t packet[SUPERPACKET_MAX], ours[SUPERPACKET_MAX], wanted[SUPERPACKET_MAX];
        static uint8_t theirs[TL_OFFLOAD_HEADER_LEN + SUPERPACKET_MAX];
        unsigned int superpackets = 0;

        build(true, "offload, handed over");
        for (int step = 0; step < 1500; step++) {
                struct shape s = next_shape();
                uint32_t nth = 0, len;

                send_super(packet, &s);
                while (nth < naive_count(&s)) {
                        uint32_t read = read_packet(theirs, sizeof(theirs), TL_OFFLOAD_HEADER_LEN);
                        struct tl_offload offload;
                        struct tl_cut cut;

                        assert_true(read > TL_OFFLOAD_HEADER_LEN);
                        assert_int_equal(tl_offload_read(&offload, theirs), 0);
                        superpackets += offload.kind != TL_OFFLOAD_NONE;
                        assert_int_equal(tl_cut_begin(&cut, &offload,
                                                      theirs + TL_OFFLOAD_HEADER_LEN,
                                                      read - TL_OFFLOAD_HEADER_LEN),
                                         0);
                        for (; (len = tl_cut_next_len(&cut)) != 0; nth++) {
                                uint32_t wanted_len = naive_packet(wanted, packet, &s, nth);

                                tl_cut_next(&cut, ours);
                                expect_packet(ours, len, wanted, wanted_len, step, nth);
                        }
                }
        }
        print_message("offload, handed over: %u superpackets of 1500\n", superpackets);
        assert_true(superpackets > 500);
        done();
}

/* ---- merging ---- */

static struct tl_merge merge;
static struct merge_batch batch;

/* The packets of several superpackets, interleaved: as many flows, with different ports. `stays`:
 * the identification does not count. */
static void fill_batch(void)
{
        enum { FLOWS = 4 };
        static uint8_t supers[FLOWS][SUPERPACKET_MAX], packet[SUPERPACKET_MAX];
        struct shape shapes[FLOWS];
        uint32_t most = 0;
        bool stays[FLOWS];

        for (uint32_t flow = 0; flow < FLOWS; flow++) {
                shapes[flow] = next_shape();
                shapes[flow].flags &= 0x59; /* no CWR, URG */
                shapes[flow].payload = WG_MIN(shapes[flow].payload, shapes[flow].segment * 30u);
                stays[flow] = shapes[flow].fragment && test_env_below(&random_state, 2);
                superpacket_make(&random_state, supers[flow], &shapes[flow]);
                most = WG_MAX(most, naive_count(&shapes[flow]));
        }
        for (uint32_t nth = 0; nth < most; nth++)
                for (uint32_t flow = 0; flow < FLOWS; flow++) {
                        const struct shape *s = &shapes[flow];
                        uint32_t len;

                        if (nth >= naive_count(s) || batch.count == TL_MERGE_MAX)
                                continue;
                        len = naive_packet(packet, supers[flow], s, nth);
                        if (s->family == 4 && stays[flow]) {
                                memcpy(packet + 4, supers[flow] + 4, 2);
                                wg_be16_store(packet + 10, 0);
                                wg_be16_store(packet + 10, packet_checksum(packet, s->ip_len));
                        }
                        merge_batch_add(&batch, packet, len);
                }
}

/* Reads the packets that the kernel cuts from a run, and compares them with the originals. */
static void expect_run(const struct tl_merge_run *run, int step)
{
        static uint8_t found[SUPERPACKET_MAX];
        uint16_t packet = run->first;
        bool stays = run->count > 1 &&
                     memcmp(batch.was[packet] + 4, batch.was[merge.next[packet]] + 4, 2) == 0;

        for (uint32_t nth = 0; nth < run->count; nth++) {
                uint32_t len = read_packet(found, sizeof(found), 0);
                uint8_t *was = batch.was[packet];

                take_hop(was);
                if (len != batch.packets[packet].len || !merge_is_same(found, was, len, stays, nth))
                        expect_packet(found, len, was, batch.packets[packet].len, step, nth);
                packet = merge.next[packet];
        }
}

static void test_merged_packets_come_out_again(void **state WG_UNUSED)
{
        unsigned int packets = 0, runs = 0;

        build(false, "offload, merged");
        for (int step = 0; step < 300; step++) {
                fill_batch();
                tl_merge(&merge, batch.packets, batch.count,
                         1u << TL_OFFLOAD_TCP4 | 1u << TL_OFFLOAD_TCP6 |
                                 (has_udp ? 1u << TL_OFFLOAD_UDP : 0));
                for (unsigned int r = 0; r < merge.count; r++) {
                        struct iovec parts[TL_MERGE_MAX];
                        unsigned int count = tl_merge_parts(&merge, &merge.runs[r], batch.packets,
                                                            parts);

                        write_super(&merge.runs[r].offload, parts, count);
                        expect_run(&merge.runs[r], step);
                }
                packets += batch.count;
                runs += merge.count;
                merge_batch_done(&batch);
        }
        print_message("offload, merged: %u packets in %u superpackets\n", packets, runs);
        assert_true(packets > 3 * runs);
        done();
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_kernel_cuts_the_same),
                cmocka_unit_test(test_superpackets_from_the_kernel),
                cmocka_unit_test(test_merged_packets_come_out_again),
        };

        return cmocka_run_group_tests_name("offload, kernel", tests, NULL, NULL);
}
