/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * Each test makes its devices in its own network namespace. Addresses:
 *
 *         tun 10.0.0.1/24   <- read and written here, as if 10.0.0.2 and others were behind it */
#define _GNU_SOURCE /* unshare */
#include "io/tun.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/bytes.h"
#include "io/netlink.h"
#include "test/lib/cmocka.h"
#include "test/lib/netns.h"

#define PORT 7777

static struct tl_tun tun;
static uint8_t memory[64][TL_TUN_HEADROOM + 2048];
static struct tl_packet packets[64];

static void prepare_packets(uint32_t room)
{
        for (size_t i = 0; i < WG_ARRAY_SIZE(packets); i++)
                packets[i] = (struct tl_packet){
                        .buf = memory[i] + TL_TUN_HEADROOM, .room = room, .error = 1};
}

/* Reads the available packets, up to count. Returns their number, or why there was none. */
static int read_packets(const struct tl_tun_queue *queue, struct tl_packet *into, int count)
{
        for (int i = 0; i < count; i++) {
                struct tl_offload offload;
                int result = tl_tun_read(queue, &into[i], &offload);

                if (result <= 0)
                        return i ? i : result;
                assert_int_equal(offload.kind, TL_OFFLOAD_NONE);
                assert_false(offload.needs_checksum);
        }
        return count;
}

static void open_up(uint32_t queues)
{
        assert_int_equal(tl_tun_open(&tun, "tun", queues, 1420), 0);
        run("ip addr add 10.0.0.1/24 dev tun && ip link set tun up");
        prepare_packets(2048);
}

/* Sends a datagram of len bytes, all equal to `fill`, to a host behind the device. */
static void send_into(uint16_t len, uint8_t fill)
{
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(PORT)};
        uint8_t payload[2048];
        int fd = socket(AF_INET, SOCK_DGRAM, 0);

        to.sin_addr.s_addr = htonl(0x0a000002);
        memset(payload, fill, sizeof(payload));
        assert_int_equal(sendto(fd, payload, len, 0, (struct sockaddr *)&to, sizeof(to)), len);
        close(fd);
}

static void write_checksum(uint8_t *header)
{
        uint32_t sum = 0;

        for (int i = 0; i < 20; i += 2)
                sum += wg_be16_load(header + i);
        sum = (sum & 0xffff) + (sum >> 16);
        wg_be16_store(header + 10, (uint16_t) ~(sum + (sum >> 16)));
}

/* Makes a UDP datagram from 10.0.0.2 to 10.0.0.1 with one byte of payload. */
static void make_packet(struct tl_packet *packet, uint8_t fill)
{
        static const uint8_t headers[28] = {0x45,      0,           0, 29, 0,  0, 0, 0,
                                            64,        IPPROTO_UDP, 0, 0,  10, 0, 0, 2,
                                            10,        0,           0, 1,  0,  1, /* ports */
                                            PORT >> 8, PORT & 0xff, 0, 9,  0,  0};

        memcpy(packet->buf, headers, sizeof(headers));
        packet->buf[28] = fill;
        packet->len = 29;
        write_checksum(packet->buf);
}

static int open_receiver(void)
{
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(PORT)};
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

        assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
        return fd;
}

static long read_number(const char *where)
{
        char path[128];
        FILE *file;
        long number = -1;

        snprintf(path, sizeof(path), "/proc/sys/net/%s", where);
        file = fopen(path, "r");
        if (!file)
                fail_msg("cannot read %s", path);
        if (fscanf(file, "%ld", &number) != 1)
                number = -1;
        fclose(file);
        return number;
}

static void test_names(void **state WG_UNUSED)
{
        static const struct {
                int number;
                const char *name;
                int result;
                const char *given;
        } cases[] = {
                {1, "wg0", 0, "wg0"},
                {2, "wg%d", 0, "wg1"}, /* the first still exists */
                {3, "x", 0, "x"},
                {4, "fifteen-letters", 0, "fifteen-letters"},
                {5, "sixteen--letters", -EINVAL, NULL},
                {6, "", -EINVAL, NULL},
                {7, "a/b", -EINVAL, NULL},
                {8, "..", -EINVAL, NULL},
                {9, "a b", -EINVAL, NULL},
                {10, "%s", -EINVAL, NULL},
                {11, "wg0", -EBUSY, NULL},
                {12, "lo", -EBUSY, NULL},
        };
        struct tl_tun opened[WG_ARRAY_SIZE(cases)];

        enter_netns();
        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                int result = tl_tun_open(&opened[i], cases[i].name, 1, TL_TUN_MTU);

                if (result != cases[i].result)
                        fail_msg("case %d: %d", cases[i].number, result);
                if (result < 0)
                        continue;
                assert_string_equal(opened[i].name, cases[i].given);
                assert_int_equal(opened[i].ifindex, if_nametoindex(cases[i].given));
        }
        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++)
                tl_tun_done(&opened[i]);
        tl_tun_done(NULL);
        assert_int_equal(if_nametoindex("wg0"), 0);
}

