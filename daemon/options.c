/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "daemon/options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/base64.h"
#include "crypto/aead.h"
#include "daemon/offloads.h"
#include "io/fail.h"
#include "io/tun.h"

WG_ENUM_DEFINE(tl_options_mode, TL_OPTION_MODES)
WG_ENUM_DEFINE(tl_stat_view, TL_STAT_VIEWS)

enum {
        OPTION_AEAD = 256,
        OPTION_WORKERS,
        OPTION_CONFIG,
        OPTION_CHECK,
        OPTION_STAT,
        OPTION_EVENTS,
        OPTION_PEER,
        OPTION_ALL,
        OPTION_JSON,
        OPTION_OFFLOAD,
        OPTION_VERSION
};

static const struct option LONG_OPTIONS[] = {
        {"foreground", no_argument, NULL, 'f'},
        {"aead", required_argument, NULL, OPTION_AEAD},
        {"workers", required_argument, NULL, OPTION_WORKERS},
        {"config", required_argument, NULL, OPTION_CONFIG},
        {"check", required_argument, NULL, OPTION_CHECK},
        {"stat", required_argument, NULL, OPTION_STAT},
        {"events", required_argument, NULL, OPTION_EVENTS},
        {"peer", required_argument, NULL, OPTION_PEER},
        {"all", no_argument, NULL, OPTION_ALL},
        {"json", no_argument, NULL, OPTION_JSON},
        {"offload", required_argument, NULL, OPTION_OFFLOAD},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, OPTION_VERSION},
        {NULL, 0, NULL, 0},
};

void tl_options_print_help(void)
{
        fputs("Usage: tielined [-f] [--aead NAME] [--workers NUMBER] [--offload LIST]\n"
              "                [--config FILE] IFNAME\n"
              "       tielined --check FILE\n"
              "       tielined --stat IFNAME [--all | --json]\n"
              "       tielined --events IFNAME [--peer KEY] [--json]\n"
              "\n"
              "Runs the WireGuard interface IFNAME in user space. Returns once the interface "
              "exists\n"
              "and accepts configuration. wg(8) configures it; ip(8) brings it up and down.\n"
              "\n"
              "  -f, --foreground      stay in the foreground and log to standard error\n"
              "      --config FILE     start with the configuration in FILE (format: `wg "
              "setconf')\n"
              "      --aead NAME       AEAD implementation: avx512, avx512vl, avx2 or libcrypto\n"
              "                        (default: the best that the processor supports)\n"
              "      --workers NUMBER  threads that move packets, 1 to 64\n"
              "                        (default: one per processor, at most 8)\n"
              "      --offload LIST    offloads that may be used: all (default), none, or a list\n"
              "                        of tso,uso,gso,gro\n"
              "      --check FILE      report all mistakes in FILE and exit\n"
              "      --stat IFNAME     print the status of a running interface: traffic, "
              "handshakes,\n"
              "                        queues, drops\n"
              "      --all             with --stat: include drop counters that are zero\n"
              "      --events IFNAME   print the events of a running interface as they happen:\n"
              "                        handshakes, silent peers, link up and down\n"
              "      --peer KEY        with --events: only those of the peer with this public key\n"
              "      --json            with --stat and --events: print JSON\n"
              "  -h, --help            print this help\n"
              "      --version         print the version\n"
              "\n"
              "Environment:\n"
              "  LOG_LEVEL                verbose, info (default), warning, error or silent\n"
              "  WG_PROCESS_FOREGROUND=1  same as --foreground\n"
              "  TIELINE_WORKERS=NUMBER   same as --workers, which takes precedence\n"
              "  TIELINE_OFFLOAD=LIST     same as --offload, which takes precedence\n"
              "  WG_TUN_FD, WG_UAPI_FD    file descriptors of an open TUN device and of a "
              "listening\n"
              "                           socket, used instead of opening new ones\n"
              "\n"
              "See tielined(8).\n",
              stdout);
}

/* Reads the number of a descriptor that the parent process left open for us. */
static bool read_fd(const char *variable, int *fd)
{
        const char *text = getenv(variable);
        char *end;
        long value;

        if (!text)
                return true;
        errno = 0;
        value = strtol(text, &end, 10);
        if (errno || end == text || *end || value < 0 || value > INT_MAX)
                return tl_fail_usage("%s is not a file descriptor: `%s'", variable, text);
        *fd = (int)value;
        return true;
}

/* `where` is the option or variable that has the text, for messages. */
static bool read_workers(struct tl_options *options, const char *where, const char *text)
{
        char *end;
        long value;

        errno = 0;
        value = strtol(text, &end, 10);
        if (errno || end == text || *end || value < 1 || value > TL_TUN_QUEUES)
                return tl_fail_usage("%s takes a number from 1 to %d, not `%s'", where,
                                     TL_TUN_QUEUES, text);
        options->workers = (unsigned int)value;
        return true;
}

/* Reads a list of names, `all` or `none`. `where` is as above. */
static bool read_offload(struct tl_options *options, const char *where, const char *list)
{
        char names[64];
        size_t len = strlen(list);

        options->has_offloads = true;
        if (strcmp(list, "all") == 0 || strcmp(list, "none") == 0) {
                options->offloads = strcmp(list, "all") == 0 ? TL_OFFLOADING_ALL : 0;
                return true;
        }
        if (len < sizeof(names)) {
                for (size_t i = 0; i <= len; i++)
                        names[i] = list[i] == ',' ? '|' : list[i];
                if (wg_flags_parse(&tl_offloading_enum, names, len, &options->offloads))
                        return true;
        }
        return tl_fail_usage("%s takes all, none, or a list of tso,uso,gso,gro, not `%s'", where,
                             list);
}

