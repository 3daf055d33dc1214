/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "host/filter_iptables.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "conf/address.h"

enum { WORD_SIZE = 1024, NAME_SIZE = 64 };

/* A line that is being read, word by word. */
struct line {
        const char *at, *end;
        char word[WORD_SIZE]; /* the current one, without quotes; longer ones are truncated */
};

struct reader {
        struct tl_filter *filter;
        const char *family; /* "ip" or "ip6" */
        const char *program;
        bool is_nft;           /* the tables are among those that nft shows */
        char table[NAME_SIZE]; /* "": none, or one that does not matter */
        struct tl_filter_rule *rule;
};

/* ---- words ---- */

/* Reads the next word. Returns false at the end of the line. */
static bool next(struct line *line)
{
        bool is_quoted = false;
        size_t len = 0;

        while (line->at < line->end && *line->at == ' ')
                line->at++;
        if (line->at == line->end)
                return false;
        for (; line->at < line->end && (is_quoted || *line->at != ' '); line->at++) {
                if (*line->at == '"') {
                        is_quoted = !is_quoted;
                        continue;
                }
                if (is_quoted && *line->at == '\\' && line->at + 1 < line->end)
                        line->at++;
                if (len + 1 < sizeof(line->word))
                        line->word[len++] = *line->at;
        }
        line->word[len] = '\0';
        return true;
}

/* ---- values ---- */

/* iptables writes + where nft writes *. */
static bool read_link(struct reader *reader, const char *word, struct tl_filter_value *value)
{
        size_t len = strlen(word);
        char *link = tl_arena_copy(&reader->filter->arena, word, len);

        if (link && len && link[len - 1] == '+')
                link[len - 1] = '*';
        value->link = link;
        return link;
}

/* Only prefixes: iptables also accepts masks with holes. */
static bool read_prefix(const char *word, struct tl_filter_value *value)
{
        struct wg_prefix prefix;

        if (!tl_address_parse_prefix((struct tl_text){word, strlen(word)}, &prefix))
                return false;
        wg_prefix_mask(&prefix);
        value->first = prefix.ip;
        value->last = wg_prefix_last(&prefix);
        return true;
}

static bool read_protocol(const char *word, struct tl_filter_value *value)
{
        static const struct {
                const char *name;
                uint32_t number;
        } names[] = {{"tcp", 6},        {"udp", 17},    {"icmp", 1},
                     {"ipv6-icmp", 58}, {"icmpv6", 58}, {"sctp", 132}};

        value->lowest = isdigit((unsigned char)word[0]) ? (uint32_t)strtoul(word, NULL, 10) : 0;
        for (size_t i = 0; i < WG_ARRAY_SIZE(names); i++)
                if (strcmp(word, names[i].name) == 0)
                        value->lowest = names[i].number;
        value->highest = value->lowest;
        return value->lowest;
}

/* "443", "5000:5010". */
static bool read_ports(const char *word, struct tl_filter_value *value)
{
        char *rest;

        value->lowest = value->highest = (uint32_t)strtoul(word, &rest, 10);
        if (rest != word && *rest == ':')
                value->highest = (uint32_t)strtoul(rest + 1, &rest, 10);
        return rest != word && !*rest;
}

static bool read_state(const char *word, struct tl_filter_value *value)
{
        value->lowest = value->highest = strcmp(word, "NEW") == 0;
        return true;
}

static bool read_value(struct reader *reader, enum tl_filter_subject subject, const char *word,
                       struct tl_filter_value *value)
{
        switch (subject) {
        case TL_FILTER_IN:
        case TL_FILTER_OUT:
                return read_link(reader, word, value);
        case TL_FILTER_FROM:
        case TL_FILTER_TO:
                return read_prefix(word, value);
        case TL_FILTER_PROTOCOL:
                return read_protocol(word, value);
        case TL_FILTER_PORT:
                return read_ports(word, value);
        case TL_FILTER_STATE:
                return read_state(word, value);
        case TL_FILTER_UNKNOWN:
        case TL_FILTER_FAMILY:
                break;
        }
        return false;
}

/* ---- rules ---- */

static const struct {
        const char *option;
        enum tl_filter_subject subject;
} options[] = {
        {"-i", TL_FILTER_IN},         {"-o", TL_FILTER_OUT},          {"-s", TL_FILTER_FROM},
        {"-d", TL_FILTER_TO},         {"-p", TL_FILTER_PROTOCOL},     {"--dport", TL_FILTER_PORT},
        {"--dports", TL_FILTER_PORT}, {"--ctstate", TL_FILTER_STATE}, {"--state", TL_FILTER_STATE},
};

