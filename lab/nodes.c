/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "lab/nodes.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "conf/text.h"
#include "host/run.h"
#include "io/fail.h"
#include "io/file.h"
#include "lab/rekey.h"
#include "net/stockfile.h"

#define DIRECTORY "/etc/tieline"
#define STOCK_DIRECTORY "/etc/wireguard"

enum { GONE_MS = 2000 }; /* for the interface of a process that has been killed */

/* One node and what it is given. */
struct node {
        const char *network;
        const char *file, *lock;
        size_t file_len, lock_len;
        char *stock_file; /* of a stock device, which gets nothing else; NULL: it is none */
        size_t key_at;    /* in it */
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

/* Inserts the key that `tieline key` has made, in base64 with a newline, into the file. */
static int write_with_key(const struct node *node, const char *path, const struct tl_file *key)
{
        static const char NAME[] = "PrivateKey = ";
        struct tl_text head = {node->stock_file, node->key_at};
        struct tl_text tail = {node->stock_file + node->key_at,
                               strlen(node->stock_file + node->key_at)};
        size_t len = head.len + strlen(NAME) + key->len + tail.len;
        char *text = malloc(len), *at = text;
        int error;

        if (!text)
                return -ENOMEM;
        at = mempcpy(at, head.at, head.len);
        at = mempcpy(at, NAME, strlen(NAME));
        at = mempcpy(at, key->text, key->len);
        memcpy(at, tail.at, tail.len);
        error = tl_file_create(path, text, len);
        wg_wipe(text, len);
        free(text);
        return error;
}

/* Afterwards only the file for wg-quick has the private key, as on a device that never saw us. */
static int write_stock_file(const struct node *node)
{
        char key_path[128], path[128];
        struct tl_file key;
        int error;

        snprintf(key_path, sizeof(key_path), DIRECTORY "/%s.key", node->network);
        snprintf(path, sizeof(path), STOCK_DIRECTORY "/%s.conf", node->network);
        error = tl_file_read(&key, key_path);
        if (!error && mkdir(STOCK_DIRECTORY, 0700) < 0 && errno != EEXIST)
                error = -errno;
        if (!error)
                error = write_with_key(node, path, &key);
        tl_file_done(&key);
        if (!error && (unlink(key_path) < 0 || rmdir(DIRECTORY) < 0))
                error = -errno;
        if (error)
                tl_fail("%s: %s", path, strerror(-error));
        return error ? 1 : 0;
}

static int write_files(void *ctx)
{
        const struct node *node = ctx;

        if (node->stock_file)
                return write_stock_file(node);
        return write_file(node, "yaml", node->file, node->file_len) &&
                               write_file(node, "lock", node->lock, node->lock_len)
                       ? 0
                       : 1;
}

/* The nodes among the machines, stock devices last. Returns how many. */
static uint32_t list(const struct tl_topology *topology, const struct tl_lab_machine **where)
{
        uint32_t count = 0;

        for (int is_stock = 0; is_stock <= 1; is_stock++)
                for (uint32_t i = 0; i < topology->machine_count; i++)
                        if (topology->machines[i].node != TL_MODEL_NONE &&
                            topology->machines[i].is_stock == is_stock)
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

/* Writes the files of stock devices from a model with the lab's keys. */
static bool write_stock_files(struct node *nodes, const struct tl_lab_machine *const *where,
                              uint32_t count, const struct tl_model *model,
                              struct tl_findings *findings)
{
        for (uint32_t i = 0; i < count; i++) {
                if (!where[i]->is_stock)
                        continue;
                nodes[i].stock_file = tl_stockfile_make(model, where[i]->node, &nodes[i].key_at,
                                                        findings);
                if (!nodes[i].stock_file)
                        return false;
        }
        return true;
}

/* The same from the file that the other nodes get. */
static bool make_stock_files(struct node *nodes, const struct tl_lab_machine *const *where,
                             uint32_t count, const struct node *it, const struct tl_lock *lock)
{
        struct tl_findings findings = {.errors = 0};
        struct tl_network network = {.hub_count = 0};
        struct tl_model model = {.network = NULL};
        bool is_good = tl_network_parse(&network, it->file, it->file_len, &findings) &&
                       tl_model_build(&model, &network, lock, &findings) &&
                       write_stock_files(nodes, where, count, &model, &findings);

        if (!is_good)
                tl_findings_write(&findings, "the lab's copy of the file", stderr);
        tl_model_done(&model);
        tl_network_done(&network);
        tl_findings_done(&findings);
        return is_good;
}

/* Gives all nodes the same file and lock, and stock devices one of their own. */
static bool hand_out(struct tl_machines *machines, const struct node *it,
                     const struct tl_lock *lock, const struct tl_lab_machine *const *where,
                     uint32_t count)
{
        struct node *nodes = calloc(count, sizeof(*nodes));
        bool is_good = nodes != NULL, has_stock = false;

        for (uint32_t i = 0; is_good && i < count; i++) {
                nodes[i] = *it;
                has_stock |= where[i]->is_stock;
        }
        is_good = is_good && (!has_stock || make_stock_files(nodes, where, count, it, lock)) &&
                  tl_machines_do(machines, "cannot write its files", where, count, TL_JOBS_BUSY,
                                 write_files, nodes, sizeof(*nodes));
        for (uint32_t i = 0; nodes && i < count; i++)
                free(nodes[i].stock_file);
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
        is_good = hand_out(machines, &it, source->lock, where, count);
out:
        free(lock);
        free(file);
        free(keys);
        free(where);
        return is_good;
}

/* ---- what was there before ---- */

struct preparation {
        const char *machine, *command;
};

static int prepare(void *ctx)
{
        const struct preparation *it = ctx;

        setenv("TIELINE_MACHINE", it->machine, 1);
        execl("/bin/sh", "sh", "-ec", it->command, (char *)NULL);
        tl_fail("cannot run sh: %s", strerror(errno));
        return 127;
}

bool tl_nodes_run(struct tl_machines *machines, const char *command)
{
        uint32_t most = machines->topology->machine_count, count;
        const struct tl_lab_machine **where = calloc(most, sizeof(*where));
        struct preparation *items = calloc(most, sizeof(*items));
        bool is_good = where && items;

        if (is_good) {
                count = list(machines->topology, where);
                for (uint32_t i = 0; i < count; i++)
                        items[i] = (struct preparation){where[i]->name, command};
                is_good = tl_machines_do(machines, "the command of --before", where, count,
                                         TL_JOBS_BUSY, prepare, items, sizeof(*items));
        } else {
                tl_fail("out of memory");
        }
        free(items);
        free(where);
        return is_good;
}

/* ---- bringing them up ---- */

const char *tl_nodes_stock_program(void)
{
        return tl_run_has("tieline-quick") ? "tieline-quick"
               : tl_run_has("wg-quick")    ? "wg-quick"
                                           : NULL;
}

/* After a restart, the interface of a process goes by itself, if not at once; the kernel's stays
 * until it is taken down. Returns whether there is none. */
static bool is_down(const char *program, const char *ifname)
{
        char command[64];

        for (int waited_ms = 0; if_nametoindex(ifname) && waited_ms < GONE_MS; waited_ms += 10)
                usleep(10000);
        if (!if_nametoindex(ifname))
                return true;
        snprintf(command, sizeof(command), "%s down %s", program, ifname);
        return tl_run_quietly(command, NULL) || !if_nametoindex(ifname);
}

static int bring_up(void *ctx)
{
        const struct node *node = ctx;
        const char *program = tl_nodes_stock_program();
        char command[64];

        if (!program || !is_down(program, node->network))
                return 1;
        setenv("WG_QUICK_USERSPACE_IMPLEMENTATION", "tielined", 1);
        snprintf(command, sizeof(command), "%s up %s", program, node->network);
        return tl_run_quietly(command, NULL) ? 0 : 1;
}

/* Runs `tieline apply' on some machines at once, or brings up stock devices. */
static bool apply_on(struct tl_machines *machines, const struct tl_nodes_source *source,
                     const struct tl_lab_machine *const *where, uint32_t count)
{
        bool is_stock = count && where[0]->is_stock;
        struct node *nodes = calloc(count + 1u, sizeof(*nodes));
        bool is_good;

        if (!nodes)
                return tl_fail("out of memory");
        for (uint32_t i = 0; i < count; i++)
                nodes[i] = (struct node){.network = source->model->network->name.text};
        is_good = tl_machines_do(machines, is_stock ? tl_nodes_stock_program() : "tieline apply",
                                 where, count, TL_JOBS_BUSY, is_stock ? bring_up : apply, nodes,
                                 sizeof(*nodes));
        free(nodes);
        return is_good;
}

bool tl_nodes_apply(struct tl_machines *machines, const struct tl_nodes_source *source,
                    const struct tl_lab_machine *machine)
{
        const struct tl_lab_machine **where;
        uint32_t count, hubs = 0, ours;
        bool is_good;

        if (machine)
                return apply_on(machines, source, &machine, 1);
        where = calloc(machines->topology->machine_count, sizeof(*where));
        if (!where)
                return tl_fail("out of memory");
        count = list(machines->topology, where);
        while (hubs < count && where[hubs]->is_hub)
                hubs++;
        ours = hubs;
        while (ours < count && !where[ours]->is_stock)
                ours++;
        /* A handshake with a hub that is not there yet would be repeated after 5 s. */
        is_good = apply_on(machines, source, where, hubs) &&
                  apply_on(machines, source, where + hubs, ours - hubs) &&
                  apply_on(machines, source, where + ours, count - ours);
        free(where);
        return is_good;
}
