/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * plan.h - what has to be done so that an interface which is there, and has its peers, carries its
 * addresses and routes: a list of commands, and how each is undone.
 *
 * Commands are lines of words with one blank between. No word holds a blank or anything that the
 * text of a configuration did not let through, so a line is taken apart at its blanks, and no shell
 * sees it. What goes by itself when the interface goes has no undo: addresses, routes.
 *
 * A default route does not replace the one there is. It goes into a table of its own, in which all
 * is looked up that does not bear the mark of WireGuard's own packets, unless the main table knows
 * a better route than its default one (quick/rules.h). The kernel accepts only one default route in
 * a table, so adding it claims the number: two interfaces never share one. Packets from elsewhere
 * to the interface's own addresses are dropped, and replies to marked UDP packets are marked as
 * well, so that strict reverse-path filtering lets them in.
 *
 * Source: wg-quick(8); ip-rule(8), suppress_prefixlength; nft(8); iptables(8); Linux, ip-sysctl,
 * src_valid_mark.
 * Threads: pure functions of their arguments. */
#ifndef QUICK_PLAN_H
#define QUICK_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/enum.h"
#include "conf/change.h"
#include "conf/wgquick.h"
#include "host/step.h"
#include "quick/rules.h"

/* What names of nft(8) tables and comments of iptables(8) rules begin with; the interface's name
 * follows. */
#define TL_PLAN_TABLE_PREFIX "tieline-quick-"

enum {
        TL_PLAN_OVERHEAD = 80,      /* bytes of outer headers: IPv6 40, UDP 8, WireGuard 32 */
        TL_PLAN_IPV6_MTU = 1280,    /* the least that IPv6 needs (RFC 8200, 5) */
        TL_PLAN_PATH_MTU = 1500,    /* where nothing is known of the way to the peers */
        TL_PLAN_DNS_NAME_SIZE = 48, /* of the longest name of a record, with its terminator */
};

/* The actions of steps that are not commands alone. */
enum tl_plan_action {
        TL_PLAN_MARK = TL_STEP_RUN + 1, /* sets the mark of outer packets to the step's number */
        TL_PLAN_CLAIM,                  /* runs a command that fails if the number is taken */
        TL_PLAN_HEED_MARKS,             /* makes reverse-path lookups use marks */
};

/* How name servers are told to the system. */
#define TL_PLAN_DNS_WAYS(X) \
        X(TL_PLAN_DNS_NONE, 0, none, "in no way that is known") \
        X(TL_PLAN_DNS_RESOLVCONF, 1, resolvconf, "resolvconf(8)") \
        X(TL_PLAN_DNS_RESOLVED, 2, resolved, "systemd-resolved, by resolvectl(1)")
WG_ENUM_DECLARE(tl_plan_dns, TL_PLAN_DNS_WAYS)

/* Facts about this machine. */
struct tl_plan_facts {
        const char *ifname; /* letters, digits, and a few signs */
        bool has_nft;
        bool has_iptables; /* for both families */
        bool lacks_ipv6;   /* IPv6 is off on the interface: only IPv4 is planned */
        enum tl_plan_dns dns;
        char dns_name[TL_PLAN_DNS_NAME_SIZE]; /* of the record for resolvconf */
        uint32_t path_mtu; /* the greatest of the paths to the peers; 0: unknown */
        /* For default routes only. */
        uint32_t number;                  /* unused by others, for the mark and the table */
        struct tl_rules_place ipv4, ipv6; /* where rules go */
};

/* Whether there will be a default route with a table of its own. */
bool tl_plan_has_default(const struct tl_wgquick *quick,
                         const struct tl_change *device) WG_MUST_USE;

/* Whether the interface is to carry IPv6: it has IPv6 addresses or routes. */
bool tl_plan_has_ipv6(const struct tl_wgquick *quick, const struct tl_change *device) WG_MUST_USE;

/* Why this system cannot carry the plan out, as one sentence for a user; NULL: it can. Uses only
 * has_nft, has_iptables, lacks_ipv6 and dns of the facts. */
const char *tl_plan_objection(const struct tl_wgquick *quick, const struct tl_change *device,
                              const struct tl_plan_facts *facts) WG_MUST_USE;

/* Plan everything but default routes with a table of their own, and plan these. The caller releases
 * the steps. Return false if there is no memory. */
bool tl_plan_up(struct tl_steps *steps, const struct tl_wgquick *quick,
                const struct tl_change *device, const struct tl_plan_facts *facts) WG_MUST_USE;
bool tl_plan_defaults(struct tl_steps *steps, const struct tl_wgquick *quick,
                      const struct tl_change *device,
                      const struct tl_plan_facts *facts) WG_MUST_USE;

#endif
