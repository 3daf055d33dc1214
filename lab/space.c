/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "lab/space.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Where a machine still finds the host's /etc and /var/lib. */
#define HOST_FILES "/run/host"

/* What a machine has of its own in a directory that it otherwise shares. */
static const char *const OWN_ETC[] = {"tieline",     "wireguard", "hosts",
                                      "resolv.conf", "hostname",  NULL};
static const char *const OWN_VAR_LIB[] = {"tieline", NULL};

/* Settings of a new network namespace, before it has a link: some kernels pass on those of the
 * host. Addresses are usable at once, and only the lab gives out routes. */
static const struct {
        const char *path, *value;
} SETTINGS[] = {
        {"/proc/sys/net/ipv4/conf/all/rp_filter", "0"},
        {"/proc/sys/net/ipv4/conf/default/rp_filter", "0"},
        {"/proc/sys/net/ipv4/conf/all/forwarding", "0"},
        {"/proc/sys/net/ipv4/conf/default/forwarding", "0"},
        {"/proc/sys/net/ipv4/conf/all/send_redirects", "0"},
        {"/proc/sys/net/ipv4/conf/default/send_redirects", "0"},
        {"/proc/sys/net/ipv4/icmp_ratelimit", "0"},
        {"/proc/sys/net/ipv6/conf/default/accept_dad", "0"},
        {"/proc/sys/net/ipv6/conf/all/accept_ra", "0"},
        {"/proc/sys/net/ipv6/conf/default/accept_ra", "0"},
};

/* ---- the guard ---- */

/* Like fork(2), with flags of clone(2). The arguments of clone(2) itself differ by architecture. */
static pid_t fork_with(uint64_t flags)
{
        struct clone_args args = {.flags = flags, .exit_signal = SIGCHLD};

        return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

static void write_setting(const char *path, const char *value)
{
        int fd = open(path, O_WRONLY | O_CLOEXEC);

        if (fd < 0)
                return; /* this kernel lacks the protocol */
        if (write(fd, value, strlen(value)) < 0) {
                /* The kernel's default has to do. */
        }
        close(fd);
}

/* Leaves the terminal and all files of the parent, except one. */
static void detach(const char *name, int kept)
{
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);

        setsid();
        prctl(PR_SET_NAME, name);
        for (int fd = 0; fd <= 2; fd++)
                dup2(null, fd);
        if (kept > 3)
                close_range(3, (unsigned int)kept - 1, 0);
        close_range((unsigned int)kept + 1, UINT_MAX, 0);
}

/* Adopts and reaps orphans until it is killed. As the init of a pid namespace, it receives no other
 * signal. */
WG_NORETURN static void hold(void)
{
        signal(SIGCHLD, SIG_IGN);
        for (;;)
                pause();
}

/* The parent answers only once the kernel knows that we want to die with it: otherwise we might
 * miss its death. */
