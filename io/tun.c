/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "io/tun.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "io/netlink.h"
#include "io/netns.h"

/* Newer than the headers of Debian 12. Neither exists without the other. */
#define OFFLOAD_USO4 0x20u
#define OFFLOAD_USO6 0x40u

WG_FLAGS_DEFINE(tl_tun_offload, TL_TUN_OFFLOADS)

/* Prepares for a virtio header with all offloads off, so that the header is empty. */
static int adopt_header(struct tl_tun_queue *queue)
{
        int len;

        if (ioctl(queue->fd, TUNSETOFFLOAD, 0) < 0 || ioctl(queue->fd, TUNGETVNETHDRSZ, &len) < 0)
                return -errno;
        if (len < TL_OFFLOAD_HEADER_LEN || len > TL_TUN_HEADROOM)
                return -EINVAL;
        queue->header_len = (uint32_t)len;
        return 0;
}

/* Opens a queue of the device named in `request`, and writes the name that the kernel chose
 * there. */
static int open_queue(struct tl_tun_queue *queue, struct ifreq *request)
{
        int result;

        *queue = (struct tl_tun_queue){.fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC)};
        if (queue->fd < 0)
                return -errno;
        if (ioctl(queue->fd, TUNSETIFF, request) == 0)
                result = adopt_header(queue);
        else
                result = -errno;
        if (result < 0)
                close(queue->fd);
        return result;
}

static int open_queues(struct tl_tun *tun, const char *name, uint32_t queues)
{
        short flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR | (queues > 1 ? IFF_MULTI_QUEUE : 0);
        struct ifreq request = {0};

        memcpy(request.ifr_name, name, strlen(name));
        for (uint32_t i = 0; i < queues; i++) {
                int result;

                /* Without IFF_TUN_EXCL, the first queue would silently join a device of another
                 * process. */
                request.ifr_flags = (short)(flags | (i == 0 ? IFF_TUN_EXCL : 0));
                result = open_queue(&tun->queues[i], &request);
                if (result < 0)
                        return result;
                tun->queue_count++;
        }
        memcpy(tun->name, request.ifr_name, sizeof(tun->name));
        return 0;
}

/* Opens a detached queue: it delivers the packets written to it, and the kernel learns no flows
 * from it. Best effort: without it, a flow that we forward from peer to peer may be reordered. */
static void open_neutral(struct tl_tun *tun)
{
        struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE};
        struct ifreq detach = {.ifr_flags = IFF_DETACH_QUEUE};
        struct tl_tun_queue queue;

        memcpy(request.ifr_name, tun->name, sizeof(tun->name));
        if (open_queue(&queue, &request) < 0)
                return;
        if (ioctl(queue.fd, TUNSETQUEUE, &detach) == 0)
                tun->neutral = queue;
        else
                close(queue.fd);
}

static void write_setting(const char *path, const char *value)
{
        int fd = open(path, O_WRONLY | O_CLOEXEC);

        if (fd < 0)
                return;
        while (write(fd, value, strlen(value)) < 0 && errno == EINTR)
                continue;
        close(fd);
}

/* Keeps the link from sending packets of its own, in the namespace that it is in now; a move resets
 * this. Best effort: the tunnel must work on a host without one family, and in a container that may
 * not write settings. */
static void silence_here(uint32_t ifindex)
{
        tl_netlink_set_no_autoaddress(ifindex);
        tl_netlink_set_no_redirects(ifindex);
}

static void silence(const struct tl_tun *tun)
{
        silence_here(tun->ifindex);
        tl_netlink_set_no_multicast(tun->ifindex);
        write_setting("/proc/sys/net/ipv4/conf/all/send_redirects", "0");
}

/* Like if_nametoindex(), which returns the wrong error when no descriptor is left. */
static int find_index(const char *name, uint32_t *ifindex)
{
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), result = 0;
        struct ifreq request = {0};

        if (fd < 0)
                return -errno;
        memcpy(request.ifr_name, name, strnlen(name, sizeof(request.ifr_name) - 1));
        if (ioctl(fd, SIOCGIFINDEX, &request) < 0)
                result = -errno;
        else
                *ifindex = (uint32_t)request.ifr_ifindex;
        close(fd);
        return result;
}

