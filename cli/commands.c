/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "cli/commands.h"

#include "cli/check.h"
#include "cli/complete.h"
#include "cli/help.h"
#include "cli/key.h"

#define NETWORK_TEXT \
        "NETWORK is NAME, for /etc/tieline/NAME.yaml, or the path of a file; a path has\n" \
        "a slash in it or ends in .yaml. Without NETWORK, it is the only file in\n" \
        "/etc/tieline.\n"

const struct tl_command tl_commands[] = {
        {
                .name = "key",
                .arguments = "[NETWORK]",
                .text = "make this machine's private key; print its public key",
                .details = "The private key goes to /etc/tieline/NAME.key, which only root can "
                           "read, and\n"
                           "never leaves the machine. A key that exists is kept: then the command "
                           "only\n"
                           "prints its public key. Put the public key into the network file.\n"
                           "\n" NETWORK_TEXT,
                .takes = TL_CLI_TAKES(TL_CLI_JSON),
                .most_words = 1,
                .run = tl_cli_key,
        },
        {
                .name = "check",
                .arguments = "[NETWORK]",
                .text = "find all mistakes, conflicts and unmet expectations in the file",
                .details = "Works on any machine and needs no root. Values that are not in the "
                           "file, such as\n"
                           "addresses, are derived once and recorded in NAME.lock beside it, which "
                           "belongs\n"
                           "to the file: keep both under version control, and copy both to the "
                           "nodes.\n"
                           "\n"
                           "Exits with 0 if all is well, 1 if the file has mistakes, and 3 if an "
                           "expectation\n"
                           "is not met.\n"
                           "\n" NETWORK_TEXT,
                .takes = TL_CLI_TAKES(TL_CLI_LOCKED) | TL_CLI_TAKES(TL_CLI_JSON),
                .most_words = 1,
                .run = tl_cli_check,
        },
        {
                .name = "completion",
                .arguments = "bash|zsh|fish",
                .text = "print the completion script of a shell",
                .details = "For bash, packages install it already. Elsewhere, add to the shell's "
                           "startup\n"
                           "file:\n"
                           "\n"
                           "  eval \"$(tieline completion zsh)\"     # zsh\n"
                           "  tieline completion fish | source     # fish\n",
                .least_words = 1,
                .most_words = 1,
                .run = tl_cli_completion,
        },
        {
                .name = "complete",
                .arguments = "WORD...",
                .text = "print what may follow on a command line",
                .details = "Completion scripts call this. The last WORD is the one to complete.\n",
                .most_words = 1000,
                .is_hidden = true,
                .is_bare = true,
                .run = tl_cli_complete,
        },
        {
                .name = "help",
                .arguments = "[COMMAND]",
                .text = "explain a command",
                .details = "Same as `tieline COMMAND --help'.\n",
                .most_words = 1,
                .run = tl_cli_help,
        },
        {.name = NULL},
};