WG_NORETURN static void guard_lab(int parent)
{
        char byte = 0;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (send(parent, &byte, 1, MSG_NOSIGNAL) != 1 || recv(parent, &byte, 1, 0) != 1)
                _exit(1);
        detach("tieline-lab", parent);
        close(parent);
        write_setting("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
        hold();
}

/* Returns 0, or -ECHILD if the guard is gone. */
static int greet_guard(int end)
{
        char byte;

        return recv(end, &byte, 1, 0) == 1 && send(end, &byte, 1, MSG_NOSIGNAL) == 1 ? 0 : -ECHILD;
}

static int keep(struct tl_holder *holder, pid_t pid)
{
        int pidfd = pidfd_open(pid, 0);

        if (pidfd < 0) {
                int error = -errno;

                kill(pid, SIGKILL);
                return error;
        }
        *holder = (struct tl_holder){.pid = pid, .pidfd = pidfd};
        return 0;
}

int tl_space_open(struct tl_holder *guard)
{
        int ends[2], error;
        pid_t pid;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
                return -errno;
        pid = fork_with(CLONE_NEWPID | CLONE_NEWNET);
        if (pid == 0) {
                close(ends[0]);
                guard_lab(ends[1]);
        }
        error = pid < 0 ? -errno : keep(guard, pid);
        close(ends[1]);
        if (!error)
                error = greet_guard(ends[0]);
        close(ends[0]);
        return error;
}

void tl_space_forget(struct tl_holder *machine)
{
        if (machine->pidfd >= 0)
                close(machine->pidfd);
        *machine = TL_HOLDER_NONE;
}

void tl_space_close(struct tl_holder *guard)
{
        if (guard->pid <= 0)
                return;
        kill(guard->pid, SIGKILL);
        /* The guard ends after all others; those that we forked into the lab are ours to reap. */
        for (pid_t pid = 0; pid != guard->pid;) {
                pid = waitpid(-1, NULL, 0);
                if (pid < 0 && errno != EINTR)
                        break;
        }
        tl_space_forget(guard);
}

/* ---- the files of a machine ---- */

static bool is_listed(const char *const *names, const char *name)
{
        while (*names && strcmp(*names, name) != 0)
                names++;
        return *names != NULL;
}

/* Makes the entry of a directory in its copy: the same link, or a link to the original. */
static int link_entry(int dir, const char *original, const char *copy, const char *name)
{
        char target[PATH_MAX], path[PATH_MAX];
        ssize_t len = readlinkat(dir, name, target, sizeof(target) - 1);

        if (len < 0)
                len = snprintf(target, sizeof(target), "%s/%s", original, name);
        if (len >= (ssize_t)sizeof(target) ||
            snprintf(path, sizeof(path), "%s/%s", copy, name) >= (int)sizeof(path))
                return -ENAMETOOLONG;
        target[len] = '\0';
        return symlink(target, path) < 0 ? -errno : 0;
}

static int link_entries(const char *original, const char *copy, const char *const *own)
{
        DIR *dir = opendir(original);
        int error = dir ? 0 : -errno;

        for (const struct dirent *entry; !error && (entry = readdir(dir));) {
                const char *name = entry->d_name;

                if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && !is_listed(own, name))
                        error = link_entry(dirfd(dir), original, copy, name);
        }
        if (dir)
                closedir(dir);
        return error;
}

static int make_directory(const char *path, mode_t mode)
{
        return mkdir(path, mode) < 0 && errno != EEXIST ? -errno : 0;
}

static int mount_memory(const char *path, const char *options)
{
        return mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, options) < 0 ? -errno : 0;
}

/* Replaces a directory by one in memory that leads to the entries of the original, except its
 * `own`, of which "tieline" is made. */
static int shadow(const char *path, const char *original, const char *const *own)
{
        char ours[PATH_MAX];
        int error;

        if (mkdir(original, 0755) < 0 || mount(path, original, NULL, MS_BIND | MS_REC, NULL) < 0)
                return -errno;
        error = mount_memory(path, "mode=0755");
        if (!error)
                error = link_entries(original, path, own);
        snprintf(ours, sizeof(ours), "%s/tieline", path);
        return error ? error : make_directory(ours, 0755);
}

/* The machine's own directory for sockets and pid files. */
static int make_run(void)
{
        char target[PATH_MAX];
        int error = mount_memory("/run", "mode=0755");

        if (!error && (!realpath("/var/run", target) || strcmp(target, "/run") != 0))
                error = mount_memory("/var/run", "mode=0755");
        return error ? error : make_directory(HOST_FILES, 0755);
}

