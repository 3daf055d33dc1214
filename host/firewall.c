/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "host/firewall.h"

#include <stdio.h>
#include <string.h>

/* A program is recognised by a chain of its own that the packets pass before they are dropped. Its
 * command accepts them in that chain or earlier. In a command, %i is our link, %p a UDP port, %x
 * the program that shows the chain, %f its family, %t its table and %c its name. */
static const struct firewall {
        const char *program; /* NULL: somebody */
        enum tl_filter_hook hook;
        const char *chain; /* NULL: any */
        const char *tool;  /* that shows the chain; NULL: any */
        const char *fix;
} firewalls[] = {
        {"Docker", TL_FILTER_FORWARD, "DOCKER-USER", NULL,
         "%x -I DOCKER-USER -i %i -j ACCEPT && %x -I DOCKER-USER -o %i -j ACCEPT"},
        {"ufw", TL_FILTER_FORWARD, "ufw-user-forward", NULL,
         "ufw route allow in on %i && ufw route allow out on %i"},
        {"ufw", TL_FILTER_FORWARD, "ufw6-user-forward", NULL,
         "ufw route allow in on %i && ufw route allow out on %i"},
        {"ufw", TL_FILTER_INPUT, "ufw-user-input", NULL, "ufw allow %p/udp"},
        {"ufw", TL_FILTER_INPUT, "ufw6-user-input", NULL, "ufw allow %p/udp"},
        {"firewalld", TL_FILTER_FORWARD, "filter_FORWARD_POLICIES_pre", NULL,
         "firewall-cmd --permanent --zone=trusted --add-interface=%i && "
         "firewall-cmd --permanent --new-policy=%i && "
         "firewall-cmd --permanent --policy=%i --add-ingress-zone=ANY && "
         "firewall-cmd --permanent --policy=%i --add-egress-zone=trusted && "
         "firewall-cmd --permanent --policy=%i --set-target=ACCEPT && "
         "firewall-cmd --reload"},
        {"firewalld", TL_FILTER_INPUT, "filter_INPUT_ZONES", NULL,
         "firewall-cmd --permanent --add-port=%p/udp && firewall-cmd --reload"},
        {NULL, TL_FILTER_FORWARD, NULL, "nft",
         "nft insert rule %f %t %c 'iifname \"%i\" accept' && "
         "nft insert rule %f %t %c 'oifname \"%i\" accept'"},
        {NULL, TL_FILTER_INPUT, NULL, "nft", "nft insert rule %f %t %c 'udp dport %p accept'"},
        {NULL, TL_FILTER_FORWARD, NULL, NULL,
         "%x -t %t -I %c -i %i -j ACCEPT && %x -t %t -I %c -o %i -j ACCEPT"},
        {NULL, TL_FILTER_INPUT, NULL, NULL, "%x -t %t -I %c -p udp --dport %p -j ACCEPT"},
};

/* Whether the last walk passed a chain of that name in the table of `chain`. */
static bool has_passed(const struct tl_filter *filter, const struct tl_filter_chain *chain,
                       const char *name)
{
        const struct tl_filter_chain *other = tl_filter_find(filter, chain->program, chain->family,
                                                             chain->table, name);

        return other && other->was_passed;
}

/* The last rows fit any chain. */
static const struct firewall *find(const struct tl_filter *filter,
                                   const struct tl_filter_chain *chain)
{
        const struct firewall *firewall = firewalls;

        while (firewall->hook != chain->hook ||
               (firewall->chain && !has_passed(filter, chain, firewall->chain)) ||
               (firewall->tool && strcmp(firewall->tool, chain->program) != 0))
                firewall++;
        return firewall;
}

void tl_firewall_name(char out[TL_FIREWALL_NAME_SIZE], const struct tl_filter *filter,
                      const struct tl_filter_chain *chain)
{
        const char *program = find(filter, chain)->program;

        snprintf(out, TL_FIREWALL_NAME_SIZE, "%s %s %s%s%s%s", chain->family, chain->table,
                 chain->name, program ? " (" : "", program ? program : "", program ? ")" : "");
}

/* A command that is being written. */
struct command {
        char *out;
        size_t len;
        bool is_cut; /* it does not fit */
};

static void append(struct command *command, const char *text, size_t len)
{
        command->is_cut |= len > TL_FIREWALL_FIX_SIZE - 1 - command->len;
        if (command->is_cut)
                return;
        memcpy(command->out + command->len, text, len);
        command->len += len;
        command->out[command->len] = '\0';
}

/* Appends a name so that a shell takes it as it is. The kernel accepts any characters in names of
 * tables and chains, although nft(8) does not. */
static void append_name(struct command *command, const char *name)
{
        static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                    "0123456789_=+./-";
        bool is_plain = name[strspn(name, plain)] == '\0';

        append(command, "'", !is_plain);
        for (; *name; name++)
                if (*name == '\'')
                        append(command, "'\\''", 4);
                else
                        append(command, name, 1);
        append(command, "'", !is_plain);
}

void tl_firewall_fix(char out[TL_FIREWALL_FIX_SIZE], const struct tl_filter *filter,
                     const struct tl_filter_chain *chain, const struct tl_filter_packets *packets,
                     const char *link)
{
        char port[8];
        const struct {
                char letter;
                const char *name;
        } names[] = {{'i', link},          {'p', port},         {'x', chain->program},
                     {'f', chain->family}, {'t', chain->table}, {'c', chain->name}};
        struct command command = {.out = out};

        snprintf(port, sizeof(port), "%u", (unsigned int)packets->port);
        for (const char *at = find(filter, chain)->fix; *at; at++) {
                if (*at != '%') {
                        append(&command, at, 1);
                        continue;
                }
                at++;
                for (size_t i = 0; i < WG_ARRAY_SIZE(names); i++)
                        if (names[i].letter == *at)
                                append_name(&command, names[i].name);
        }
        if (command.is_cut) /* half a command is worse than none */
                snprintf(out, TL_FIREWALL_FIX_SIZE, "accept packets to and from %s in that chain",
                         link);
}