static bool read_environment(struct tl_options *options)
{
        const char *offload = getenv("TIELINE_OFFLOAD");
        const char *level = getenv("LOG_LEVEL");
        const char *foreground = getenv("WG_PROCESS_FOREGROUND");
        const char *workers = getenv("TIELINE_WORKERS");

        if (level && *level && !tl_log_parse_level(level, &options->level))
                return tl_fail_usage(
                        "LOG_LEVEL takes verbose, info, warning, error or silent, not `%s'", level);
        if (foreground && strcmp(foreground, "1") == 0)
                options->is_foreground = true;
        if (workers && *workers && !options->workers &&
            !read_workers(options, "TIELINE_WORKERS", workers))
                return false;
        if (offload && !options->has_offloads && !read_offload(options, "TIELINE_OFFLOAD", offload))
                return false;
        return read_fd("WG_TUN_FD", &options->tun_fd) && read_fd("WG_UAPI_FD", &options->uapi_fd);
}

static bool read_aead(struct tl_options *options, const char *name)
{
        char names[128] = "";

        options->aead = name;
        if (wg_aead_choose(name))
                return true;
        for (size_t i = 0; wg_aead_nth(i); i++)
                snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s",
                         i ? ", " : "", wg_aead_nth(i)->name);
        return tl_fail_usage("--aead takes one of %s on this processor, not `%s'", names, name);
}

static bool is_name(const char *name)
{
        size_t len = strlen(name);

        return len > 0 && len < IF_NAMESIZE && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
               !strpbrk(name, "/ \t\n\r\f\v:");
}

static bool check_name(const char *name)
{
        return is_name(name) ||
               tl_fail_usage(
                       "`%s' is not a valid interface name: it takes 1 to %d characters, without "
                       "slash, colon or white space",
                       name, IF_NAMESIZE - 1);
}

static bool read_name(struct tl_options *options, int argc, char **argv)
{
        if (optind == argc)
                return tl_fail_usage("missing interface name, for example wg0");
        if (optind + 1 < argc)
                return tl_fail_usage("unexpected argument `%s': one interface at a time",
                                     argv[optind + 1]);
        options->name = argv[optind];
        return check_name(options->name);
}

static bool read_peer(struct tl_options *options, const char *key)
{
        options->has_peer = tl_base64_decode(options->peer, sizeof(options->peer), key,
                                             strlen(key));
        return options->has_peer || tl_fail_usage("--peer takes a public key in base64");
}

/* Checks the rest of a command line that asks about a running interface. */
static bool check_question(const struct tl_options *options, int argc, char **argv)
{
        const char *mode = tl_options_mode_name(options->mode);

        if (!check_name(options->name))
                return false;
        if (optind != argc)
                return tl_fail_usage("unexpected argument `%s': --%s takes one interface",
                                     argv[optind], mode);
        if (options->mode == TL_OPTIONS_STAT && options->has_peer)
                return tl_fail_usage("--peer requires --events");
        if (options->mode == TL_OPTIONS_EVENTS && options->view == TL_STAT_ALL)
                return tl_fail_usage("--all requires --stat");
        return true;
}

bool tl_options_parse(struct tl_options *options, int argc, char **argv)
{
        int option;

        *options = (struct tl_options){
                .tun_fd = -1, .uapi_fd = -1, .level = TL_LOG_INFO, .offloads = TL_OFFLOADING_ALL};
        opterr = 0;
        while ((option = getopt_long(argc, argv, ":fh", LONG_OPTIONS, NULL)) != -1) {
                switch (option) {
                case 'f':
                        options->is_foreground = true;
                        break;
                case OPTION_AEAD:
                        if (!read_aead(options, optarg))
                                return false;
                        break;
                case OPTION_WORKERS:
                        if (!read_workers(options, "--workers", optarg))
                                return false;
                        break;
                case OPTION_OFFLOAD:
                        if (!read_offload(options, "--offload", optarg))
                                return false;
                        break;
                case OPTION_CONFIG:
                        options->config = optarg;
                        break;
                case OPTION_CHECK:
                        options->mode = TL_OPTIONS_CHECK;
                        options->config = optarg;
                        break;
                case OPTION_STAT:
                        options->mode = TL_OPTIONS_STAT;
                        options->name = optarg;
                        break;
                case OPTION_EVENTS:
                        options->mode = TL_OPTIONS_EVENTS;
                        options->name = optarg;
                        break;
                case OPTION_PEER:
                        if (!read_peer(options, optarg))
                                return false;
                        break;
                case OPTION_ALL:
                        options->view = TL_STAT_ALL;
                        break;
                case OPTION_JSON:
                        options->view = TL_STAT_JSON;
                        break;
                case 'h':
                        options->mode = TL_OPTIONS_HELP;
                        return true;
                case OPTION_VERSION:
                        options->mode = TL_OPTIONS_VERSION;
                        return true;
                case ':':
                        return tl_fail_usage("%s needs an argument", argv[optind - 1]);
                default:
                        return tl_fail_usage("unknown option `%s'", argv[optind - 1]);
                }
        }
        if (options->mode == TL_OPTIONS_CHECK)
                return optind == argc ||
                       tl_fail_usage("unexpected argument `%s': --check takes one file",
                                     argv[optind]);
        if (options->mode == TL_OPTIONS_STAT || options->mode == TL_OPTIONS_EVENTS)
                return check_question(options, argc, argv);
        if (options->view != TL_STAT_USUAL)
                return tl_fail_usage(options->view == TL_STAT_JSON
                                             ? "--json requires --stat or --events"
                                             : "--all requires --stat");
        if (options->has_peer)
                return tl_fail_usage("--peer requires --events");
        return read_name(options, argc, argv) && read_environment(options);
}
