/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "lab/nodes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/fail.h"
#include "lab/rekey.h"

#define DIRECTORY "/etc/tieline"

/* One node and what it is given. */
struct node {
        const char *network;
        const char *file, *lock;
        size_t file_len, lock_len;
};

uint32_t tl_nodes_count(const struct tl_topology *topology)
{
        uint32_t count = 0;

        for (uint32_t i = 0; i < topology->machine_count; i++)
                count += topology->machines[i].node != TL_MODEL_NONE;
        return count;
}

/* Runs in a machine: becomes this program again, as a process of the machine. */
static int call_ourselves(const char *command, const char *network)
{
        execl("/proc/self/exe", "tieline", command, network, (char *)NULL);
        tl_fail("cannot run tieline: %s", strerror(errno));
        return 127;
}

static int make_key(void *ctx)
{
        const struct node *node = ctx;

        return call_ourselves("key", node->network);
}

static int apply(void *ctx)
{
        const struct node *node = ctx;

        return call_ourselves("apply", node->network);
}

static bool write_file(const struct node *node, const char *suffix, const char *text, size_t len)
{
        char path[128];
        int fd;
        bool is_good;

        snprintf(path, sizeof(path), DIRECTORY "/%s.%s", node->network, suffix);
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        is_good = fd >= 0 && write(fd, text, len) == (ssize_t)len;
        if (!is_good)
                tl_fail("%s: %s", path, strerror(errno));
        if (fd >= 0)
                close(fd);
        return is_good;
}

static int write_files(void *ctx)
{
        const struct node *node = ctx;

        return write_file(node, "yaml", node->file, node->file_len) &&
                               write_file(node, "lock", node->lock, node->lock_len)
                       ? 0
                       : 1;
}

/* The nodes among the machines. Returns how many. */
static uint32_t list(const struct tl_topology *topology, const struct tl_lab_machine **where)
{
        uint32_t count = 0;

        for (uint32_t i = 0; i < topology->machine_count; i++)
                if (topology->machines[i].node != TL_MODEL_NONE)
                        where[count++] = &topology->machines[i];
        return count;
}

/* ---- keys ---- */

/* Returns where the file has the key. */
static struct tl_place pretend_key(struct tl_network_node *node, uint32_t number)
{
        struct tl_place before = node->key_at;

        if (before.line)
                return before;
        memset(node->key, 0xa5, sizeof(node->key));
        memcpy(node->key, &number, sizeof(number));
        node->key_at = node->name.at;
        return before;
}

void tl_nodes_pretend_keys(struct tl_network *network, struct tl_place *key_at)
{
        uint32_t count = 0;

        /* In the order of the nodes of a model. */
        for (uint32_t i = 0; i < network->hub_count; i++, count++)
                key_at[count] = pretend_key(&network->hubs[i].node, count);
        for (uint32_t i = 0; i < network->site_count; i++, count++)
                key_at[count] = pretend_key(&network->sites[i].node, count);
        for (uint32_t i = 0; i < network->person_count; i++)
                for (uint32_t k = 0; k < network->people[i].device_count; k++, count++)
                        key_at[count] = pretend_key(&network->people[i].devices[k].node, count);
}

uint32_t tl_nodes_most(const struct tl_network *network)
{
        uint32_t count = network->hub_count + network->site_count;

        for (uint32_t i = 0; i < network->person_count; i++)
                count += network->people[i].device_count;
        return count;
}

/* Runs `tieline key` everywhere, and reads the public keys that it prints. */
static bool make_keys(struct tl_machines *machines, const struct tl_nodes_source *source,
                      const struct tl_lab_machine *const *where, uint32_t count,
                      struct tl_rekey *keys)
{
        struct node node = {.network = source->model->network->name.text};
        struct tl_job *jobs = calloc(count, sizeof(*jobs));
        bool is_good = jobs != NULL;

