/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "quick/await.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "client/channel.h"
#include "client/link.h"
#include "conf/address.h"
#include "conf/base64.h"
#include "io/log.h"
#include "io/resolve.h"

#define SOCKET_NAME "tieline-quick/await/"

/* The task's descriptors: the list of names, the listening socket, and an idle connection to the
 * daemon, which closes when the daemon ends. */
enum { NAMES_FD = 0, SOCKET_FD = 3, DAEMON_FD = 4, SPARE_FD = 10 };

enum { PAUSE_MIN_MS = 1000, PAUSE_MAX_MS = 20000, STOP_TIMEOUT_MS = 5000 };

static struct tl_log log_;

/* Writes an abstract address, which disappears when the task ends, however it ends. Returns its
 * length. */
static socklen_t name_socket(struct sockaddr_un *address, const char *ifname)
{
        int len;

        *address = (struct sockaddr_un){.sun_family = AF_UNIX};
        len = snprintf(address->sun_path + 1, sizeof(address->sun_path) - 1, SOCKET_NAME "%s",
                       ifname);
        return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len);
}

/* Whether root is at the other end: any user may bind or connect to an abstract name. */
static bool is_root(int fd)
{
        struct ucred peer;
        socklen_t size = sizeof(peer);

        return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == geteuid();
}

void tl_await_stop(const char *ifname)
{
        struct sockaddr_un address;
        socklen_t len = name_socket(&address, ifname);
        /* Without SOCK_NONBLOCK, a user who binds the name and never accepts would block us. */
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd < 0)
                return;
        if (connect(fd, (const struct sockaddr *)&address, len) == 0 && is_root(fd)) {
                struct pollfd gone = {.fd = fd, .events = POLLIN};

                poll(&gone, 1, STOP_TIMEOUT_MS);
        }
        close(fd);
}

static int listen_for_stop(const char *ifname)
{
        struct sockaddr_un address;
        socklen_t len = name_socket(&address, ifname);
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), error;

        if (fd < 0)
                return -errno;
        if (bind(fd, (const struct sockaddr *)&address, len) == 0 && listen(fd, 4) == 0)
                return fd;
        error = -errno;
        close(fd);
        return error;
}

/* Returns a descriptor of an unnamed file with one line per name: key, port and host. */
static int write_names(const struct tl_names *names)
{
        int fd = memfd_create("names", MFD_CLOEXEC);

        if (fd < 0)
                return -errno;
        for (uint32_t i = 0; i < names->count; i++) {
                const struct tl_name *name = &names->items[i];
                char key[TL_BASE64_LEN(TL_CONF_KEY_LEN) + 1] = "";

                tl_base64_encode(key, name->public_key, TL_CONF_KEY_LEN);
                dprintf(fd, "%s %u %s\n", key, name->port, name->host);
        }
        lseek(fd, 0, SEEK_SET);
        return fd;
}

/* Leaves the command's terminal, session and files, and becomes the task. Runs in the child. */
WG_NORETURN static void become(const char *ifname, int names, int listener, int daemon)
{
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);

        setsid();
        /* Move them out of the way of the numbers they get. */
        names = fcntl(names, F_DUPFD_CLOEXEC, SPARE_FD);
        listener = fcntl(listener, F_DUPFD_CLOEXEC, SPARE_FD);
        daemon = fcntl(daemon, F_DUPFD_CLOEXEC, SPARE_FD);
        dup2(names, NAMES_FD);
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
        dup2(listener, SOCKET_FD);
        dup2(daemon, DAEMON_FD);
        close_range(DAEMON_FD + 1, ~0u, CLOSE_RANGE_CLOEXEC);
        if (chdir("/") == 0)
                execl("/proc/self/exe", "tieline-quick", "--await", ifname, NULL);
        _exit(127);
}

/* Returns once the child has executed the task, and so has no private key in its memory. */
static int spawn(const char *ifname, int names, int listener, int daemon)
{
        int ends[2], error = 0;
        char nothing;
        pid_t pid;

        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        pid = fork();
        if (pid == 0)
                become(ifname, names, listener, daemon);
        if (pid < 0)
                error = -errno;
        close(ends[1]);
        while (!error && read(ends[0], &nothing, 1) < 0 && errno == EINTR)
                continue;
        close(ends[0]);
        return error;
}

int tl_await_start(const char *ifname, const struct tl_names *names)
{
        int list, listener = -1, daemon = -1, error = 0;

        tl_await_stop(ifname);
        list = write_names(names);
        if (list < 0)
                return list;
        listener = listen_for_stop(ifname);
        daemon = listener < 0 ? listener : tl_link_connect(ifname);
        if (daemon < 0) {
                error = daemon;
        } else {
                error = spawn(ifname, list, listener, daemon);
        }
        close(list);
        if (listener >= 0)
                close(listener);
        if (daemon >= 0)
                close(daemon);
        return error;
}

static bool read_names(struct tl_names *names)
{
        FILE *file = fdopen(NAMES_FD, "r");
        char *line = NULL, key[64], host[256];
        uint8_t public_key[TL_CONF_KEY_LEN];
        unsigned int port;
        bool is_good = file;
        size_t size = 0;

        while (is_good && getline(&line, &size, file) > 0)
                is_good = sscanf(line, "%63s %u %255s", key, &port, host) == 3 &&
                          tl_base64_decode(public_key, sizeof(public_key), key, strlen(key)) &&
                          tl_names_add(names, public_key, host, (uint16_t)port);
        free(line);
        if (file)
                fclose(file);
        return is_good;
}

