/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "lab/lab.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/run.h"
#include "io/fail.h"
#include "lab/disturb.h"
#include "lab/matrix.h"
#include "lab/presence.h"
#include "lab/report.h"
#include "lab/state.h"
#include "lab/topology_make.h"
#include "lab/view.h"

WG_ENUM_DEFINE(tl_lab_end, TL_LAB_ENDS)

enum {
        TUNNELS_MS = 20000,   /* for the first handshakes, on a busy machine */
        RECOVERY_MS = 180000, /* a session that its other end has lost lasts 120 s */
        AT_ONCE_MS = 100,
        EXEC_FAILED = 125,
};

struct lab {
        const struct tl_lab_order *order;
        struct tl_nodes_source source;
        struct tl_place *key_at; /* of the source */
        struct tl_view view;
        struct tl_findings findings;
        struct tl_model model;
        struct tl_policy policy;
        struct tl_plans plans;
        struct tl_expect_list expectations;
        struct tl_topology topology;
        struct tl_jobs jobs;
        struct tl_machines machines;
        struct tl_lab_state state;
        struct tl_matrix matrix;
        struct tl_disturb *disturbances;
        uint32_t disturbance_count;
        struct tl_report_writer *report; /* NULL: no JSON */
        bool is_as_expected;
};

/* ---- before anything is built ---- */

static bool reject(const struct lab *lab)
{
        tl_findings_write(&lab->findings, lab->order->file, stderr);
        return false;
}

/* Evaluates the model: what the file expects, and the machines that this needs. */
static bool think(struct lab *lab)
{
        const struct tl_lab_order *order = lab->order;
        struct tl_topology_wish *wishes;
        uint32_t count = 0;
        bool is_good, has_stock = tl_nodes_stock_program() != NULL;

        lab->key_at = calloc(tl_nodes_most(order->network) + 1, sizeof(*lab->key_at));
        if (!lab->key_at)
                return tl_fail("out of memory");
        tl_nodes_pretend_keys(order->network, lab->key_at);
        if (!tl_model_build(&lab->model, order->network, order->lock, &lab->findings) ||
            (!tl_presence_add(&lab->model) && !tl_fail("out of memory")) ||
            !tl_policy_build(&lab->policy, &lab->model, &lab->findings) ||
            !tl_plans_init(&lab->plans, &lab->model, &lab->policy) ||
            !tl_expect_check(&lab->expectations, &lab->plans, &lab->findings))
                return reject(lab);
        lab->source = (struct tl_nodes_source){.model = &lab->model,
                                               .text = order->text,
                                               .len = order->len,
                                               .lock = order->lock,
                                               .key_at = lab->key_at};
        if (has_stock)
                tl_presence_check(&lab->model, &lab->findings);
        if (tl_findings_has_errors(&lab->findings))
                return reject(lab);
        wishes = calloc(2 * (size_t)lab->expectations.count + 1, sizeof(*wishes));
        if (!wishes)
                return tl_fail("out of memory");
        for (uint32_t i = 0; i < lab->expectations.count; i++) {
                const struct tl_explanation *e = &lab->expectations.items[i].explanation;

                wishes[count++] = (struct tl_topology_wish){e->destination, e->protocol, e->port};
                wishes[count++] = (struct tl_topology_wish){e->source, WG_PROTOCOL_ICMP, 0};
        }
        is_good = tl_topology_make(&lab->topology, &lab->model, wishes, count, has_stock,
                                   &lab->findings);
        free(wishes);
        return is_good || reject(lab);
}

static bool read_disturbances(struct lab *lab)
{
        const char *names = lab->order->disturbances;
        struct tl_text rest = {names, names ? strlen(names) : 0};

        while (names && rest.at <= names + strlen(names)) {
                size_t len = tl_text_find(rest, ',');
                struct tl_disturb *grown = realloc(lab->disturbances,
                                                   (lab->disturbance_count + 1) *
                                                           sizeof(*lab->disturbances));

                if (!grown)
                        return tl_fail("out of memory");
                lab->disturbances = grown;
                if (!tl_disturb_parse(&grown[lab->disturbance_count++], tl_text_head(rest, len),
                                      &lab->topology))
                        return false;
                if (len == rest.len)
                        break;
                rest = tl_text_tail(rest, len + 1);
        }
        return true;
}

/* tielined and tieline-quick may be in build directories beside ours, and not in PATH. */
static void find_programs(void)
{
        char self[PATH_MAX], *slash, *path;
        const char *before = getenv("PATH");
        ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

        self[WG_MAX(len, 0)] = '\0';
        slash = strrchr(self, '/');
        if (!slash)
                return;
        *slash = '\0';
        if (asprintf(&path, "%s/../daemon:%s/../quick:%s", self, self, before ? before : "") < 0)
                return;
        setenv("PATH", path, 1);
        free(path);
}

