/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * options.h - the command line and the environment of tielined. */
#ifndef DAEMON_OPTIONS_H
#define DAEMON_OPTIONS_H

#include "base/enum.h"
#include "conf/change.h"
#include "io/log.h"

/* The mode of operation. */
#define TL_OPTION_MODES(X) \
        X(TL_OPTIONS_RUN, 0, run, "run an interface") \
        X(TL_OPTIONS_CHECK, 1, check, "report all mistakes in a configuration file") \
        X(TL_OPTIONS_STAT, 4, stat, "print the status of a running interface") \
        X(TL_OPTIONS_EVENTS, 5, events, "print the events of a running interface") \
        X(TL_OPTIONS_HELP, 2, help, "print the usage") \
        X(TL_OPTIONS_VERSION, 3, version, "print the version")
WG_ENUM_DECLARE(tl_options_mode, TL_OPTION_MODES)

/* How the status of an interface is printed. */
#define TL_STAT_VIEWS(X) \
        X(TL_STAT_USUAL, 0, usual, "for people, without drop counters that are zero") \
        X(TL_STAT_ALL, 1, all, "for people") \
        X(TL_STAT_JSON, 2, json, "for programs")
WG_ENUM_DECLARE(tl_stat_view, TL_STAT_VIEWS)

struct tl_options {
        enum tl_options_mode mode;
        const char *name;       /* of the interface; with RUN, STAT and EVENTS */
        const char *config;     /* file; NULL: none */
        const char *aead;       /* name of an available back-end; NULL: the best */
        unsigned int workers;   /* 1..TL_TUN_QUEUES; 0: chosen for the machine */
        enum tl_stat_view view; /* with STAT and EVENTS */
        bool has_peer;          /* with EVENTS: only those of a peer */
        uint8_t peer[TL_CONF_KEY_LEN];
        uint32_t offloads; /* enum tl_offloading that may be used */
        bool has_offloads; /* the user chose them */
        bool is_foreground;
        int tun_fd, uapi_fd;     /* -1: none was inherited */
        enum tl_log_level level; /* LOG_LEVEL, or the default */
};

/* Parses both. On a mistake, reports it on standard error and returns false; the caller exits with
 * TL_EXIT_USAGE. */
bool tl_options_parse(struct tl_options *options, int argc, char **argv) WG_MUST_USE;

void tl_options_print_help(void);

/* Exit statuses. */
enum { TL_EXIT_OK = 0, TL_EXIT_FAILED = 1, TL_EXIT_USAGE = 2 };

#endif
