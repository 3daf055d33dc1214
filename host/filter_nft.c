/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "host/filter_nft.h"

#include <jansson.h>
#include <string.h>

#include "conf/address.h"

struct reader {
        struct tl_filter *filter;
        json_t *objects; /* the array of tables, chains, rules and sets */
        const char *except;
};

/* The rule that is being read. A verdict map makes several of it. */
struct draft {
        struct reader *reader;
        const char *family, *table;
        struct tl_filter_chain *chain;
        struct tl_filter_rule *rule;
};

static const char *text_of(const json_t *object, const char *key)
{
        const char *text = json_string_value(json_object_get(object, key));

        return text ? text : "";
}

/* ---- values ---- */

static bool read_address(const char *text, struct wg_ip *ip)
{
        return tl_address_parse_ip((struct tl_text){text, strlen(text)}, ip);
}

static bool read_number(const json_t *json, uint32_t *number)
{
        static const struct {
                const char *name;
                uint32_t number;
        } names[] = {{"tcp", 6},
                     {"udp", 17},
                     {"icmp", 1},
                     {"ipv6-icmp", 58},
                     {"icmpv6", 58},
                     {"sctp", 132},
                     {"ipv4", WG_FAMILY_IPV4},
                     {"ipv6", WG_FAMILY_IPV6},
                     {"new", 1},
                     {"established", 0},
                     {"related", 0},
                     {"invalid", 0},
                     {"untracked", 0}};

        if (json_is_integer(json)) {
                *number = (uint32_t)json_integer_value(json);
                return true;
        }
        for (size_t i = 0; json_is_string(json) && i < WG_ARRAY_SIZE(names); i++)
                if (strcmp(json_string_value(json), names[i].name) == 0) {
                        *number = names[i].number;
                        return true;
                }
        return false;
}

static bool read_prefix(const json_t *json, struct tl_filter_value *value)
{
        struct wg_prefix prefix;
        json_int_t len = json_integer_value(json_object_get(json, "len"));

        if (!read_address(text_of(json, "addr"), &prefix.ip) || len < 0 ||
            len > (json_int_t)wg_ip_bits(&prefix.ip))
                return false;
        prefix.cidr = (uint8_t)len;
        wg_prefix_mask(&prefix);
        value->first = prefix.ip;
        value->last = wg_prefix_last(&prefix);
        return true;
}

/* Reads one address or number, or the ends of a range. */
static bool read_ends(const json_t *lowest, const json_t *highest, bool is_address,
                      struct tl_filter_value *value)
{
        if (!is_address)
                return read_number(lowest, &value->lowest) && read_number(highest, &value->highest);
        return json_is_string(lowest) && json_is_string(highest) &&
               read_address(json_string_value(lowest), &value->first) &&
               read_address(json_string_value(highest), &value->last);
}

static bool read_value(const json_t *json, enum tl_filter_subject subject,
                       struct tl_filter_value *value)
{
        bool is_address = subject == TL_FILTER_FROM || subject == TL_FILTER_TO;
        const json_t *range = json_object_get(json, "range");
        const json_t *prefix = json_object_get(json, "prefix");

        if (subject == TL_FILTER_IN || subject == TL_FILTER_OUT) {
                value->link = json_string_value(json);
                return value->link;
        }
        if (prefix)
                return is_address && read_prefix(prefix, value);
        if (range)
                return read_ends(json_array_get(range, 0), json_array_get(range, 1), is_address,
                                 value);
        return read_ends(json, json, is_address, value);
}

static bool add_value(struct draft *draft, struct tl_filter_condition *condition,
                      const json_t *json)
{
        struct tl_filter *filter = draft->reader->filter;
        struct tl_filter_value value = {0}, *added;

        if (!read_value(json, condition->subject, &value)) {
                condition->is_partial = true;
                return true;
        }
        if (value.link)
                value.link = tl_arena_copy(&filter->arena, value.link, strlen(value.link));
        added = tl_filter_add_value(filter, condition);
        if (!added ||
            ((condition->subject == TL_FILTER_IN || condition->subject == TL_FILTER_OUT) &&
             !value.link))
                return false;
        *added = value;
        return true;
}