static bool is_possible(void)
{
        static const char *const PROGRAMS[] = {"ip", "nft", "tielined"};

        if (geteuid() != 0)
                return tl_fail("this needs root, for namespaces");
        for (size_t i = 0; i < WG_ARRAY_SIZE(PROGRAMS); i++)
                if (!tl_run_has(PROGRAMS[i]))
                        return tl_fail("%s is not installed", PROGRAMS[i]);
        return access("/dev/net/tun", R_OK | W_OK) == 0 ||
               tl_fail("/dev/net/tun: %s", strerror(errno));
}

/* ---- building ---- */

static bool take_name(struct lab *lab)
{
        pid_t owner = 0;
        int error = tl_lab_state_take(&lab->state, lab->order->name, &owner);

        if (error == -EBUSY)
                return tl_fail("a lab called `%s' is already running (process %d): end it with "
                               "`tieline lab down %s', or give this one another name with --name",
                               lab->order->name, (int)owner, lab->order->name);
        return !error || tl_fail(TL_LAB_DIRECTORY "/%s: %s", lab->order->name, strerror(-error));
}

static bool record(struct lab *lab)
{
        char path[PATH_MAX];
        const char *file = realpath(lab->order->file, path) ? path : lab->order->file;
        int error = tl_lab_state_write(&lab->state, file, &lab->machines);

        return !error || tl_fail("%s: %s", lab->state.path, strerror(-error));
}

/* The stock devices of the file. */
static uint32_t count_stock(const struct tl_model *model)
{
        uint32_t count = 0;

        for (uint32_t i = 0; i < model->node_count; i++)
                count += model->nodes[i].is_stock;
        return count;
}

/* Waits until every node that may ping its hub does. */
static bool await_tunnels(struct lab *lab)
{
        if (!tl_matrix_recover(&lab->matrix, &lab->machines, TUNNELS_MS))
                return !tl_jobs_must_end(&lab->jobs);
        return true;
}

static bool build(struct lab *lab)
{
        const struct tl_view *view = &lab->view;
        const struct tl_nodes_source *source = &lab->source;
        const char *program = tl_nodes_stock_program();
        uint32_t stock = count_stock(source->model);
        uint32_t nodes = tl_nodes_count(&lab->topology), ours = program ? nodes - stock : nodes;

        tl_view_doing(view, "starting %u machines", lab->topology.machine_count);
        if (!tl_machines_start(&lab->machines, &lab->topology, &lab->jobs) ||
            tl_jobs_must_end(&lab->jobs) || !record(lab) || !tl_machines_connect(&lab->machines))
                return false;
        tl_view_step(view, "%u machines, connected by %u cables and switches",
                     lab->topology.machine_count, lab->topology.segment_count);
        tl_view_doing(view, "making keys for %u nodes", nodes);
        if (!tl_nodes_prepare(&lab->machines, source))
                return false;
        if (lab->order->before) {
                tl_view_doing(view, "running the command of --before on %u nodes", nodes);
                if (!tl_nodes_run(&lab->machines, lab->order->before))
                        return false;
        }
        tl_view_doing(view, "tieline apply on %u nodes", ours);
        if (!tl_nodes_apply(&lab->machines, source, NULL))
                return false;
        tl_view_step(view, "`tieline apply' has run on all %u nodes", ours);
        if (stock && program)
                tl_view_step(view, "`%s up' has run on %u stock device%s", program, stock,
                             stock == 1 ? "" : "s");
        else if (stock)
                tl_view_step(view,
                             "%u stock device%s left out: neither tieline-quick nor wg-quick is "
                             "installed",
                             stock, stock == 1 ? " is" : "s are");
        return true;
}

/* ---- trying ---- */

/* Prints what the last run found. After a disturbance, the details are of interest only if
 * something is wrong. */
static void show(struct lab *lab, bool is_first)
{
        struct tl_matrix_summary summary;
        bool is_good;

        tl_matrix_count(&lab->matrix, &summary);
        is_good = !summary.wrong && summary.met == summary.tests;
        lab->is_as_expected &= is_good;
        if (lab->order->is_json)
                return;
        if (is_first || !is_good) {
                tl_view_matrix(&lab->view, &lab->matrix);
                tl_view_tests(&lab->view, &lab->matrix, lab->order->file);
                fputc('\n', lab->view.out);
        }
        tl_view_summary(&lab->view, &summary);
}