/* Adds the condition that the subject is, or is not, one of the values between commas. */
static bool add_condition(struct reader *reader, enum tl_filter_subject subject, bool is_inverted,
                          char *values)
{
        struct tl_filter *filter = reader->filter;
        struct tl_filter_condition *condition = tl_filter_add_condition(filter, reader->rule,
                                                                        subject);
        char *rest = NULL;

        if (!condition)
                return false;
        condition->is_inverted = is_inverted;
        for (char *word = strtok_r(values, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
                struct tl_filter_value value = {0}, *added;

                if (!read_value(reader, subject, word, &value)) {
                        condition->is_partial = true;
                        continue;
                }
                added = tl_filter_add_value(filter, condition);
                if (!added)
                        return false;
                *added = value;
        }
        return true;
}

static bool add_unknown(struct reader *reader)
{
        return tl_filter_add_condition(reader->filter, reader->rule, TL_FILTER_UNKNOWN);
}

/* One option with its values. An option that is not in the table may mean anything; its values,
 * which do not begin with a dash, are skipped by the caller as if they were options. */
static bool read_option(struct reader *reader, struct line *line, bool is_inverted)
{
        if (strcmp(line->word, "-m") == 0 || strcmp(line->word, "--comment") == 0 ||
            strcmp(line->word, "--match") == 0) {
                (void)next(line);
                return true;
        }
        for (size_t i = 0; i < WG_ARRAY_SIZE(options); i++)
                if (strcmp(line->word, options[i].option) == 0)
                        return !next(line) ||
                               add_condition(reader, options[i].subject, is_inverted, line->word);
        return add_unknown(reader);
}

/* Targets that are no chains, and decide. All others let the packet go on. */
static enum tl_filter_verdict find_verdict(const char *target)
{
        static const struct {
                const char *target;
                enum tl_filter_verdict verdict;
        } verdicts[] = {
                {"ACCEPT", TL_FILTER_ACCEPT}, {"DROP", TL_FILTER_DROP},
                {"REJECT", TL_FILTER_DROP},   {"RETURN", TL_FILTER_RETURN},
                {"QUEUE", TL_FILTER_OTHER},   {"NFQUEUE", TL_FILTER_OTHER},
        };

        for (size_t i = 0; i < WG_ARRAY_SIZE(verdicts); i++)
                if (strcmp(target, verdicts[i].target) == 0)
                        return verdicts[i].verdict;
        return TL_FILTER_CONTINUE;
}

static bool set_target(struct reader *reader, const char *target, bool is_goto)
{
        reader->rule->verdict = find_verdict(target);
        if (!tl_filter_find(reader->filter, reader->program, reader->family, reader->table, target))
                return true;
        reader->rule->verdict = is_goto ? TL_FILTER_GOTO : TL_FILTER_JUMP;
        reader->rule->target = tl_arena_copy(&reader->filter->arena, target, strlen(target));
        return reader->rule->target;
}

/* "-A CHAIN OPTIONS -j TARGET OPTIONS". */
static bool read_rule(struct reader *reader, struct line *line)
{
        struct tl_filter_chain *chain;
        bool is_inverted = false;

        if (!next(line))
                return true;
        chain = tl_filter_find(reader->filter, reader->program, reader->family, reader->table,
                               line->word);
        if (!chain)
                return true;
        reader->rule = tl_filter_add_rule(reader->filter, chain);
        while (reader->rule && next(line)) {
                bool is_goto = strcmp(line->word, "-g") == 0;

                if (is_goto || strcmp(line->word, "-j") == 0)
                        return !next(line) || set_target(reader, line->word, is_goto);
                if (strcmp(line->word, "!") == 0) {
                        is_inverted = true;
                        continue;
                }
                if (!read_option(reader, line, is_inverted))
                        return false;
                is_inverted = false;
        }
        return reader->rule;
}

/* ---- chains and tables ---- */

/* ":FORWARD DROP [0:0]". */
static bool read_chain(struct reader *reader, struct line *line)
{
        struct tl_filter_chain *chain;

        if (!next(line))
                return true;
        chain = tl_filter_add_chain(reader->filter, reader->program, reader->family, reader->table,
                                    line->word);
        if (!chain)
                return false;
        if (strcmp(line->word, "FORWARD") == 0)
                chain->hook = TL_FILTER_FORWARD;
        else if (strcmp(line->word, "INPUT") == 0)
                chain->hook = TL_FILTER_INPUT;
        chain->drops_by_default = next(line) && strcmp(line->word, "DROP") == 0;
        return true;
}

/* "# Generated by iptables-save v1.8.9 (nf_tables) on ...", or by xtables-save before 1.8.3. */
static bool is_by_nft(const char *text)
{
        const char *end = text + strcspn(text, "\n"), *first = strstr(text, "nf_tables");
        const char *old = strstr(text, "xtables-save");

        return (first && first < end) || (old && old < end);
}

/* "*filter". */
static void begin_table(struct reader *reader, struct line *line)
{
        reader->table[0] = '\0';
        if (!next(line) || strcmp(line->word, "nat") == 0 ||
            strlen(line->word) >= sizeof(reader->table))
                return;
        memcpy(reader->table, line->word, strlen(line->word) + 1);
        if (reader->is_nft)
                tl_filter_remove_nft(reader->filter, reader->family, reader->table);
}

static bool read_line(struct reader *reader, struct line *line)
{
        char first = line->at < line->end ? *line->at : '\0';

        if (first == '*') {
                line->at++;
                begin_table(reader, line);
                return true;
        }
        if (!reader->table[0])
                return true;
        if (first == ':') {
                line->at++;
                return read_chain(reader, line);
        }
        if (first == '-' && next(line) && strcmp(line->word, "-A") == 0)
                return read_rule(reader, line);
        return true;
}

bool tl_filter_read_iptables(struct tl_filter *filter, const char *text, uint8_t family,
                             const char *program)
{
        struct reader reader = {
                .filter = filter,
                .family = family == WG_FAMILY_IPV4 ? "ip" : "ip6",
                .program = program,
                .is_nft = is_by_nft(text),
        };
        struct line line;

        for (line.at = text; *line.at; line.at = *line.end ? line.end + 1 : line.end) {
                line.end = line.at + strcspn(line.at, "\n");
                struct line part = {.at = line.at, .end = line.end};

                if (!read_line(&reader, &part))
                        return false;
        }
        return true;
}