/* State of the worker thread. The main thread, which waits for the end, does not touch it. */
struct task {
        const char *ifname;
        struct tl_names names;
        bool *is_wanted; /* for each name: its peer exists and has no endpoint */
};

static void see_peer(void *ctx, const uint8_t public_key[TL_CONF_KEY_LEN], bool has_endpoint)
{
        struct task *task = ctx;

        for (uint32_t i = 0; !has_endpoint && i < task->names.count; i++)
                if (memcmp(task->names.items[i].public_key, public_key, TL_CONF_KEY_LEN) == 0)
                        task->is_wanted[i] = true;
}

/* Finds out which names are wanted now. Returns 0 or -errno. */
static int find_wanted(struct task *task)
{
        memset(task->is_wanted, 0, task->names.count * sizeof(*task->is_wanted));
        return tl_link_each_peer(task->ifname, see_peer, task);
}

/* Removes the names that are no longer wanted. Returns false if the daemon is gone. */
static bool forget_unwanted(struct task *task)
{
        int error = find_wanted(task);

        /* The daemon is stopped or very busy, and may answer again later. */
        if (error)
                return error == -ETIMEDOUT;
        for (uint32_t i = task->names.count; i-- > 0;) {
                if (task->is_wanted[i])
                        continue;
                task->is_wanted[i] = task->is_wanted[task->names.count - 1];
                tl_names_remove(&task->names, i);
        }
        return true;
}

/* Sets the endpoint of a peer, unless the peer is gone. */
static void set_endpoint(const struct task *task, const struct tl_name *name,
                         const struct wg_endpoint *endpoint)
{
        char text[TL_ADDRESS_ENDPOINT_SIZE];
        struct tl_change change;
        struct tl_change_peer *peer;
        int error = -ENOMEM;

        tl_change_init(&change);
        peer = tl_change_add_peer(&change, name->public_key);
        if (peer) {
                peer->update_only = peer->has_endpoint = true;
                peer->endpoint = *endpoint;
                error = tl_link_set(task->ifname, &change);
        }
        tl_change_done(&change);
        tl_address_format_endpoint(text, endpoint);
        if (error)
                tl_log(&log_, TL_LOG_WARNING, "cannot set the endpoint `%s' to %s: %s", name->host,
                       text, tl_channel_error(error));
        else
                tl_log(&log_, TL_LOG_INFO, "the endpoint `%s' is now %s", name->host, text);
}

/* Looks up each name once, and sets the endpoints of those that resolve and are still wanted.
 * Returns false if the daemon is gone. */
static bool ask_names(struct task *task)
{
        for (uint32_t i = task->names.count; i-- > 0;) {
                struct wg_endpoint endpoint = {0};
                struct tl_name *name = &task->names.items[i];
                int error;

                if (tl_resolve(name->host, 0, &endpoint))
                        continue;
                endpoint.port = name->port;
                error = find_wanted(task);
                if (error)
                        return error == -ETIMEDOUT;
                if (task->is_wanted[i])
                        set_endpoint(task, name, &endpoint);
                tl_names_remove(&task->names, i);
        }
        return true;
}

static void *work(void *argument)
{
        struct task *task = argument;
        int pause_ms = PAUSE_MIN_MS;

        while (forget_unwanted(task) && task->names.count && ask_names(task) && task->names.count) {
                poll(NULL, 0, pause_ms);
                pause_ms = WG_MIN(pause_ms * 3 / 2, (int)PAUSE_MAX_MS);
        }
        _exit(EXIT_SUCCESS);
}

static bool is_stopped(void)
{
        int fd = accept(SOCKET_FD, NULL, NULL);
        bool is_good = fd >= 0 && is_root(fd);

        if (!is_good && fd >= 0)
                close(fd);
        return is_good;
}

/* Ends the task even while a name server blocks the worker, which may take half a minute. */
static void wait_for_end(void)
{
        struct pollfd ends[] = {{.fd = SOCKET_FD, .events = POLLIN},
                                {.fd = DAEMON_FD, .events = POLLIN}};

        for (;;) {
                poll(ends, WG_ARRAY_SIZE(ends), -1);
                if (ends[1].revents || (ends[0].revents && is_stopped()))
                        return;
        }
}

/* Whether the descriptor is a listening socket, which it is not if a user runs `--await`. */
static bool is_listener(int fd)
{
        int listens = 0;
        socklen_t size = sizeof(listens);

        return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens;
}

int tl_await_run(const char *ifname)
{
        struct task task = {.ifname = ifname};
        pthread_t thread;

        if (!is_listener(SOCKET_FD))
                return EXIT_FAILURE;
        signal(SIGPIPE, SIG_IGN);
        fcntl(SOCKET_FD, F_SETFD, FD_CLOEXEC);
        fcntl(DAEMON_FD, F_SETFD, FD_CLOEXEC);
        tl_log_init(&log_, "tieline-quick", ifname, TL_LOG_INFO);
        tl_log_prepare_syslog(&log_);
        tl_log_to_syslog(&log_);
        if (!read_names(&task.names) ||
            !(task.is_wanted = calloc(task.names.count + 1, sizeof(*task.is_wanted))) ||
            pthread_create(&thread, NULL, work, &task) != 0)
                return EXIT_FAILURE;
        wait_for_end();
        _exit(EXIT_SUCCESS);
}
