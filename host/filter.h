/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * filter.h - the packet filters of this machine, as far as they decide what happens to connections
 * of a kind: nft(8) and iptables(8) tables in one form, and the walk of a packet through them.
 *
 * A condition that this form lacks (a limit, a mark, a set that nobody reads) is kept as one that
 * may hold or not. The walk then answers only what is certain.
 *
 * Source: nft(8), iptables(8); Linux, nf_tables_core.c, ip_tables.c.
 * Threads: one owner at a time. */
#ifndef HOST_FILTER_H
#define HOST_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/enum.h"
#include "base/prefix.h"
#include "conf/arena.h"

/* Where a chain begins. Other hooks do not matter here. */
#define TL_FILTER_HOOKS(X) \
        X(TL_FILTER_NOWHERE, 0, nowhere, "only by a jump") \
        X(TL_FILTER_INPUT, 1, input, "at packets for this machine") \
        X(TL_FILTER_FORWARD, 2, forward, "at packets that it forwards")
WG_ENUM_DECLARE(tl_filter_hook, TL_FILTER_HOOKS)

#define TL_FILTER_VERDICTS(X) \
        X(TL_FILTER_CONTINUE, 0, go_on, "the next rule decides") \
        X(TL_FILTER_ACCEPT, 1, accept, "accept") \
        X(TL_FILTER_DROP, 2, drop, "drop or reject") \
        X(TL_FILTER_RETURN, 3, go_back, "back to the rule after the jump") \
        X(TL_FILTER_JUMP, 4, jump, "to another chain, and back") \
        X(TL_FILTER_GOTO, 5, go_to, "to another chain") \
        X(TL_FILTER_OTHER, 6, other, "somebody else decides, such as a program with a queue")
WG_ENUM_DECLARE(tl_filter_verdict, TL_FILTER_VERDICTS)

/* What a condition compares. */
#define TL_FILTER_SUBJECTS(X) \
        X(TL_FILTER_UNKNOWN, 0, unknown, "something that this form lacks") \
        X(TL_FILTER_IN, 1, in, "link by which the packet came") \
        X(TL_FILTER_OUT, 2, out, "link by which it leaves") \
        X(TL_FILTER_FAMILY, 3, family, "4 or 6") \
        X(TL_FILTER_FROM, 4, from, "source address") \
        X(TL_FILTER_TO, 5, to, "destination address") \
        X(TL_FILTER_PROTOCOL, 6, protocol, "protocol of IP") \
        X(TL_FILTER_PORT, 7, port, "destination port") \
        X(TL_FILTER_STATE, 8, state, "state of the connection; 1: new, 0: any other")
WG_ENUM_DECLARE(tl_filter_subject, TL_FILTER_SUBJECTS)

/* A link (a * at its end stands for anything), addresses or numbers. */
struct tl_filter_value {
        const char *link;         /* of IN and OUT */
        struct wg_ip first, last; /* of FROM and TO */
        uint32_t lowest, highest; /* of the others */
};

struct tl_filter_condition {
        enum tl_filter_subject subject;
        bool is_inverted;
        bool is_partial;                /* there are values that could not be read */
        struct tl_filter_value *values; /* any of them */
        uint32_t count, capacity;
};

struct tl_filter_rule {
        struct tl_filter_condition *conditions; /* all of them */
        uint32_t count, capacity;
        enum tl_filter_verdict verdict;
        const char *target; /* of a jump: a chain of the same table */
};

struct tl_filter_chain {
        const char *program; /* that shows and changes it: "nft", "iptables", "ip6tables-legacy".
                              * Each has tables of its own */
        const char *family;  /* "ip", "ip6", "inet" */
        const char *table, *name;
        enum tl_filter_hook hook;
        bool drops_by_default; /* the policy of a chain with a hook */
        bool was_passed;       /* by the last walk */
        struct tl_filter_rule *rules;
        uint32_t count, capacity;
};

/* Zeroed memory is an empty filter. */
struct tl_filter {
        struct tl_arena arena;
        struct tl_filter_chain *chains;
        uint32_t count, capacity;
};

/* New connections of a kind. */
struct tl_filter_packets {
        enum tl_filter_hook hook;
        uint8_t family;
        const char *in, *out;      /* links; NULL: any */
        struct wg_prefix from, to; /* family NONE: any */
        uint8_t protocol;          /* 0: any */
        uint16_t port;             /* 0: any */
};

/* What becomes of packets in one chain with a hook. */
#define TL_FILTER_FATES(X) \
        X(TL_FILTER_ACCEPTED, 0, accepted, "all are accepted") \
        X(TL_FILTER_DROPPED, 1, dropped, \
          "they are dropped, unless an uncertain rule accepts some") \
        X(TL_FILTER_CHOSEN, 2, chosen, \
          "they are dropped, but a rule that names their link accepts some: that is intended") \
        X(TL_FILTER_UNCERTAIN, 3, uncertain, "nothing is certain")
WG_ENUM_DECLARE(tl_filter_fate, TL_FILTER_FATES)

/* Walks through a chain that has a hook, and those that it jumps to, setting was_passed. */
enum tl_filter_fate tl_filter_walk(struct tl_filter *filter, const struct tl_filter_chain *chain,
                                   const struct tl_filter_packets *packets) WG_MUST_USE;

/* Whether a chain with a hook sees these packets. */
bool tl_filter_sees(const struct tl_filter_chain *chain,
                    const struct tl_filter_packets *packets) WG_MUST_USE;

/* Whether a rule is about packets that come or leave by that link, by its full name. */
bool tl_filter_names_link(const struct tl_filter_rule *rule, const char *link) WG_MUST_USE;

/* Finds the first chain with these names, each of which may be NULL: any. NULL: there is none. */
struct tl_filter_chain *tl_filter_find(const struct tl_filter *filter, const char *program,
                                       const char *family, const char *table, const char *name);

/* For readers: append an empty chain, rule, condition or value, which is borrowed until the next of
 * its kind is added. Return NULL if there is no memory. Names are copied. */
struct tl_filter_chain *tl_filter_add_chain(struct tl_filter *filter, const char *program,
                                            const char *family, const char *table,
                                            const char *name);
struct tl_filter_rule *tl_filter_add_rule(struct tl_filter *filter, struct tl_filter_chain *chain);
struct tl_filter_condition *tl_filter_add_condition(struct tl_filter *filter,
                                                    struct tl_filter_rule *rule,
                                                    enum tl_filter_subject subject);
struct tl_filter_value *tl_filter_add_value(struct tl_filter *filter,
                                            struct tl_filter_condition *condition);

/* Removes all chains of a table that nft shows. */
void tl_filter_remove_nft(struct tl_filter *filter, const char *family, const char *table);

/* Frees everything. Accepts zeroed memory. The filter is then empty. */
void tl_filter_done(struct tl_filter *filter);

#endif