int tl_tun_open(struct tl_tun *tun, const char *name, uint32_t queues, uint32_t mtu)
{
        size_t len = strlen(name);
        int result;

        WG_ASSERT(queues >= 1 && queues <= TL_TUN_QUEUES);
        *tun = (struct tl_tun){0};
        if (len == 0 || len >= sizeof(tun->name))
                return -EINVAL;
        result = open_queues(tun, name, queues);
        if (result < 0)
                goto out;
        result = find_index(tun->name, &tun->ifindex);
        if (result < 0)
                goto out;
        if (queues > 1)
                open_neutral(tun);
        silence(tun);
        result = tl_netlink_set_mtu(tun->ifindex, mtu);
out:
        if (result < 0)
                tl_tun_done(tun);
        return result;
}

/* A descriptor of the device's network namespace; -1: it is the caller's own, or the kernel cannot
 * tell. */
static int find_other_namespace(int fd)
{
        struct stat theirs, ours;
        int namespace = ioctl(fd, TUNGETDEVNETNS);

        if (namespace < 0)
                return -1;
        if (fstat(namespace, &theirs) == 0 && stat("/proc/thread-self/ns/net", &ours) == 0 &&
            (theirs.st_dev != ours.st_dev || theirs.st_ino != ours.st_ino))
                return namespace;
        close(namespace);
        return -1;
}

static bool is_in_our_namespace(int fd)
{
        int namespace = find_other_namespace(fd);

        if (namespace < 0)
                return true;
        close(namespace);
        return false;
}