/* The set or map of that name in the rule's table; NULL: there is none. */
static const json_t *find_named(const struct draft *draft, const char *kind, const char *name)
{
        size_t i;
        json_t *object;

        json_array_foreach(draft->reader->objects, i, object)
        {
                const json_t *named = json_object_get(object, kind);

                if (named && strcmp(text_of(named, "name"), name) == 0 &&
                    strcmp(text_of(named, "table"), draft->table) == 0 &&
                    strcmp(text_of(named, "family"), draft->family) == 0)
                        return named;
        }
        return NULL;
}

/* Adds one value, the elements of a set, or a list of values. */
static bool add_values(struct draft *draft, struct tl_filter_condition *condition,
                       const json_t *json)
{
        const json_t *element = json_object_get(json, "elem");
        size_t i;
        json_t *item;

        if (json_object_get(json, "set"))
                json = json_object_get(json, "set");
        else if (element) /* with a timeout, a counter or a comment */
                json = json_object_get(element, "val");
        if (!json_is_array(json))
                return add_value(draft, condition, json);
        json_array_foreach(json, i, item) if (!add_values(draft, condition, item)) return false;
        return true;
}

/* The same for the right side of a comparison, which may be the name of a set. */
static bool add_right_side(struct draft *draft, struct tl_filter_condition *condition,
                           const json_t *json)
{
        const char *text = json_string_value(json);
        const json_t *set;

        if (!text || text[0] != '@')
                return add_values(draft, condition, json);
        set = find_named(draft, "set", text + 1);
        if (!set)
                condition->is_partial = true;
        json = json_object_get(set, "elem"); /* an empty set has none */
        return !json || add_values(draft, condition, json);
}

/* ---- conditions ---- */

static const struct {
        const char *protocol, *field;
        enum tl_filter_subject subject;
        uint32_t number; /* the protocol of IP that the field implies; 0: none */
} fields[] = {
        {"ip", "saddr", TL_FILTER_FROM, 0},        {"ip6", "saddr", TL_FILTER_FROM, 0},
        {"ip", "daddr", TL_FILTER_TO, 0},          {"ip6", "daddr", TL_FILTER_TO, 0},
        {"ip", "protocol", TL_FILTER_PROTOCOL, 0}, {"ip6", "nexthdr", TL_FILTER_PROTOCOL, 0},
        {"tcp", "dport", TL_FILTER_PORT, 6},       {"udp", "dport", TL_FILTER_PORT, 17},
        {"th", "dport", TL_FILTER_PORT, 0},        {"icmp", "type", TL_FILTER_UNKNOWN, 1},
        {"icmpv6", "type", TL_FILTER_UNKNOWN, 58},
};

static const struct {
        const char *key;
        enum tl_filter_subject subject;
} metas[] = {
        {"iifname", TL_FILTER_IN},       {"iif", TL_FILTER_IN},
        {"oifname", TL_FILTER_OUT},      {"oif", TL_FILTER_OUT},
        {"nfproto", TL_FILTER_FAMILY},   {"protocol", TL_FILTER_UNKNOWN},
        {"l4proto", TL_FILTER_PROTOCOL},
};

/* Adds the condition that a number is this one. */
static bool add_number(struct draft *draft, enum tl_filter_subject subject, uint32_t number)
{
        struct tl_filter *filter = draft->reader->filter;
        struct tl_filter_condition *condition = tl_filter_add_condition(filter, draft->rule,
                                                                        subject);
        struct tl_filter_value *value = condition ? tl_filter_add_value(filter, condition) : NULL;

        if (!value)
                return false;
        value->lowest = value->highest = number;
        return true;
}

/* What the left side of a comparison is. Adds what it implies: `tcp dport` is only about TCP, and
 * `ip saddr` only about IPv4. */
