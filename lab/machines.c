/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "lab/machines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/run.h"
#include "io/fail.h"
#include "lab/script.h"
#include "lab/serve.h"

/* ---- starting ---- */

/* The files that a machine begins with. */
struct files {
        const struct tl_lab_machine *machine;
        const char *hosts;
};

static int write_file(const char *path, const char *text)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        size_t len = strlen(text);
        ssize_t written;

        if (fd < 0)
                return -errno;
        written = write(fd, text, len);
        close(fd);
        return written == (ssize_t)len ? 0 : -EIO;
}

static int write_files(void *ctx)
{
        const struct files *files = ctx;
        int error = write_file("/etc/hosts", files->hosts);

        if (!error)
                error = write_file("/etc/hostname", files->machine->name);
        /* Nobody serves names in a lab; what matters is that the network leaves this file alone. */
        return error ? error : write_file("/etc/resolv.conf", "nameserver 127.0.0.1\n");
}

static int add_machine(struct tl_machines *machines, const struct tl_lab_machine *machine,
                       struct tl_holder *holder)
{
        struct tl_arena arena = {.pieces = NULL};
        struct files files = {machine, tl_script_hosts(&arena, machines->topology, machine)};
        int error = files.hosts ? tl_space_add(&machines->guard, machine->name, write_files, &files,
                                               holder)
                                : -ENOMEM;

        tl_arena_done(&arena);
        return error;
}

bool tl_machines_start(struct tl_machines *machines, const struct tl_topology *topology,
                       struct tl_jobs *jobs)
{
        int error;

        *machines = (struct tl_machines){
                .topology = topology, .jobs = jobs, .guard = TL_HOLDER_NONE};
        machines->holders = calloc(topology->machine_count, sizeof(*machines->holders));
        error = machines->holders ? tl_space_open(&machines->guard) : -ENOMEM;
        jobs->guard = machines->guard.pid;
        while (!error && machines->count < topology->machine_count) {
                uint32_t i = machines->count;

                machines->holders[i] = TL_HOLDER_NONE;
                error = add_machine(machines, &topology->machines[i], &machines->holders[i]);
                machines->count++;
                if (tl_jobs_must_end(jobs))
                        break;
        }
        return !error || tl_fail("cannot make a machine of the lab: %s%s", strerror(-error),
                                 error == -EPERM ? "; this needs root, and a kernel or container "
                                                   "that lets root make namespaces"
                                                 : "");
}

void tl_machines_done(struct tl_machines *machines)
{
        tl_space_close(&machines->guard);
        for (uint32_t i = 0; i < machines->count; i++)
                tl_space_forget(&machines->holders[i]);
        free(machines->holders);
        machines->holders = NULL;
        machines->count = 0;
        if (machines->jobs)
                machines->jobs->guard = 0;
}

/* ---- doing something in many ---- */

const struct tl_holder *tl_machines_holder(const struct tl_machines *machines,
                                           const struct tl_lab_machine *machine)
{
        return &machines->holders[machine - machines->topology->machines];
}

static void report(const char *what, const struct tl_lab_machine *where, const struct tl_job *job)
{
        char *text = tl_job_text(job);

        tl_fail("%s: %s: %s", where->name, what, text ? text : "failed");
        free(text);
}

bool tl_machines_do(struct tl_machines *machines, const char *what,
                    const struct tl_lab_machine *const *where, uint32_t count, uint32_t at_once,
                    int (*work)(void *ctx), void *ctxs, size_t size)
{
        struct tl_job *jobs = calloc(count, sizeof(*jobs));
        bool is_good;

        if (!jobs)
                return !count || tl_fail("%s: out of memory", what);
        for (uint32_t i = 0; i < count; i++)
                jobs[i] = (struct tl_job){.holder = tl_machines_holder(machines, where[i]),
                                          .part = TL_SPACE_ALL,
                                          .work = work,
                                          .ctx = (char *)ctxs + i * size};
        is_good = tl_jobs_run(machines->jobs, jobs, count, at_once);
        for (uint32_t i = 0, told = 0; i < count; i++) {
                if (jobs[i].is_over && jobs[i].status != 0 && !tl_jobs_must_end(machines->jobs) &&
                    !told++)
                        report(what, where[i], &jobs[i]);
                tl_job_done(machines->jobs, &jobs[i]);
        }
        free(jobs);
        return is_good;
}