static void test_a_new_device_is_quiet(void **state WG_UNUSED)
{
        static const uint32_t mtus[] = {68, 1280, 1420, 34736, 65535};

        enter_netns();
        for (size_t i = 0; i < WG_ARRAY_SIZE(mtus); i++) {
                struct tl_link link;

                assert_int_equal(tl_tun_open(&tun, "tun", 1, mtus[i]), 0);
                assert_int_equal(tl_netlink_get_link(tun.ifindex, &link), 0);
                assert_int_equal(link.mtu, mtus[i]);
                run("ip -d link show dev tun | grep -q 'gso_max_size 65536 '");
                assert_false(link.is_up);
                if (mtus[i] >= 1280) /* there is no IPv6 below it */
                        assert_int_equal(read_number("ipv6/conf/tun/addr_gen_mode"), 1);
                assert_int_equal(read_number("ipv4/conf/tun/send_redirects"), 0);
                assert_int_equal(read_number("ipv4/conf/all/send_redirects"), 0);
                tl_tun_done(&tun);
        }
        assert_int_equal(tl_tun_open(&tun, "tun", 1, 67), -EINVAL);
        assert_int_equal(if_nametoindex("tun"), 0); /* nothing of it is left */

        assert_int_equal(tl_tun_open(&tun, "tun", 1, TL_TUN_MTU), 0);
        run("ip link set tun up && ! ip -6 addr show dev tun | grep -q inet6");
        prepare_packets(2048);
        usleep(50000);
        assert_int_equal(read_packets(&tun.queues[0], packets, 64), 0);
        tl_tun_done(&tun);
}

static void test_up_and_down_and_deleted(void **state WG_UNUSED)
{
        const struct tl_tun_queue *queue = &tun.queues[0];

        enter_netns();
        assert_int_equal(tl_tun_open(&tun, "tun", 1, TL_TUN_MTU), 0);
        prepare_packets(2048);
        make_packet(&packets[0], 0);
        make_packet(&packets[1], 1);
        for (int round = 0; round < 2; round++) {
                assert_int_equal(tl_tun_is_up(queue), 0);
                assert_int_equal(read_packets(queue, packets + 2, 1), 0);
                assert_int_equal(tl_tun_write(queue, packets, 2), 0);
                assert_int_equal(packets[0].error, -EIO);
                assert_int_equal(packets[1].error, -EIO);
                run("ip link set tun up");
                assert_int_equal(tl_tun_is_up(queue), 1);
                assert_int_equal(tl_tun_write(queue, packets, 2), 2);
                assert_int_equal(packets[0].error, 0);
                run("ip link set tun down");
        }
        run("ip link del tun");
        assert_int_equal(tl_tun_is_up(queue), -EBADFD);
        assert_int_equal(read_packets(queue, packets + 2, 1), -EBADFD);
        assert_int_equal(tl_tun_write(queue, packets, 1), 0);
        assert_int_equal(packets[0].error, -EBADFD);
        tl_tun_done(&tun);
}

static uint32_t next_change(struct tl_netlink_monitor *monitor)
{
        uint32_t changes;

        while (tl_netlink_monitor_next(monitor, &changes) == 0)
                assert_int_equal(
                        poll(&(struct pollfd){.fd = monitor->fd, .events = POLLIN}, 1, 3000), 1);
        return changes;
}

/* A process in its own network namespace, where it runs commands for the test. */
struct inhabitant {
        pid_t pid;
        int told, done;
};