static bool test(struct lab *lab)
{
        tl_view_doing(&lab->view, "waiting for the tunnels");
        if (!await_tunnels(lab))
                return false;
        tl_view_step(&lab->view, "the tunnels are up");
        tl_view_doing(&lab->view, "trying %u connections", lab->matrix.probe_count);
        if (!tl_matrix_run(&lab->matrix, &lab->machines, TL_MATRIX_PATIENCE_MS))
                return false;
        tl_view_step(&lab->view, "tried %u connections", lab->matrix.probe_count);
        show(lab, true);
        if (lab->report)
                tl_report_add(lab->report, &lab->matrix, NULL, 0);
        return true;
}

static bool disturb(struct lab *lab, const struct tl_disturb *disturb)
{
        char name[32];
        bool has_recovered;
        int recovered_ms;

        tl_disturb_name(disturb->what, name);
        tl_view_title(&lab->view, "%s: %s (%s)", name, tl_disturbance_text(disturb->what),
                      disturb->where->name);
        tl_view_doing(&lab->view, "%s", name);
        if (!tl_disturb_do(disturb, &lab->machines, &lab->source))
                return false;
        tl_view_doing(&lab->view, "waiting for the network to recover");
        has_recovered = tl_matrix_recover(&lab->matrix, &lab->machines, RECOVERY_MS);
        if (tl_jobs_must_end(&lab->jobs))
                return false;
        lab->is_as_expected &= has_recovered;
        if (has_recovered && lab->matrix.slowest_ms < AT_ONCE_MS)
                tl_view_step(&lab->view, "recovered at once");
        else if (has_recovered)
                tl_view_step(&lab->view, "recovered after %.1f s", lab->matrix.slowest_ms / 1000.0);
        else
                tl_view_step(&lab->view, "not recovered after %u s", RECOVERY_MS / 1000);
        recovered_ms = has_recovered ? (int)lab->matrix.slowest_ms : -1;
        tl_view_doing(&lab->view, "trying %u connections", lab->matrix.probe_count);
        if (!tl_matrix_run(&lab->matrix, &lab->machines, TL_MATRIX_PATIENCE_MS))
                return false;
        if (lab->report)
                tl_report_add(lab->report, &lab->matrix, disturb, recovered_ms);
        tl_view_step(&lab->view, "tried %u connections", lab->matrix.probe_count);
        show(lab, false);
        return true;
}

static bool test_all(struct lab *lab)
{
        bool is_good = test(lab);

        for (uint32_t i = 0; is_good && i < lab->disturbance_count; i++)
                is_good = disturb(lab, &lab->disturbances[i]);
        if (is_good && lab->report)
                is_good = tl_report_print(lab->report, lab->is_as_expected);
        return is_good;
}

/* ---- looking around ---- */

/* Runs the user's command or shell in the foreground of the terminal, on this machine, with
 * TIELINE_LAB set. Signals of the terminal are the command's business. Returns its exit status. */
static int run_command(struct lab *lab, char *const *command)
{
        struct tl_job job = {.output = -1};

        fflush(stdout);
        job.pid = fork();
        if (job.pid == 0) {
                tl_jobs_forget(&lab->jobs);
                setenv("TIELINE_LAB", lab->order->name, 1);
                execvp(command[0], command);
                tl_fail("cannot run %s: %s", command[0], strerror(errno));
                _exit(EXEC_FAILED);
        }
        if (job.pid < 0)
                return EXEC_FAILED;
        while (!tl_jobs_wait(&lab->jobs, &job, UINT32_MAX)) {
                if (lab->jobs.is_lab_gone || lab->jobs.interrupted != SIGINT)
                        break;
                lab->jobs.interrupted = 0; /* Ctrl-C, which the command gets as well */
        }
        tl_job_done(&lab->jobs, &job);
        return job.status;
}

static int run_shell(struct lab *lab)
{
        const char *shell = getenv("SHELL");
        char *const words[] = {(char *)(shell && *shell ? shell : "/bin/sh"), NULL};

        fprintf(stderr,
                "\nThe lab stays until you leave this shell. In it, or in another terminal:\n"
                "  tieline lab exec MACHINE -- COMMAND...   runs a command in a machine\n"
                "  tieline lab list                         lists the machines\n\n");
        return run_command(lab, words);
}

static enum tl_lab_end look_around(struct lab *lab, int *status)
{
        const struct tl_lab_order *order = lab->order;

