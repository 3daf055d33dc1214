/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * aead - measures sealing and opening with each back-end of this processor, against libcrypto.
 *
 *   aead [--json] [--rounds N] [--no-avx512] [--bytes N] [--packets N] [--backend NAME]
 *
 * A sample seals (or opens, in place) about 30 KiB of packets of one length, in batches of one
 * size. Samples of all back-ends and of libcrypto alternate, so that other load on the machine
 * affects all alike. Of each round only the fastest sample counts, as the least disturbed. A ratio
 * is a back-end's time divided by libcrypto's in the same round. The output has the median of all
 * rounds, and the spread: the range divided by the median.
 *
 * libcrypto gets all packets of a sample at once, whatever the batch size: it seals them one by
 * one, and so sets its key only once. All data is in the caches.
 *
 * --no-avx512 shows a processor without AVX-512: back-ends that need it are left out, and libcrypto
 * is kept from using it (OPENSSL_ia32cap, which it reads before main(), so the program restarts).
 *
 * Threads: one. */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/aead.h"
#include "crypto/crypto.h"
#include "test/lib/tool.h"

enum {
        MOST_BACKENDS = 8,
        MOST_PACKETS = 256, /* per sample */
        MOST_BYTES = 65519,
        SAMPLE_BYTES = 30 << 10,
        SAMPLES = 20, /* per round */
        MOST_ROUNDS = 1000,
};

static const char capabilities[] = "OPENSSL_ia32cap", no_avx512[] = ":~0xd03f0000";

enum direction { SEAL, OPEN, DIRECTIONS };

struct options {
        bool is_json, is_without_avx512;
        size_t bytes, packets; /* 0: use the tables */
        const char *backend;   /* NULL: all */
        unsigned int rounds;
};

/* The packets of a sample. */
struct load {
        size_t n, bytes;
        struct wg_aead_packet packets[MOST_PACKETS];
        uint8_t *memory, *sealed; /* where packets are processed; their sealed form */
        size_t stride;
};

/* One back-end's fastest sample of each round, in ns per packet. */
struct times {
        const struct wg_aead_backend *backend;
        double ns[DIRECTIONS][MOST_ROUNDS];
};

static const uint8_t key[WG_AEAD_KEY_LEN] = {1, 2, 3, [31] = 4};

static void load_new(struct load *load, size_t bytes)
{
        size_t fit = SAMPLE_BYTES / (bytes + WG_AEAD_TAG_LEN);

        load->bytes = bytes;
        load->n = fit < 32 ? 32 : fit > MOST_PACKETS ? MOST_PACKETS : fit / 32 * 32;
        load->stride = (bytes + WG_AEAD_TAG_LEN + 63) / 64 * 64;
        load->memory = aligned_alloc(64, load->n * load->stride);
        load->sealed = aligned_alloc(64, load->n * load->stride);
        if (!load->memory || !load->sealed)
                errx(2, "out of memory");
        memset(load->memory, 'x', load->n * load->stride);
        for (size_t i = 0; i < load->n; i++)
                load->packets[i] = (struct wg_aead_packet){
                        .to = load->sealed + i * load->stride,
                        .from = load->memory + i * load->stride,
                        .len = bytes,
                        .nonce = i,
                };
        wg_aead_libcrypto.seal(key, load->packets, load->n);
}

static void load_free(struct load *load)
{
        free(load->memory);
        free(load->sealed);
}

/* Returns the time per packet, in batches of `batch`. */
static double sample(struct load *load, const struct wg_aead_backend *backend,
                     enum direction direction, size_t batch)
{
        size_t len = load->bytes + (direction == OPEN ? WG_AEAD_TAG_LEN : 0);
        uint64_t begun_ns, spent_ns;

        if (direction == OPEN)
                memcpy(load->memory, load->sealed, load->n * load->stride);
        for (size_t i = 0; i < load->n; i++) {
                uint8_t *at = load->memory + i * load->stride;

                load->packets[i] = (struct wg_aead_packet){at, at, len, i, false};
        }
        begun_ns = tool_now_ns();
        for (size_t i = 0; i < load->n; i += batch) {
                size_t n = load->n - i < batch ? load->n - i : batch;

                (direction == SEAL ? backend->seal : backend->open)(key, load->packets + i, n);
        }
        spent_ns = tool_now_ns() - begun_ns;
        for (size_t i = 0; direction == OPEN && i < load->n; i++)
                if (!load->packets[i].is_valid)
                        errx(1, "%s does not open what libcrypto sealed", backend->name);
        return (double)spent_ns / (double)load->n;
}