int tl_tun_adopt(struct tl_tun *tun, int fd)
{
        struct tl_tun_queue queue = {.fd = fd};
        struct ifreq request = {0};
        int status, result;

        *tun = (struct tl_tun){0};
        if (ioctl(fd, TUNGETIFF, &request) < 0)
                return errno == ENOTTY ? -EINVAL : -errno;
        /* IFF_NO_PI cannot be checked: TUNGETIFF uses the same bit for IFF_NOFILTER. */
        if (!(request.ifr_flags & IFF_TUN))
                return -EINVAL;
        if (request.ifr_flags & IFF_VNET_HDR) {
                result = adopt_header(&queue);
                if (result < 0)
                        return result;
        }
        status = fcntl(fd, F_GETFL);
        if (status < 0 || fcntl(fd, F_SETFL, status | O_NONBLOCK) < 0 ||
            fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
                return -errno;
        memcpy(tun->name, request.ifr_name, sizeof(tun->name));
        if (is_in_our_namespace(fd))
                tun->ifindex = if_nametoindex(tun->name);
        tun->queues[0] = queue;
        tun->queue_count = 1;
        return 0;
}

static int look_here(const struct tl_tun_queue *queue, struct tl_link *link)
{
        struct ifreq request = {0};
        uint32_t ifindex;

        /* The name may have changed. */
        if (ioctl(queue->fd, TUNGETIFF, &request) < 0)
                return -errno;
        ifindex = if_nametoindex(request.ifr_name);
        if (!ifindex)
                return -errno;
        silence_here(ifindex);
        return tl_netlink_get_link(ifindex, link);
}

static int look_there(const struct tl_tun_queue *queue, int namespace, struct tl_link *link)
{
        int home = tl_netns_enter(namespace), result;

        if (home < 0)
                return home;
        result = look_here(queue, link);
        tl_netns_leave(home);
        return result;
}

int tl_tun_view(const struct tl_tun_queue *queue, struct tl_netlink_view *view)
{
        int namespace = find_other_namespace(queue->fd);
        int result = tl_netlink_view_open(view, namespace);

        if (result == 0) {
                result = namespace < 0 ? look_here(queue, &view->link)
                                       : look_there(queue, namespace, &view->link);
                if (result < 0)
                        tl_netlink_view_close(view);
                else
                        tl_netlink_view_narrow(view);
        }
        if (namespace >= 0)
                close(namespace);
        return result;
}

void tl_tun_done(struct tl_tun *tun)
{
        if (!tun)
                return;
        for (uint32_t i = 0; i < tun->queue_count; i++)
                close(tun->queues[i].fd);
        if (tun->neutral.header_len)
                close(tun->neutral.fd);
        tun->queue_count = tun->neutral.header_len = 0;
}

int tl_tun_is_up(const struct tl_tun_queue *queue)
{
        struct pollfd poll_fd = {.fd = queue->fd, .events = POLLOUT};

        if (poll(&poll_fd, 1, 0) < 0)
                return -errno;
        if (poll_fd.revents & POLLERR)
                return -EBADFD;
        return (poll_fd.revents & POLLOUT) != 0;
}

static uint32_t kernel_flags(uint32_t offloads)
{
        return (offloads ? TUN_F_CSUM : 0u) |
               (offloads & TL_TUN_TSO ? TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN : 0u) |
               (offloads & TL_TUN_USO ? OFFLOAD_USO4 | OFFLOAD_USO6 : 0u);
}

/* Whether the kernel accepts these offloads. They are set on a queue but belong to the device: the
 * last queue decides. */
static bool has_offloads(const struct tl_tun *tun, uint32_t offloads)
{
        for (uint32_t i = 0; i < tun->queue_count; i++)
                if (!tun->queues[i].header_len ||
                    ioctl(tun->queues[i].fd, TUNSETOFFLOAD, kernel_flags(offloads)) < 0)
                        return false;
        return true;
}

uint32_t tl_tun_set_offloads(const struct tl_tun *tun, uint32_t wanted)
{
        const uint32_t sets[] = {wanted, wanted & TL_TUN_TSO, 0}; /* USO is the newest */

        for (size_t i = 0; i < WG_ARRAY_SIZE(sets); i++)
                if (has_offloads(tun, sets[i]))
                        return sets[i];
        return 0;
}

int tl_tun_read(const struct tl_tun_queue *queue, struct tl_packet *packet,
                struct tl_offload *offload)
{
        uint8_t *header = packet->buf - queue->header_len;
        ssize_t len = read(queue->fd, header, queue->header_len + packet->room);

        if (len < 0)
                return errno == EAGAIN ? 0 : -errno;
        packet->len = (uint32_t)len - queue->header_len;
        *offload = (struct tl_offload){0};
        packet->error = queue->header_len ? tl_offload_read(offload, header) : 0;
        if (packet->len >= packet->room)
                packet->error = -EMSGSIZE;
        return 1;
}

static int write_one(const struct tl_tun_queue *queue, const struct tl_packet *packet)
{
        uint8_t *header = packet->buf - queue->header_len;

        if (!packet->len) /* the kernel would report it as written */
                return -EINVAL;
        memset(header, 0, queue->header_len);
        return write(queue->fd, header, queue->header_len + packet->len) < 0 ? -errno : 0;
}

unsigned int tl_tun_write(const struct tl_tun_queue *queue, struct tl_packet *packets,
                          unsigned int count)
{
        unsigned int written = 0;

        for (unsigned int i = 0; i < count; i++) {
                packets[i].error = write_one(queue, &packets[i]);
                written += packets[i].error == 0;
        }
        return written;
}

int tl_tun_write_parts(const struct tl_tun_queue *queue, const struct tl_offload *offload,
                       struct iovec *parts, unsigned int count)
{
        uint8_t *header = (uint8_t *)parts[0].iov_base - queue->header_len;

        if (!queue->header_len)
                return -EINVAL;
        memset(header, 0, queue->header_len);
        tl_offload_write(offload, header);
        parts[0] = (struct iovec){header, queue->header_len + parts[0].iov_len};
        return writev(queue->fd, parts, (int)count) < 0 ? -errno : 0;
}