        if (order->command) {
                *status = run_command(lab, order->command);
                return TL_LAB_COMMAND_SAYS;
        }
        if (order->has_shell) {
                *status = run_shell(lab);
        } else if (order->is_kept) {
                fprintf(stderr, "\nThe lab stays until Ctrl-C or `tieline lab down %s'.\n",
                        order->name);
                while (!tl_jobs_must_end(&lab->jobs))
                        tl_jobs_sleep(&lab->jobs, UINT32_MAX);
                if (!lab->jobs.is_lab_gone)
                        lab->jobs.interrupted = 0; /* as intended */
        }
        return lab->is_as_expected ? TL_LAB_AS_EXPECTED : TL_LAB_NOT_AS_EXPECTED;
}

static enum tl_lab_end run(struct lab *lab, int *status)
{
        if (!think(lab))
                return TL_LAB_FAILED;
        if (!read_disturbances(lab))
                return TL_LAB_USAGE;
        if (!is_possible() ||
            !tl_matrix_make(&lab->matrix, &lab->topology, &lab->plans, &lab->expectations) ||
            !take_name(lab) || !build(lab))
                return TL_LAB_FAILED;
        if (!lab->order->is_quiet && !test_all(lab))
                return TL_LAB_FAILED;
        return look_around(lab, status);
}

static void done(struct lab *lab)
{
        if (lab->machines.count)
                tl_view_doing(&lab->view, "removing the lab");
        tl_machines_done(&lab->machines);
        tl_lab_state_drop(&lab->state);
        tl_report_free(lab->report);
        free(lab->disturbances);
        free(lab->key_at);
        tl_matrix_done(&lab->matrix);
        tl_topology_done(&lab->topology);
        tl_expect_done(&lab->expectations);
        tl_plans_done(&lab->plans);
        tl_policy_done(&lab->policy);
        tl_model_done(&lab->model);
        tl_findings_done(&lab->findings);
}

enum tl_lab_end tl_lab_run(const struct tl_lab_order *order, int *status)
{
        struct lab lab = {.order = order,
                          .is_as_expected = true,
                          .state = {.fd = -1},
                          .machines = {.guard = TL_HOLDER_NONE}};
        enum tl_lab_end end;

        tl_view_init(&lab.view, order->is_json ? stderr : stdout); /* before the locale is reset */
        tl_run_init();
        find_programs();
        tl_jobs_init(&lab.jobs);
        if (order->is_json)
                lab.report = tl_report_new(order->network->name.text, order->file);
        end = run(&lab, status);
        if (lab.jobs.is_lab_gone) {
                tl_fail("the lab died: its first process was killed");
                end = TL_LAB_FAILED;
        }
        if (lab.jobs.interrupted) {
                *status = 128 + lab.jobs.interrupted;
                end = TL_LAB_INTERRUPTED;
        }
        done(&lab);
        tl_view_idle(&lab.view);
        tl_jobs_done(&lab.jobs);
        return end;
}

/* ---- from another terminal ---- */

static const char *shell_or(char *const *command)
{
        const char *shell = getenv("SHELL");

        return command[0] ? command[0] : shell && *shell ? shell : "/bin/sh";
}

WG_NORETURN static void become(char *const *command)
{
        char *const shell[] = {(char *)shell_or(command), NULL};

        execvp(shell[0], command[0] ? command : shell);
        tl_fail("cannot run %s: %s", shell[0], strerror(errno));
        _exit(errno == ENOENT ? 127 : 126);
}

static int run_in(const struct tl_holder *holder, char *const *command)
{
        pid_t pid = tl_space_fork(holder, TL_SPACE_ALL);
        int status;

        if (pid == 0)
                become(command);
        if (pid < 0) {
                tl_fail("cannot enter the machine: %s", strerror(-pid));
                return EXEC_FAILED;
        }
        /* Ctrl-C is for the command. */
        signal(SIGINT, SIG_IGN);
        signal(SIGQUIT, SIG_IGN);
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return EXEC_FAILED;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int tl_lab_exec(const char *lab, const char *machine, char *const *command)
{
        struct tl_lab_seen seen;
        struct tl_holder holder = TL_HOLDER_NONE;
        int error, status = EXEC_FAILED;

        if (!lab)
                lab = getenv("TIELINE_LAB");
        if (!tl_lab_state_find(&seen, lab))
                return EXEC_FAILED;
        error = tl_lab_state_open(&seen, machine, &holder);
        if (error == -ENOENT)
                tl_fail("the lab `%s' has no machine called `%s'; `tieline lab list' names them",
                        seen.name, machine);
        else if (error)
                tl_fail("%s: %s", machine, strerror(-error));
        else
                status = run_in(&holder, command);
        tl_space_forget(&holder);
        free(seen.text);
        return status;
}