static void settle(struct inhabitant *there)
{
        int told[2], done[2];
        char command[4096];

        assert_int_equal(pipe(told), 0);
        assert_int_equal(pipe(done), 0);
        there->pid = fork();
        if (there->pid == 0) {
                close(told[1]);
                if (unshare(CLONE_NEWNET) < 0)
                        _exit(1);
                do
                        if (write(done[1], "", 1) != 1)
                                _exit(1);
                while (read(told[0], command, sizeof(command)) > 0 && system(command) == 0);
                _exit(0);
        }
        close(told[0]);
        close(done[1]);
        there->told = told[1];
        there->done = done[0];
        assert_int_equal(read(there->done, command, 1), 1);
}

static void tell(const struct inhabitant *there, const char *command)
{
        size_t len = strlen(command) + 1;
        char done;

        assert_int_equal(write(there->told, command, len), (ssize_t)len);
        assert_int_equal(read(there->done, &done, 1), 1);
}

static void leave(struct inhabitant *there)
{
        close(there->told);
        close(there->done);
        assert_int_equal(waitpid(there->pid, NULL, 0), there->pid);
}

static void move_to(const struct inhabitant *there)
{
        char command[64];

        snprintf(command, sizeof(command), "ip link set tun netns %d", (int)there->pid);
        run(command);
}

/* Waits until the device has gone, with the namespace that its process left. */
static void expect_gone(void)
{
        for (int i = 0; i < 500 && tl_tun_is_up(&tun.queues[0]) != -EBADFD; i++)
                usleep(10000);
        assert_int_equal(tl_tun_is_up(&tun.queues[0]), -EBADFD);
}

static void test_a_move_is_no_deletion(void **state WG_UNUSED)
{
        struct inhabitant there;

        enter_netns();
        open_up(1);
        settle(&there);
        move_to(&there);
        assert_int_equal(if_nametoindex("tun"), 0);
        tell(&there, "ip link set tun up");
        assert_int_equal(tl_tun_is_up(&tun.queues[0]), 1);
        leave(&there);
        expect_gone();
        tl_tun_done(&tun);
}