static void run_round(struct load *load, struct times *times, size_t n, size_t batch,
                      unsigned int round)
{
        for (unsigned int s = 0; s < SAMPLES; s++)
                for (size_t i = 0; i < n; i++)
                        for (int d = 0; d < DIRECTIONS; d++) {
                                const struct wg_aead_backend *backend = times[i].backend;
                                size_t size = backend == &wg_aead_libcrypto ? load->n : batch;
                                double ns = sample(load, backend, (enum direction)d, size);

                                if (s == 0 || ns < times[i].ns[d][round])
                                        times[i].ns[d][round] = ns;
                        }
}

static int compare(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

/* Returns the median; *spread is the range divided by it. Sorts the values. */
static double median(double *values, unsigned int n, double *spread)
{
        qsort(values, n, sizeof(*values), compare);
        *spread = (values[n - 1] - values[0]) / values[n / 2];
        return values[n / 2];
}

/* A back-end compared with the reference, in one direction. */
struct result {
        double ratio, spread, ns, reference_ns;
};

static struct result result_of(const struct times *its, const struct times *reference,
                               enum direction d, unsigned int rounds)
{
        double values[MOST_ROUNDS] = {0}, ignored;
        struct result result;

        for (unsigned int r = 0; r < rounds; r++)
                values[r] = its->ns[d][r] / reference->ns[d][r];
        result.ratio = median(values, rounds, &result.spread);
        memcpy(values, its->ns[d], sizeof(values));
        result.ns = median(values, rounds, &ignored);
        memcpy(values, reference->ns[d], sizeof(values));
        result.reference_ns = median(values, rounds, &ignored);
        return result;
}

static void print_row(const struct options *o, const char *name, size_t batch, size_t bytes,
                      const struct result r[DIRECTIONS])
{
        static const char *between = "";
        double spread = r[SEAL].spread > r[OPEN].spread ? r[SEAL].spread : r[OPEN].spread;

        if (!o->is_json) {
                printf("%-10s %8zu %8zu %8.3f %8.3f %10.1f %10.1f %10.1f %10.1f %7.0f%%\n", name,
                       batch, bytes, r[SEAL].ratio, r[OPEN].ratio, r[SEAL].ns, r[OPEN].ns,
                       r[SEAL].reference_ns, r[OPEN].reference_ns, spread * 100);
                return;
        }
        printf("%s\n{\"backend\":\"%s\",\"packets\":%zu,\"bytes\":%zu,\"seal_ratio\":%.4f,"
               "\"open_ratio\":%.4f,\"ns\":%.2f,\"open_ns\":%.2f,\"reference_ns\":%.2f,"
               "\"reference_open_ns\":%.2f,\"spread\":%.4f}",
               between, name, batch, bytes, r[SEAL].ratio, r[OPEN].ratio, r[SEAL].ns, r[OPEN].ns,
               r[SEAL].reference_ns, r[OPEN].reference_ns, spread);
        between = ",";
}

static void print_head(const struct options *o)
{
        const char *mask = getenv(capabilities);

        if (o->is_json)
                printf("{\"reference\":\"libcrypto\",\"chosen\":\"%s\",\"ia32cap\":\"%s\","
                       "\"rounds\":%u,\"rows\":[",
                       wg_aead_choose(NULL)->name, mask ? mask : "", o->rounds);
        else
                printf("time by libcrypto's%s%s; ns per packet\n%-10s %8s %8s %8s %8s %10s %10s "
                       "%10s %10s %8s\n",
                       mask ? ", masked by " : "", mask ? mask : "", "back-end", "packets", "bytes",
                       "seal", "open", "seal ns", "open ns", "libcr.", "open", "spread");
}

/* Measures one length in batches of one size, with all back-ends; times[0] is the reference. */
static void measure(const struct options *o, struct times *times, size_t n, size_t batch,
                    size_t bytes)
{
        struct load load;

        load_new(&load, bytes);
        for (unsigned int round = 0; round < o->rounds; round++)
                run_round(&load, times, n, batch, round);
        for (size_t i = 1; i < n; i++) {
                const struct result results[DIRECTIONS] = {
                        result_of(&times[i], &times[0], SEAL, o->rounds),
                        result_of(&times[i], &times[0], OPEN, o->rounds),
                };

                print_row(o, times[i].backend->name, batch, bytes, results);
        }
        fflush(stdout);
        load_free(&load);
}

/* Selects libcrypto, then the requested back-ends. Returns their number. */
static size_t choose(const struct options *o, struct times *times)
{
        const struct wg_aead_backend *backend;
        size_t n = 0;

        times[n++].backend = &wg_aead_libcrypto;
        for (size_t i = 0; (backend = wg_aead_nth(i)) && n < MOST_BACKENDS; i++) {
                if (backend == &wg_aead_libcrypto ||
                    (o->is_without_avx512 && strncmp(backend->name, "avx512", 6) == 0))
                        continue;
                if (!o->backend || strcmp(backend->name, o->backend) == 0)
                        times[n++].backend = backend;
        }
        if (o->backend && n == 1)
                errx(2, "--backend %s: not available on this processor", o->backend);
        return n;
}

static void run(const struct options *o)
{
        static const size_t lengths[] = {64, 256, 512, 1424}, batches[] = {1, 2, 4, 8, 32};
        static struct times times[MOST_BACKENDS];
        size_t n = choose(o, times);

        print_head(o);
        for (size_t b = 0; b < (o->packets ? 1 : WG_ARRAY_SIZE(batches)); b++)
                for (size_t l = 0; l < (o->bytes ? 1 : WG_ARRAY_SIZE(lengths)); l++)
                        measure(o, times, n, o->packets ? o->packets : batches[b],
                                o->bytes ? o->bytes : lengths[l]);
        if (o->is_json)
                puts("\n]}");
}

static const char usage[] =
        "usage: aead [options]\n"
        "  --json          print JSON instead of a table\n"
        "  --rounds N      number of rounds (default 25)\n"
        "  --no-avx512     behave as on a processor without AVX-512, libcrypto included\n"
        "  --bytes N       only packets of this length\n"
        "  --packets N     only batches of this size\n"
        "  --backend NAME  only this back-end\n";

/* Returns false if the usage should be shown. */
static bool parse_options(struct options *o, int argc, char **argv)
{
        static const struct option known[] = {
                {"json", no_argument, NULL, 'j'},
                {"rounds", required_argument, NULL, 'r'},
                {"no-avx512", no_argument, NULL, 'n'},
                {"bytes", required_argument, NULL, 'b'},
                {"packets", required_argument, NULL, 'p'},
                {"backend", required_argument, NULL, 'k'},
                {NULL, 0, NULL, 0},
        };
        int option;

        while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
                switch (option) {
                case 'j':
                        o->is_json = true;
                        break;
                case 'r':
                        o->rounds = (unsigned int)tool_number("rounds", optarg, 1, MOST_ROUNDS);
                        break;
                case 'n':
                        o->is_without_avx512 = true;
                        break;
                case 'b':
                        o->bytes = tool_number("bytes", optarg, 1, MOST_BYTES);
                        break;
                case 'p':
                        o->packets = tool_number("packets", optarg, 1, MOST_PACKETS);
                        break;
                case 'k':
                        o->backend = optarg;
                        break;
                default:
                        return false;
                }
        }
        return optind == argc;
}

/* Restarts the program with the mask set, unless it is set already. */
static void mask_libcrypto(char **argv)
{
        const char *mask = getenv(capabilities);

        if (mask && strcmp(mask, no_avx512) == 0)
                return;
        if (setenv(capabilities, no_avx512, 1) == 0)
                execv("/proc/self/exe", argv);
        err(2, "cannot restart with %s=%s", capabilities, no_avx512);
}

int main(int argc, char **argv)
{
        struct options o = {.rounds = 25};

        if (!parse_options(&o, argc, argv)) {
                fputs(usage, stderr);
                return 2;
        }
        if (o.is_without_avx512)
                mask_libcrypto(argv);
        if (!wg_crypto_init())
                errx(2, "libcrypto lacks an algorithm, or computes it incorrectly");
        run(&o);
        wg_crypto_done();
        return 0;
}