static bool find_subject(struct draft *draft, const json_t *left, enum tl_filter_subject *subject)
{
        const json_t *meta = json_object_get(left, "meta"), *ct = json_object_get(left, "ct");
        const json_t *payload = json_object_get(left, "payload");
        const char *protocol = text_of(payload, "protocol");

        *subject = TL_FILTER_UNKNOWN;
        for (size_t i = 0; meta && i < WG_ARRAY_SIZE(metas); i++)
                if (strcmp(text_of(meta, "key"), metas[i].key) == 0)
                        *subject = metas[i].subject;
        if (ct && strcmp(text_of(ct, "key"), "state") == 0)
                *subject = TL_FILTER_STATE;
        if (payload && strcmp(protocol, "ip") == 0 &&
            !add_number(draft, TL_FILTER_FAMILY, WG_FAMILY_IPV4))
                return false;
        if (payload && strcmp(protocol, "ip6") == 0 &&
            !add_number(draft, TL_FILTER_FAMILY, WG_FAMILY_IPV6))
                return false;
        for (size_t i = 0; payload && i < WG_ARRAY_SIZE(fields); i++) {
                if (strcmp(protocol, fields[i].protocol) != 0 ||
                    strcmp(text_of(payload, "field"), fields[i].field) != 0)
                        continue;
                *subject = fields[i].subject;
                if (fields[i].number && !add_number(draft, TL_FILTER_PROTOCOL, fields[i].number))
                        return false;
        }
        return true;
}

/* Adds the condition that the left side is, or is not, one of the values on the right. */
static bool add_comparison(struct draft *draft, const json_t *left, const char *op,
                           const json_t *right)
{
        bool is_equal = strcmp(op, "==") == 0 || strcmp(op, "in") == 0;
        struct tl_filter_condition *condition;
        enum tl_filter_subject subject;

        if (!find_subject(draft, left, &subject))
                return false;
        if (!is_equal && strcmp(op, "!=") != 0)
                subject = TL_FILTER_UNKNOWN; /* less, greater */
        condition = tl_filter_add_condition(draft->reader->filter, draft->rule, subject);
        if (!condition)
                return false;
        condition->is_inverted = !is_equal;
        return subject == TL_FILTER_UNKNOWN || add_right_side(draft, condition, right);
}

static bool add_unknown(struct draft *draft)
{
        return tl_filter_add_condition(draft->reader->filter, draft->rule, TL_FILTER_UNKNOWN);
}

/* ---- statements ---- */

static const struct {
        const char *name;
        enum tl_filter_verdict verdict;
} verdicts[] = {
        {"accept", TL_FILTER_ACCEPT}, {"drop", TL_FILTER_DROP}, {"reject", TL_FILTER_DROP},
        {"return", TL_FILTER_RETURN}, {"jump", TL_FILTER_JUMP}, {"goto", TL_FILTER_GOTO},
        {"queue", TL_FILTER_OTHER},
};

/* Statements that may end the rule before its verdict. */
static const char *const uncertain[] = {"limit", "quota", "connlimit", "ct count", "fib"};

/* Sets the verdict if the statement is one. */
static bool read_verdict(struct draft *draft, const json_t *statement)
{
        struct tl_arena *arena = &draft->reader->filter->arena;

        for (size_t i = 0; i < WG_ARRAY_SIZE(verdicts); i++) {
                const json_t *value = json_object_get(statement, verdicts[i].name);
                const char *target = text_of(value, "target");

                if (!value)
                        continue;
                draft->rule->verdict = verdicts[i].verdict;
                draft->rule->target = tl_arena_copy(arena, target, strlen(target));
                return draft->rule->target;
        }
        return true;
}

/* Extensions of iptables: matches are unknown here; a target that decides is nft's own. */
static bool read_extension(struct draft *draft, const json_t *extension)
{
        const char *name = text_of(extension, "name");

        if (strcmp(text_of(extension, "type"), "target") != 0)
                return add_unknown(draft);
        if (strcmp(name, "REJECT") == 0)
                draft->rule->verdict = TL_FILTER_DROP;
        else if (strcmp(name, "NFQUEUE") == 0)
                draft->rule->verdict = TL_FILTER_OTHER;
        return true;
}

/* Copies the conditions so far to a new rule of the chain, which then is the draft's. */
static bool fork_rule(struct draft *draft, struct tl_filter_rule before)
{
        struct tl_filter *filter = draft->reader->filter;

        draft->rule = tl_filter_add_rule(filter, draft->chain);
        for (uint32_t i = 0; draft->rule && i < before.count; i++) {
                struct tl_filter_condition *copy = tl_filter_add_condition(
                        filter, draft->rule, before.conditions[i].subject);

                if (!copy)
                        return false;
                *copy = before.conditions[i];
        }
        return draft->rule;
}