static void test_a_followed_link_does_not_keep_its_namespace(void **state WG_UNUSED)
{
        static struct tl_netlink_monitor monitor;
        struct tl_netlink_view view;
        struct inhabitant there;
        const int small = 1;
        uint32_t changes;

        enter_netns();
        open_up(1);
        settle(&there);
        move_to(&there);
        assert_int_equal(tl_tun_view(&tun.queues[0], &view), 0);
        assert_true(view.nsid >= 0);
        assert_int_equal(view.link.mtu, 1420);
        assert_false(view.link.is_up);
        assert_int_equal(tl_netlink_monitor_adopt(&monitor, &view), 0);
        run("ip tuntap add tun mode tun && ip link set tun mtu 1350"); /* another device */
        tell(&there, "ip link set tun mtu 1301 && ip link set tun up");
        assert_int_equal(next_change(&monitor), TL_LINK_CHANGED_MTU);
        assert_int_equal(monitor.link.mtu, 1301);
        assert_int_equal(next_change(&monitor), TL_LINK_CHANGED_STATE);
        assert_true(monitor.link.is_up);

        assert_int_equal(setsockopt(monitor.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
        tell(&there, "seq -f 'link set tun mtu %g' 1302 1400 | ip -batch -");
        while ((changes = next_change(&monitor)) == TL_LINK_CHANGED_MTU)
                continue;
        assert_int_equal(changes, TL_LINK_LOST);

        assert_int_equal(tl_tun_is_up(&tun.queues[0]), 1);
        leave(&there);
        expect_gone();
        tl_netlink_monitor_done(&monitor);
        tl_tun_done(&tun);
}

static void test_reads_batches_in_order(void **state WG_UNUSED)
{
        const struct tl_tun_queue *queue = &tun.queues[0];

        enter_netns();
        open_up(1);
        assert_int_equal(read_packets(queue, packets, 64), 0);
        for (uint8_t i = 0; i < 70; i++)
                send_into((uint16_t)(100 + i), i);
        assert_int_equal(read_packets(queue, packets, 64), 64);
        for (uint8_t i = 0; i < 64; i++) {
                assert_int_equal(packets[i].error, 0);
                assert_int_equal(packets[i].len, 28 + 100 + i);
                assert_int_equal(packets[i].buf[0], 0x45);
                assert_int_equal(packets[i].buf[28], i);
                assert_int_equal(packets[i].buf[packets[i].len - 1], i);
        }
        assert_int_equal(read_packets(queue, packets, 64), 6);
        assert_int_equal(packets[5].buf[28], 69);
        assert_int_equal(read_packets(queue, packets, 64), 0);
        tl_tun_done(&tun);
}

static void test_a_truncated_packet_is_marked(void **state WG_UNUSED)
{
        enter_netns();
        open_up(1);
        prepare_packets(128);
        for (uint16_t len = 98; len <= 102; len++)
                send_into(len, 0);
        assert_int_equal(read_packets(&tun.queues[0], packets, 64), 5);
        assert_int_equal(packets[0].error, 0); /* 126 bytes */
        assert_int_equal(packets[1].error, 0);
        for (int i = 2; i < 5; i++)
                assert_int_equal(packets[i].error, -EMSGSIZE);
        tl_tun_done(&tun);
}

static void test_writes_the_valid_packets_of_a_batch(void **state WG_UNUSED)
{
        uint8_t byte;
        int receiver;

        enter_netns();
        open_up(1);
        receiver = open_receiver();
        for (uint8_t i = 0; i < 64; i++)
                make_packet(&packets[i], i);
        packets[10].buf[0] = 0x75; /* no such version */
        packets[20].len = 0;
        assert_int_equal(tl_tun_write(&tun.queues[0], packets, 64), 62);
        for (uint8_t i = 0; i < 64; i++) {
                bool is_bad = i == 10 || i == 20;

                assert_int_equal(packets[i].error, is_bad ? -EINVAL : 0);
                if (is_bad)
                        continue;
                assert_int_equal(recv(receiver, &byte, 1, 0), 1);
                assert_int_equal(byte, i);
        }
        assert_int_equal(recv(receiver, &byte, 1, 0), -1);
        close(receiver);
        tl_tun_done(&tun);
}

static void test_a_device_may_have_several_queues(void **state WG_UNUSED)
{
        struct tl_tun second;
        int receiver, read = 0;
        uint8_t byte;

        enter_netns();
        open_up(3);
        assert_int_equal(tun.queue_count, 3);
        /* Another process can open neither the device nor a queue of it. */
        assert_int_equal(tl_tun_open(&second, "tun", 3, 1420), -EBUSY);
        receiver = open_receiver();
        for (int i = 0; i < 3; i++) {
                make_packet(&packets[0], (uint8_t)i);
                assert_int_equal(tl_tun_write(&tun.queues[i], packets, 1), 1);
                assert_int_equal(recv(receiver, &byte, 1, 0), 1);
                assert_int_equal(byte, i);
        }
        for (uint8_t i = 0; i < 20; i++)
                send_into(10, i);
        for (int i = 0; i < 3; i++)
                read += read_packets(&tun.queues[i], packets, 64);
        assert_int_equal(read, 20);
        close(receiver);
        tl_tun_done(&tun);
        assert_int_equal(if_nametoindex("tun"), 0);
}

/* Writes a datagram between two hosts behind the device to a queue; the kernel forwards it to the
 * device again. Returns the number of the queue on which it comes out. */
static int forward(const struct tl_tun_queue *queue, uint16_t port, bool is_reply)
{
        make_packet(&packets[0], 0);
        packets[0].buf[15] = is_reply ? 3 : 2;
        packets[0].buf[19] = is_reply ? 2 : 3;
        wg_be16_store(packets[0].buf + (is_reply ? 22 : 20), port);
        wg_be16_store(packets[0].buf + (is_reply ? 20 : 22), PORT);
        wg_be16_store(packets[0].buf + 10, 0);
        write_checksum(packets[0].buf);
        assert_int_equal(tl_tun_write(queue, packets, 1), 1);
        for (int i = 0; i < (int)tun.queue_count; i++)
                if (read_packets(&tun.queues[i], packets, 1) == 1)
                        return i;
        fail();
        return -1;
}

static void test_the_neutral_queue_moves_no_flow(void **state WG_UNUSED)
{
        enter_netns();
        open_up(3);
        assert_int_not_equal(tun.neutral.header_len, 0);
        run("echo 1 > /proc/sys/net/ipv4/ip_forward");
        for (uint16_t port = 1; port <= 20; port++) {
                int out = forward(&tun.neutral, port, false);

                for (int i = 0; i < 3; i++) {
                        assert_int_equal(forward(&tun.neutral, port, true), out);
                        assert_int_equal(forward(&tun.neutral, port, false), out);
                }
                /* Any other queue attracts both directions, from the next packet on. */
                forward(&tun.queues[1], port, true);
                assert_int_equal(forward(&tun.queues[2], port, false), 1);
                assert_int_equal(forward(&tun.queues[2], port, true), 2);
        }
        tl_tun_done(&tun);
        assert_int_equal(if_nametoindex("tun"), 0);
        open_up(1);
        assert_int_equal(tun.neutral.header_len, 0);
        tl_tun_done(&tun);
}

static int open_by_hand(const char *name, short flags)
{
        struct ifreq request = {.ifr_flags = flags};
        int fd = open("/dev/net/tun", O_RDWR);

        memcpy(request.ifr_name, name, strlen(name));
        assert_int_equal(ioctl(fd, TUNSETIFF, &request), 0);
        return fd;
}

static void test_adopts_a_device_opened_by_others(void **state WG_UNUSED)
{
        static const struct {
                int number;
                short flags;
                int header_len; /* the value to set; 0: keep the default */
                int result;
        } cases[] = {
                {1, IFF_TUN | IFF_NO_PI, 0, 0},
                {2, IFF_TUN | IFF_NO_PI | IFF_VNET_HDR, 0, 0},
                {3, IFF_TUN | IFF_NO_PI | IFF_VNET_HDR, 12, 0},
                {4, IFF_TUN | IFF_NO_PI | IFF_MULTI_QUEUE, 0, 0},
                {5, IFF_TAP | IFF_NO_PI, 0, -EINVAL},
        };

        enter_netns();
        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                int fd = open_by_hand("tun", cases[i].flags), receiver, result;
                uint8_t byte;

                if (cases[i].header_len)
                        assert_int_equal(ioctl(fd, TUNSETVNETHDRSZ, &cases[i].header_len), 0);
                result = tl_tun_adopt(&tun, fd);
                if (result != cases[i].result)
                        fail_msg("case %d: %d", cases[i].number, result);
                if (result < 0) {
                        close(fd); /* it is still ours */
                        continue;
                }
                assert_string_equal(tun.name, "tun");
                assert_int_equal(tun.ifindex, if_nametoindex("tun"));
                assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
                run("ip link set tun addrgenmode none");
                run("ip addr add 10.0.0.1/24 dev tun && ip link set tun up");
                prepare_packets(2048);
                receiver = open_receiver();
                make_packet(&packets[0], 42);
                assert_int_equal(tl_tun_write(&tun.queues[0], packets, 1), 1);
                assert_int_equal(recv(receiver, &byte, 1, 0), 1);
                assert_int_equal(byte, 42);
                send_into(500, 43);
                assert_int_equal(read_packets(&tun.queues[0], packets, 64), 1);
                assert_int_equal(packets[0].len, 528);
                assert_int_equal(packets[0].buf[0], 0x45);
                assert_int_equal(packets[0].buf[527], 43);
                close(receiver);
                tl_tun_done(&tun);
        }
        assert_int_equal(tl_tun_adopt(&tun, -1), -EBADF);
        assert_int_equal(tl_tun_adopt(&tun, open("/dev/null", O_RDWR)), -EINVAL);
}

/* A link's number means nothing in another namespace, where its name may belong to another link. */
static void test_adopts_from_another_namespace(void **state WG_UNUSED)
{
        int fd;

        enter_netns();
        fd = open_by_hand("tun", IFF_TUN | IFF_NO_PI);
        enter_netns();
        run("ip tuntap add tun mode tun");
        assert_int_equal(tl_tun_adopt(&tun, fd), 0);
        assert_string_equal(tun.name, "tun");
        assert_int_equal(tun.ifindex, 0);
        assert_int_equal(tl_tun_is_up(&tun.queues[0]), 0);
        tl_tun_done(&tun);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_a_new_device_is_quiet),
                cmocka_unit_test(test_up_and_down_and_deleted),
                cmocka_unit_test(test_a_move_is_no_deletion),
                cmocka_unit_test(test_a_followed_link_does_not_keep_its_namespace),
                cmocka_unit_test(test_reads_batches_in_order),
                cmocka_unit_test(test_a_truncated_packet_is_marked),
                cmocka_unit_test(test_writes_the_valid_packets_of_a_batch),
                cmocka_unit_test(test_a_device_may_have_several_queues),
                cmocka_unit_test(test_the_neutral_queue_moves_no_flow),
                cmocka_unit_test(test_adopts_a_device_opened_by_others),
                cmocka_unit_test(test_adopts_from_another_namespace),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