static int make_files(const char *name)
{
        int error;

        if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                return -errno;
        error = make_run();
        if (!error)
                error = shadow("/etc", HOST_FILES "/etc", OWN_ETC);
        if (!error)
                error = shadow("/var/lib", HOST_FILES "/lib", OWN_VAR_LIB);
        if (error)
                return error;
        if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
                return -errno;
        /* A container may forbid this; then /sys/class/net shows the links of the host. */
        if (mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
                errno = 0;
        return sethostname(name, strlen(name)) < 0 ? -errno : 0;
}

/* ---- machines ---- */

struct plan {
        const char *name;
        int (*files)(void *ctx);
        void *ctx;
};

WG_NORETURN static void be_machine(const struct plan *plan, int report)
{
        char hostname[64], comm[80];
        int error;

        snprintf(hostname, sizeof(hostname), "%s", plan->name);
        for (char *slash = hostname; (slash = strchr(slash, '/'));)
                *slash = '-'; /* of "person/device" */
        snprintf(comm, sizeof(comm), "lab:%s", plan->name);
        detach(comm, report);
        error = make_files(hostname);
        for (size_t i = 0; i < WG_ARRAY_SIZE(SETTINGS); i++)
                write_setting(SETTINGS[i].path, SETTINGS[i].value);
        if (!error)
                error = plan->files(plan->ctx);
        if (write(report, &error, sizeof(error)) != sizeof(error) || error)
                _exit(1);
        close(report);
        hold();
}

/* Forks with the pid namespace of a holder; the parent stays in its own. */
static pid_t fork_into(const struct tl_holder *holder)
{
        int home = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
        pid_t pid = -1;
        int error = 0;

        if (home < 0)
                return -errno;
        if (setns(holder->pidfd, CLONE_NEWPID) == 0)
                pid = fork();
        if (pid < 0)
                error = -errno;
        if (pid != 0 && setns(home, CLONE_NEWPID) < 0)
                abort(); /* the lab would swallow all our children */
        close(home);
        return error ? error : pid;
}

/* Only a process whose own pid namespace is the guard's can make one in it: this is a child that
 * exits at once and leaves the machine to the guard. */
WG_NORETURN static void make_machine(const struct plan *plan, int report)
{
        pid_t pid = fork_with(CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS);

        if (pid == 0)
                be_machine(plan, report);
        _exit(pid < 0 ? errno : 0);
}

static int wait_for(pid_t pid)
{
        int status;

        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        return WIFEXITED(status) ? -WEXITSTATUS(status) : -ECHILD;
}

/* Receives the report of a machine: whether it is ready, and, from the kernel, its process number
 * as we see it. */
static int receive_report(int end, struct tl_holder *machine)
{
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(sizeof(struct ucred))];
        } control;
        int error = 0;
        struct iovec part = {&error, sizeof(error)};
        struct msghdr message = {.msg_iov = &part,
                                 .msg_iovlen = 1,
                                 .msg_control = &control,
                                 .msg_controllen = sizeof(control)};
        struct ucred sender;

        if (recvmsg(end, &message, MSG_CMSG_CLOEXEC) != sizeof(error))
                return -ECHILD; /* killed on the way */
        if (error)
                return error;
        if (message.msg_controllen < sizeof(struct cmsghdr) ||
            control.header.cmsg_type != SCM_CREDENTIALS)
                return -EPROTO;
        memcpy(&sender, CMSG_DATA(&control.header), sizeof(sender));
        return keep(machine, sender.pid);
}

int tl_space_add(const struct tl_holder *guard, const char *name, int (*files)(void *ctx),
                 void *ctx, struct tl_holder *machine)
{
        const struct plan plan = {name, files, ctx};
        int ends[2], error, yes = 1;
        pid_t pid;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
                return -errno;
        setsockopt(ends[0], SOL_SOCKET, SO_PASSCRED, &yes, sizeof(yes));
        pid = fork_into(guard);
        if (pid == 0) {
                close(ends[0]);
                make_machine(&plan, ends[1]);
        }
        close(ends[1]);
        error = pid < 0 ? pid : wait_for(pid);
        if (!error)
                error = receive_report(ends[0], machine);
        close(ends[0]);
        return error;
}

/* ---- inside ---- */

static int enter(const struct tl_holder *holder, enum tl_space_part part)
{
        int flags = part == TL_SPACE_ALL ? CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWUTS : CLONE_NEWNET;

        return setns(holder->pidfd, flags) < 0 ? -errno : 0;
}

pid_t tl_space_fork(const struct tl_holder *holder, enum tl_space_part part)
{
        pid_t parent = getpid();
        pid_t pid = part == TL_SPACE_ALL ? fork_into(holder) : fork();

        if (pid < 0)
                return part == TL_SPACE_ALL ? pid : -errno;
        if (pid > 0)
                return pid;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if ((part == TL_SPACE_NETWORK && getppid() != parent) || enter(holder, part) < 0)
                _exit(126);
        return 0;
}

int tl_space_kill_all(const struct tl_holder *machine)
{
        pid_t pid = tl_space_fork(machine, TL_SPACE_ALL);

        if (pid < 0)
                return pid;
        if (pid == 0) {
                kill(-1, SIGKILL); /* neither us nor the holder */
                _exit(0);
        }
        return wait_for(pid);
}
