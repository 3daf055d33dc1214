/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * main.c - the command line of tieline-quick. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/run.h"
#include "io/fail.h"
#include "quick/await.h"
#include "quick/quick.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_WRONG_USE = 2 };
enum { OPTION_BEFORE = 256, OPTION_AFTER, OPTION_AWAIT, OPTION_VERSION };

#define VERBS(X) \
        X(VERB_UP, 0, up, "bring the interface up, as described in its file") \
        X(VERB_DOWN, 1, down, "take it down and undo everything that `up' did") \
        X(VERB_RELOAD, 2, reload, "apply the keys and peers in the file to the running interface") \
        X(VERB_SAVE, 3, save, "write the running interface's configuration to the file") \
        X(VERB_STRIP, 4, strip, "print the file in the format of `wg setconf'")
WG_ENUM_DECLARE(tl_quick_verb, VERBS)
WG_ENUM_DEFINE(tl_quick_verb, VERBS)

static const struct option LONG_OPTIONS[] = {
        {"before", no_argument, NULL, OPTION_BEFORE},
        {"after", no_argument, NULL, OPTION_AFTER},
        {"await", required_argument, NULL, OPTION_AWAIT},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, OPTION_VERSION},
        {NULL, 0, NULL, 0},
};

static void print_help(void)
{
        puts("Usage: tieline-quick [--before | --after] up|down IFNAME|FILE\n"
             "       tieline-quick reload|save|strip IFNAME|FILE\n"
             "\n"
             "Brings a WireGuard interface up with tielined(8), as described in a configuration\n"
             "file in the format of wg-quick(8). IFNAME stands for /etc/wireguard/IFNAME.conf.\n");
        WG_ENUM_EACH(verb, &tl_quick_verb_enum)
                printf("  %-7s %s\n", verb->name, verb->text);
        puts("\n"
             "      --before   only the steps before tielined starts or stops\n"
             "      --after    only the steps after tielined starts or stops\n"
             "  -h, --help     print this help\n"
             "      --version  print the version\n"
             "\n"
             "See tieline-quick(8).");
}

static bool act(struct tl_quick_file *file, enum tl_quick_verb verb, enum tl_quick_part part)
{
        switch (verb) {
        case VERB_UP:
                return tl_quick_up(file, part);
        case VERB_DOWN:
                return tl_quick_down(file, part);
        case VERB_RELOAD:
                return tl_quick_reload(file);
        case VERB_SAVE:
                return tl_quick_save(file);
        case VERB_STRIP:
                return tl_quick_file_print(file);
        }
        return false;
}

static int run(enum tl_quick_verb verb, enum tl_quick_part part, const char *name)
{
        static struct tl_quick_file file;
        bool is_good;

        if (verb != VERB_STRIP && geteuid() != 0) {
                tl_fail("this needs root");
                return EXIT_FAILED;
        }
        tl_run_init();
        /* Mistakes in the file must not prevent taking its interface down. */
        is_good = tl_quick_file_open(&file, name) && (file.is_sound || verb == VERB_DOWN) &&
                  act(&file, verb, part);
        tl_quick_file_close(&file);
        return is_good ? EXIT_OK : EXIT_FAILED;
}

static bool read_words(char **words, int count, enum tl_quick_part part, enum tl_quick_verb *read)
{
        const struct wg_enum_member *verb;

        if (count == 0)
                return tl_fail_usage("missing command: up, down, reload, save or strip");
        verb = wg_enum_by_name(&tl_quick_verb_enum, words[0], strlen(words[0]));
        if (!verb)
                return tl_fail_usage("unknown command `%s': use up, down, reload, save or strip",
                                     words[0]);
        if (count == 1)
                return tl_fail_usage(
                        "missing interface: give its name, for example wg0, or its file");
        if (count > 2)
                return tl_fail_usage("unexpected argument `%s': one interface at a time", words[2]);
        if (part != TL_QUICK_WHOLE && verb->value != VERB_UP && verb->value != VERB_DOWN)
                return tl_fail_usage("--%s requires up or down", tl_quick_part_name(part));
        *read = (enum tl_quick_verb)verb->value;
        return true;
}

int main(int argc, char **argv)
{
        enum tl_quick_part part = TL_QUICK_WHOLE;
        enum tl_quick_verb verb = VERB_UP;
        int option;

        opterr = 0;
        while ((option = getopt_long(argc, argv, ":h", LONG_OPTIONS, NULL)) != -1) {
                switch (option) {
                case OPTION_BEFORE:
                        part = TL_QUICK_BEFORE;
                        break;
                case OPTION_AFTER:
                        part = TL_QUICK_AFTER;
                        break;
                case OPTION_AWAIT: /* internal: tl_await_start() executes this */
                        return tl_await_run(optarg);
                case 'h':
                        print_help();
                        return EXIT_OK;
                case OPTION_VERSION:
                        puts("tieline-quick " TL_VERSION);
                        return EXIT_OK;
                default:
                        tl_fail_usage("unknown option `%s'", argv[optind - 1]);
                        return EXIT_WRONG_USE;
                }
        }
        if (!read_words(argv + optind, argc - optind, part, &verb))
                return EXIT_WRONG_USE;
        return run(verb, part, argv[optind + 1]);
}