/* A verdict map is a list of rules, of which at most one applies. */
static bool read_map(struct draft *draft, const json_t *map)
{
        const json_t *data = json_object_get(map, "data"), *items = json_object_get(data, "set");
        const char *name = json_string_value(data);
        struct tl_filter_rule before = *draft->rule;
        size_t i;
        json_t *item;

        if (name && name[0] == '@')
                items = json_object_get(find_named(draft, "map", name + 1), "elem");
        json_array_foreach(items, i, item)
        {
                const json_t *key = json_array_get(item, 0);

                if (!fork_rule(draft, before) ||
                    !add_comparison(draft, json_object_get(map, "key"), "==", key) ||
                    !read_verdict(draft, json_array_get(item, 1)))
                        return false;
        }
        return true;
}

static bool read_statement(struct draft *draft, const json_t *statement)
{
        const json_t *match = json_object_get(statement, "match");
        const json_t *map = json_object_get(statement, "vmap");
        const json_t *extension = json_object_get(statement, "xt");

        if (match)
                return add_comparison(draft, json_object_get(match, "left"), text_of(match, "op"),
                                      json_object_get(match, "right"));
        if (map)
                return read_map(draft, map);
        if (extension)
                return read_extension(draft, extension);
        for (size_t i = 0; i < WG_ARRAY_SIZE(uncertain); i++)
                if (json_object_get(statement, uncertain[i]))
                        return add_unknown(draft);
        return read_verdict(draft, statement);
}

/* ---- objects ---- */

static bool is_relevant(const struct reader *reader, const json_t *object)
{
        const char *family = text_of(object, "family"), *table = text_of(object, "table");

        if (strcmp(family, "inet") == 0)
                return !reader->except || strcmp(table, reader->except) != 0;
        return strcmp(family, "ip") == 0 || strcmp(family, "ip6") == 0;
}

static bool read_chain(struct reader *reader, const json_t *json)
{
        const char *hook = text_of(json, "hook");
        struct tl_filter_chain *chain = tl_filter_add_chain(
                reader->filter, "nft", text_of(json, "family"), text_of(json, "table"),
                text_of(json, "name"));

        if (!chain)
                return false;
        if (strcmp(hook, "forward") == 0)
                chain->hook = TL_FILTER_FORWARD;
        else if (strcmp(hook, "input") == 0)
                chain->hook = TL_FILTER_INPUT;
        chain->drops_by_default = strcmp(text_of(json, "policy"), "drop") == 0;
        return true;
}

static bool read_rule(struct reader *reader, const json_t *json)
{
        struct draft draft = {
                .reader = reader,
                .family = text_of(json, "family"),
                .table = text_of(json, "table"),
        };
        size_t i;
        json_t *statement;

        draft.chain = tl_filter_find(reader->filter, "nft", draft.family, draft.table,
                                     text_of(json, "chain"));
        if (!draft.chain)
                return true;
        draft.rule = tl_filter_add_rule(reader->filter, draft.chain);
        if (!draft.rule)
                return false;
        json_array_foreach(json_object_get(json, "expr"), i, statement)
        {
                if (!read_statement(&draft, statement))
                        return false;
        }
        return true;
}

static bool read_all(struct reader *reader, const char *kind,
                     bool (*read)(struct reader *reader, const json_t *json))
{
        size_t i;
        json_t *object;

        json_array_foreach(reader->objects, i, object)
        {
                const json_t *json = json_object_get(object, kind);

                if (json && is_relevant(reader, json) && !read(reader, json))
                        return false;
        }
        return true;
}

bool tl_filter_read_nft(struct tl_filter *filter, const char *text, size_t len, const char *except)
{
        json_t *root = json_loadb(text, len, 0, NULL);
        struct reader reader = {
                .filter = filter,
                .objects = json_object_get(root, "nftables"),
                .except = except,
        };
        bool is_good = json_is_array(reader.objects) && read_all(&reader, "chain", read_chain) &&
                       read_all(&reader, "rule", read_rule);

        json_decref(root);
        return is_good;
}
