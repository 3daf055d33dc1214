/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "cli/commands.h"

#include "cli/check.h"
#include "cli/complete.h"
#include "cli/confirm.h"
#include "cli/down.h"
#include "cli/explain.h"
#include "cli/help.h"
#include "cli/key.h"
#include "cli/lab.h"
#include "cli/plan.h"
#include "cli/show.h"

#define NETWORK_TEXT \
        "NETWORK is NAME, for /etc/tieline/NAME.yaml, or the path of a file; a path has\n" \
        "a slash in it or ends in .yaml. Without NETWORK, it is the only file in\n" \
        "/etc/tieline.\n"

#define PROBE_TEXT \
        "Probes the LAN of this machine: whether another machine has an address that the\n" \
        "node is about to answer for, and whether the router has the routes that it\n" \
        "should have. --no-probe skips that.\n"

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
                .name = "plan",
                .arguments = "[NETWORK]",
                .text = "show what apply would change on this machine",
                .details = "Compares the file with what is running, and shows what would change, "
                           "who would\n"
                           "gain or lose access, and which live connections would be cut. Changes "
                           "nothing.\n"
                           "\n"
                           "Exits with 0 if there is nothing to change, 1 if the file or this "
                           "machine makes\n"
                           "that impossible, and 3 if changes are pending.\n"
                           "\n" PROBE_TEXT "\n" NETWORK_TEXT,
                .takes = TL_CLI_TAKES(TL_CLI_NO_PROBE) | TL_CLI_TAKES(TL_CLI_JSON),
                .most_words = 1,
                .needs_root = true,
                .run = tl_cli_plan,
        },
        {
                .name = "apply",
                .arguments = "[NETWORK]",
                .text = "make this machine what the file says",
                .details =
                        "Makes the changes that `tieline plan' shows; a second run changes "
                        "nothing. If a\n"
                        "step fails, those already made are undone. This machine is the entry of "
                        "the file\n"
                        "that has the public key of /etc/tieline/NAME.key.\n"
                        "\n"
                        "With --confirm, everything is undone after that time unless you run "
                        "`tieline\n"
                        "confirm'. Use it when you work over the network that you change: a lost\n"
                        "connection comes back.\n"
                        "\n" PROBE_TEXT "\n" NETWORK_TEXT,
                .takes = TL_CLI_TAKES(TL_CLI_CONFIRM) | TL_CLI_TAKES(TL_CLI_NO_PROBE) |
                         TL_CLI_TAKES(TL_CLI_JSON),
                .most_words = 1,
                .needs_root = true,
                .run = tl_cli_apply,
        },
        {
                .name = "confirm",
                .arguments = "[NETWORK]",
                .text = "keep the changes of `apply --confirm'",
                .details = "Without it, they are undone when their time is over.\n"
                           "\n" NETWORK_TEXT,
                .takes = TL_CLI_TAKES(TL_CLI_REVERT) | TL_CLI_TAKES(TL_CLI_WAIT),
                .most_words = 1,
                .needs_root = true,
                .run = tl_cli_confirm,
        },
        {
                .name = "down",
                .arguments = "[NETWORK]",
                .text = "undo everything that apply did on this machine",
                .details =
                        "Takes the interface down, and restores routes, rules, nftables and "
                        "settings.\n"
                        "Needs no file: NETWORK may be the name of a network whose file is gone.\n"
                        "\n" NETWORK_TEXT,
                .most_words = 1,
                .needs_root = true,
                .run = tl_cli_down,
        },
        {
                .name = "explain",
                .arguments = "[NETWORK] SRC -> DST[:PORT[/udp]]",
                .text = "walk a connection hop by hop, and say where and why it breaks",
                .details = "Follows the first packet from SRC to DST, and the reply back, through "
                           "the\n"
                           "plans that nodes carry out: default gateways and their routes, allowed "
                           "IPs,\n"
                           "policy, NAT. If the connection breaks, prints the hop, the line of the "
                           "file and\n"
                           "the smallest fix. Works on any machine and needs no root.\n"
                           "\n"
                           "SRC and DST are names in the file (b, e/laptop, a person, a site, a "
                           "service) or\n"
                           "IP addresses. Without PORT it is a ping, or the first port of a "
                           "service. A\n"
                           "shell takes `>' for itself, so quote the connection, or leave out the "
                           "arrow:\n"
                           "\n"
                           "  tieline explain acme \"b -> d:443\"\n"
                           "  tieline explain acme b d:53/udp\n"
                           "\n"
                           "On a machine of the network, the other networks that it is in count, "
                           "such as a\n"
                           "home LAN. With --in, suppose that a machine is in one:\n"
                           "\n"
                           "  tieline explain acme --in e/laptop=192.168.1.0/24 e d:443\n"
                           "\n"
                           "With --as, suppose that a node sends packets with an address that may "
                           "not be its\n"
                           "own:\n"
                           "\n"
                           "  tieline explain acme --as 192.168.201.55 c z\n"
                           "\n"
                           "Exits with 0 if DST is reachable, 1 if the file has mistakes, and 3 if "
                           "DST is\n"
                           "not reachable.\n"
                           "\n" NETWORK_TEXT,
                .page = "tieline-explain(1)",
                .takes = TL_CLI_TAKES(TL_CLI_IN) | TL_CLI_TAKES(TL_CLI_AS) |
                         TL_CLI_TAKES(TL_CLI_JSON),
                .least_words = 1,
                .most_words = 8,
                .has_names = true,
                .run = tl_cli_explain,
        },
        {
                .name = "show",
                .arguments = "[NETWORK]",
                .text = "show what follows from the file, and which routes to enter",
                .details =
                        "Lists nodes with their addresses, hubs, keepalives and MTUs; LANs, "
                        "and how\n"
                        "connections get into them; the routes that must be entered on routers or "
                        "handed\n"
                        "out by DHCP; services and groups. Works on any machine and needs no "
                        "root.\n"
                        "\n"
                        "With --travel, shows a matrix instead: how packets travel from each LAN "
                        "and each\n"
                        "kind of device to each other one (native, SNAT, a mapped prefix, an "
                        "address of\n"
                        "the LAN, by way of a gateway, not at all), and why.\n"
                        "\n" NETWORK_TEXT,
                .takes = TL_CLI_TAKES(TL_CLI_TRAVEL) | TL_CLI_TAKES(TL_CLI_JSON),
                .most_words = 1,
                .run = tl_cli_show,
        },
        {
                .name = "lab",
                .arguments = "FILE [-- COMMAND...]\n"
                             "exec [LAB] MACHINE [-- COMMAND...]\n"
                             "list\n"
                             "down [LAB]",
                .text = "show the network on this machine, with real packets",
                .details = "Builds the whole network of FILE in namespaces: providers, routers, "
                           "plain\n"
                           "devices and homes, with tielined and `tieline apply' on every node. "
                           "Then tries\n"
                           "all connections and the lines of `expect:', and removes everything. "
                           "COMMAND runs\n"
                           "while the lab is up, with its name in TIELINE_LAB.\n"
                           "\n"
                           "`lab exec' runs COMMAND (default: a shell) in a machine of a running "
                           "lab. `lab\n"
                           "list' lists labs and their machines. `lab down' ends a lab.\n"
                           "\n"
                           "Exits with 0 if all is as file and model say, 3 if an expectation is "
                           "not met,\n"
                           "and with the status of COMMAND if there is one.\n",
                .page = "tieline-lab(1)",
                .takes = TL_CLI_TAKES(TL_CLI_SHELL) | TL_CLI_TAKES(TL_CLI_KEEP) |
                         TL_CLI_TAKES(TL_CLI_DISTURB) | TL_CLI_TAKES(TL_CLI_NAME) |
                         TL_CLI_TAKES(TL_CLI_LOCKED) | TL_CLI_TAKES(TL_CLI_JSON) |
                         TL_CLI_TAKES(TL_CLI_BEFORE) | TL_CLI_TAKES(TL_CLI_UNTESTED),
                .least_words = 1,
                .most_words = 1000,
                .needs_root = true,
                .run = tl_cli_lab,
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
