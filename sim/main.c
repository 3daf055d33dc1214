/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * simulate - runs histories, one per seed, until one violates an invariant. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "sim/scenario.h"

static const char usage[] = "usage: simulate [OPTION...]\n"
                            "Runs simulated WireGuard networks and checks each step.\n"
                            "\n"
                            "  -s, --seed N       run only this seed\n"
                            "  -S, --seeds A..B   run all seeds from A to B (default 1..10)\n"
                            "  -H, --hours N      simulated hours per seed (default 1)\n"
                            "  -v, --verbose      print events: time in seconds, node, event\n"
                            "  -h, --help         print this help\n"
                            "\n"
                            "Exits with 1 and names the seed if a check fails.\n";

struct options {
        uint64_t first, last;
        unsigned int hours;
        bool is_verbose;
};

static const struct option long_options[] = {
        {"seed", required_argument, NULL, 's'},  {"seeds", required_argument, NULL, 'S'},
        {"hours", required_argument, NULL, 'H'}, {"verbose", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},        {NULL, 0, NULL, 0},
};

static bool parse_number(const char *text, char **end, uint64_t *number)
{
        *number = strtoull(text, end, 10);
        return *end != text && *text >= '0' && *text <= '9';
}

static bool parse_seeds(const char *text, struct options *o)
{
        char *end;

        return parse_number(text, &end, &o->first) && end[0] == '.' && end[1] == '.' &&
               parse_number(end + 2, &end, &o->last) && !*end && o->first <= o->last;
}

static bool parse_one(int option, const char *text, struct options *o)
{
        uint64_t number;
        char *end;

        switch (option) {
        case 's':
                if (!parse_number(text, &end, &number) || *end)
                        return false;
                o->first = o->last = number;
                return true;
        case 'S':
                return parse_seeds(text, o);
        case 'H':
                if (!parse_number(text, &end, &number) || *end || !number || number > 100000)
                        return false;
                o->hours = (unsigned int)number;
                return true;
        case 'v':
                o->is_verbose = true;
                return true;
        default:
                return false;
        }
}

/* Assertions and sanitizers end the program by a signal, and do not know the seed. */
static volatile sig_atomic_t seed_len;
static char seed_text[64];

static void say_seed(int signal_number)
{
        ssize_t written = write(STDERR_FILENO, seed_text, (size_t)seed_len);

        (void)written;
        signal(signal_number, SIG_DFL);
        raise(signal_number);
}

static void run(const struct options *o, struct sim_figures *figures)
{
        for (uint64_t seed = o->first; seed <= o->last; seed++) {
                seed_len = snprintf(seed_text, sizeof(seed_text), "failed: seed %llu\n",
                                    (unsigned long long)seed);
                sim_scenario_run(seed, o->hours, o->is_verbose, figures);
        }
}

static double seconds_now(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void print_figures(const struct options *o, const struct sim_figures *f, double seconds)
{
        const struct {
                const char *what;
                uint64_t n;
        } rows[] = {
                {"events", f->events},
                {"inner packets", f->packets},
                {"delivered", f->delivered},
                {"datagrams", f->datagrams},
                {"lost", f->lost},
                {"from the attacker", f->injected},
                {"initiations", f->initiations},
                {"sessions", f->sessions},
                {"given up", f->gave_up},
                {"keys forgotten", f->forgotten},
                {"cookies", f->cookies},
                {"handshake messages refused", f->refused},
                {"steps during a batch", f->interleaved},
                {"allocations refused", f->allocations_refused},
        };

        printf("seeds %llu..%llu, %u h each, in %.1f s\n", (unsigned long long)o->first,
               (unsigned long long)o->last, o->hours, seconds);
        for (size_t i = 0; i < WG_ARRAY_SIZE(rows); i++)
                printf("%12llu %s\n", (unsigned long long)rows[i].n, rows[i].what);
}

int main(int argc, char **argv)
{
        struct options o = {.first = 1, .last = 10, .hours = 1};
        struct sim_figures figures = {.events = 0};
        double began;
        int option;

        while ((option = getopt_long(argc, argv, "s:S:H:vh", long_options, NULL)) != -1) {
                if (option == 'h') {
                        fputs(usage, stdout);
                        return 0;
                }
                if (!parse_one(option, optarg, &o)) {
                        fputs(usage, stderr);
                        return 2;
                }
        }
        if (optind != argc) {
                fputs(usage, stderr);
                return 2;
        }
        if (!wg_crypto_init()) {
                fputs("simulate: libcrypto does not work\n", stderr);
                return 1;
        }
        signal(SIGABRT, say_seed);
        began = seconds_now();
        run(&o, &figures);
        print_figures(&o, &figures, seconds_now() - began);
        wg_crypto_done();
        return 0;
}