/* ---- cables, addresses, rules ---- */

/* Runs in the switch, with our own process numbers. */
static int make_cables(void *ctx)
{
        return tl_run_quietly("ip -batch -", ctx) ? 0 : 1;
}

static bool lay_cables(struct tl_machines *machines, struct tl_arena *arena)
{
        pid_t *pids = tl_arena_take(arena, machines->count, sizeof(*pids));
        struct tl_job job = {
                .holder = &machines->guard, .part = TL_SPACE_NETWORK, .work = make_cables};
        bool is_good;
        char *text;

        for (uint32_t i = 0; pids && i < machines->count; i++)
                pids[i] = machines->holders[i].pid;
        job.ctx = pids ? (char *)tl_script_cables(arena, machines->topology, pids) : NULL;
        if (!job.ctx)
                return tl_fail("out of memory");
        is_good = tl_jobs_run(machines->jobs, &job, 1, TL_JOBS_BUSY);
        text = tl_job_text(&job);
        if (!is_good && !tl_jobs_must_end(machines->jobs))
                tl_fail("cannot connect the machines: %s", text ? text : "ip(8) failed");
        free(text);
        tl_job_done(machines->jobs, &job);
        return is_good;
}

/* What a machine needs. */
struct set_up {
        const struct tl_lab_machine *machine;
        const char *script; /* for ip(8) */
};

static int set_up(void *ctx)
{
        const struct set_up *it = ctx;
        const struct tl_lab_machine *machine = it->machine;
        char path[256];

        /* The rules come before the settings: they load conntrack, which has some of these. */
        if (!tl_run_quietly("ip -batch -", it->script) ||
            (machine->nft && !tl_run_quietly("nft -f -", machine->nft)))
                return 1;
        for (uint32_t i = 0; i < machine->setting_count; i++) {
                int error;

                snprintf(path, sizeof(path), "/proc/sys/%s", machine->settings[i].path);
                error = write_file(path, machine->settings[i].value);
                if (error && error != -ENOENT) {
                        tl_fail("%s: %s", path, strerror(-error));
                        return 1;
                }
        }
        return 0;
}

static int serve(void *ctx)
{
        return tl_serve(ctx);
}

bool tl_machines_serve(struct tl_machines *machines, const struct tl_lab_machine *machine)
{
        struct tl_job job = {.holder = tl_machines_holder(machines, machine),
                             .part = TL_SPACE_ALL,
                             .work = serve,
                             .ctx = (void *)machine};

        return !machine->listener_count || tl_jobs_start(machines->jobs, &job) == 0 ||
               tl_fail("%s: cannot start its servers", machine->name);
}

static bool start_servers(struct tl_machines *machines)
{
        bool is_good = true;

        for (uint32_t i = 0; is_good && i < machines->count; i++)
                is_good = tl_machines_serve(machines, &machines->topology->machines[i]);
        return is_good;
}

bool tl_machines_connect(struct tl_machines *machines)
{
        const struct tl_topology *topology = machines->topology;
        struct tl_arena arena = {.pieces = NULL};
        struct set_up *ctxs = tl_arena_take(&arena, machines->count, sizeof(*ctxs));
        const struct tl_lab_machine **where = tl_arena_take(&arena, machines->count,
                                                            sizeof(*where));
        bool is_good = ctxs && where;

        for (uint32_t i = 0; is_good && i < machines->count; i++) {
                where[i] = &topology->machines[i];
                ctxs[i] = (struct set_up){where[i], tl_script_machine(&arena, where[i])};
                is_good = ctxs[i].script != NULL;
        }
        if (!is_good)
                tl_fail("out of memory");
        is_good = is_good && lay_cables(machines, &arena) &&
                  tl_machines_do(machines, "cannot set it up", where, machines->count, TL_JOBS_BUSY,
                                 set_up, ctxs, sizeof(*ctxs)) &&
                  start_servers(machines);
        tl_arena_done(&arena);
        return is_good;
}