        for (uint32_t i = 0; is_good && i < count; i++)
                jobs[i] = (struct tl_job){.holder = tl_machines_holder(machines, where[i]),
                                          .part = TL_SPACE_ALL,
                                          .work = make_key,
                                          .ctx = &node};
        is_good = is_good && tl_jobs_run(machines->jobs, jobs, count, TL_JOBS_BUSY);
        for (uint32_t i = 0; jobs && i < count; i++) {
                const struct tl_node *in_model = &source->model->nodes[where[i]->node];
                char *text = tl_job_text(&jobs[i]);
                size_t len = text ? strcspn(text, "\n") : 0;

                if (!tl_jobs_must_end(machines->jobs) &&
                    (jobs[i].status != 0 || len != TL_REKEY_LEN))
                        is_good = tl_fail("%s: cannot make a key: %s", where[i]->name,
                                          text ? text : "tieline key failed");
                keys[i] = (struct tl_rekey){
                        .name_at = in_model->kind == TL_NODE_SITE
                                           ? source->model->sites[in_model->site].in_file->name.at
                                           : in_model->at,
                        .key_at = source->key_at[where[i]->node]};
                if (len == TL_REKEY_LEN)
                        memcpy(keys[i].key, text, TL_REKEY_LEN);
                free(text);
                tl_job_done(machines->jobs, &jobs[i]);
        }
        free(jobs);
        return is_good;
}

/* Gives all nodes the same file and lock. */
static bool hand_out(struct tl_machines *machines, const struct node *it,
                     const struct tl_lab_machine *const *where, uint32_t count)
{
        struct node *nodes = calloc(count, sizeof(*nodes));
        bool is_good = nodes != NULL;

        for (uint32_t i = 0; is_good && i < count; i++)
                nodes[i] = *it;
        is_good = is_good && tl_machines_do(machines, "cannot write its files", where, count,
                                            TL_JOBS_BUSY, write_files, nodes, sizeof(*nodes));
        free(nodes);
        return is_good;
}

bool tl_nodes_prepare(struct tl_machines *machines, const struct tl_nodes_source *source)
{
        uint32_t most = machines->topology->machine_count, count;
        const struct tl_lab_machine **where = calloc(most, sizeof(*where));
        struct tl_rekey *keys = calloc(most, sizeof(*keys));
        struct node it = {.network = source->model->network->name.text};
        char *file = NULL, *lock = tl_lock_format(source->lock, &it.lock_len);
        bool is_good = false;

        if (!where || !keys || !lock) {
                tl_fail("out of memory");
                goto out;
        }
        count = list(machines->topology, where);
        if (!make_keys(machines, source, where, count, keys))
                goto out;
        file = tl_rekey(source->text, source->len, keys, count, &it.file_len);
        if (!file) {
                tl_fail("cannot put the lab's keys into a copy of the file: give every node a "
                        "`key:' of its own, without anchors and aliases");
                goto out;
        }
        it.file = file;
        it.lock = lock;
        is_good = hand_out(machines, &it, where, count);
out:
        free(lock);
        free(file);
        free(keys);
        free(where);
        return is_good;
}

/* Runs `tieline apply' on some machines at once. */
static bool apply_on(struct tl_machines *machines, const struct tl_nodes_source *source,
                     const struct tl_lab_machine *const *where, uint32_t count)
{
        struct node *nodes = calloc(count + 1u, sizeof(*nodes));
        bool is_good;

        if (!nodes)
                return tl_fail("out of memory");
        for (uint32_t i = 0; i < count; i++)
                nodes[i] = (struct node){.network = source->model->network->name.text};
        is_good = tl_machines_do(machines, "tieline apply", where, count, TL_JOBS_BUSY, apply,
                                 nodes, sizeof(*nodes));
        free(nodes);
        return is_good;
}

bool tl_nodes_apply(struct tl_machines *machines, const struct tl_nodes_source *source,
                    const struct tl_lab_machine *machine)
{
        const struct tl_lab_machine **where;
        uint32_t count, hubs = 0;
        bool is_good;

        if (machine)
                return apply_on(machines, source, &machine, 1);
        where = calloc(machines->topology->machine_count, sizeof(*where));
        if (!where)
                return tl_fail("out of memory");
        count = list(machines->topology, where);
        while (hubs < count && where[hubs]->is_hub)
                hubs++;
        /* A handshake with a hub that is not there yet would be repeated after 5 s. */
        is_good = apply_on(machines, source, where, hubs) &&
                  apply_on(machines, source, where + hubs, count - hubs);
        free(where);
        return is_good;
}
