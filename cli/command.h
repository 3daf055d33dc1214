/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * command.h - a subcommand of tieline, and one call of it.
 * Threads: the process has only one. */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/* Exit statuses of all subcommands. */
enum {
        TL_CLI_YES = 0,
        TL_CLI_FAILED = 1, /* or the file has mistakes */
        TL_CLI_USAGE = 2,
        TL_CLI_NO = 3, /* changes are pending, it is unreachable, an expectation is not met */
};

/* All options: constant, name, its argument (NULL: none), text (NULL: hidden, for our own calls). A
 * command takes some of them. The formatter would put blanks around the dash of a name. */
/* clang-format off */
#define TL_CLI_OPTIONS(X) \
        X(TL_CLI_JSON, json, NULL, "print JSON, for programs") \
        X(TL_CLI_IN, in, "MACHINE=PREFIX", "suppose that a node is in a network; repeatable") \
        X(TL_CLI_TRAVEL, travel, NULL, "show how packets travel between all pairs, and why") \
        X(TL_CLI_LOCKED, locked, NULL, "fail if the lock lacks values, instead of adding them") \
        X(TL_CLI_AS, as, "ADDRESS", "suppose that SRC, a node, sends with this address") \
        X(TL_CLI_CONFIRM, confirm, "DURATION", "undo everything after DURATION, unless confirmed") \
        X(TL_CLI_REVERT, revert, NULL, "undo the changes now, instead of confirming them") \
        X(TL_CLI_WAIT, wait, NULL, NULL) \
        X(TL_CLI_NO_PROBE, no-probe, NULL, "do not probe the LAN of this machine") \
        X(TL_CLI_SHELL, shell, NULL, "start a shell once the lab is up; the lab ends with it") \
        X(TL_CLI_KEEP, keep, NULL, "keep the lab until Ctrl-C or `tieline lab down'") \
        X(TL_CLI_BEFORE, before, "COMMAND", "run COMMAND on every node before `tieline apply'") \
        X(TL_CLI_DISTURB, disturb, "NAME[:MACHINE],...", \
          "disturb the network, and see how it recovers") \
        X(TL_CLI_UNTESTED, untested, NULL, "try nothing: only build the lab") \
        X(TL_CLI_NAME, name, "NAME", "give the lab another name than that of the network")
/* clang-format on */

#define TL_CLI_OPTION_CONSTANT_(constant, name, argument, text) constant,
enum tl_cli_option { TL_CLI_OPTIONS(TL_CLI_OPTION_CONSTANT_) TL_CLI_OPTION_COUNT };

/* The set of one option, for struct tl_command. */
#define TL_CLI_TAKES(option) (1u << (option))

enum { TL_CLI_INS = 16 };

struct tl_call {
        const struct tl_command *command;
        const struct tl_command *all;             /* the table that it is in */
        const char *options[TL_CLI_OPTION_COUNT]; /* the argument, or "" without; NULL: not given */
        const char *ins[TL_CLI_INS];              /* the arguments of all --in */
        int in_count;
        char **words;   /* the rest of the command line; borrowed */
        int word_count; /* from least_words to most_words */
        int last_words; /* how many of them come after `--' */
};

struct tl_command {
        const char *name;
        const char *arguments; /* as in the synopsis, without options; "": none; forms of the
                                * command that take no options follow, a line each */
        const char *text;      /* one line */
        const char *details;   /* paragraphs of at most 80 columns, for --help */
        const char *page;      /* its manual page; NULL: tieline(8) */
        uint32_t takes;        /* set of options */
        int least_words, most_words;
        bool needs_root;
        bool is_hidden; /* for completion scripts */
        bool has_names; /* words may be names in the file of the network */
        bool is_bare;   /* options end at the first word: it may be another program's command */
        int (*run)(const struct tl_call *call); /* returns the exit status */
};

/* The subcommand of that name in a table, which ends with a row without a name; or NULL. */
const struct tl_command *tl_command_find(const struct tl_command *all, const char *name);

/* The visible subcommand with the most similar name; NULL: none is similar. */
const struct tl_command *tl_command_suggest(const struct tl_command *all, const char *name);

/* Whether an option without an argument is given. */
static inline bool tl_call_has(const struct tl_call *call, enum tl_cli_option option)
{
        return call->options[option] != NULL;
}

/* The NETWORK argument; NULL: left out. */
static inline const char *tl_call_network(const struct tl_call *call)
{
        return call->word_count ? call->words[0] : NULL;
}

#endif
