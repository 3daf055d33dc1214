/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * plan.h - the steps that give an interface its addresses, routes and name servers. The interface
 * exists and has its peers.
 *
 * host/run.h defines commands. The parser of the file allows no blanks in words. Addresses and
 * routes go away with the interface, so they need no undo command.
 *
 * A default route does not replace the existing one. It goes into a table of its own, which routes
 * all packets without the mark of outer packets, unless the main table has a better route than its
 * default one (quick/rules.h). The kernel accepts only one default route per table, so adding it
 * claims the number, and two interfaces never share one. Packets to the interface's own addresses
 * that come in by another link are dropped. Replies to marked UDP packets get the same mark, so
 * that strict reverse-path filtering accepts them.
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

/* Precedes the interface's name in names of nft(8) tables and comments of iptables(8) rules. */
#define TL_PLAN_TABLE_PREFIX "tieline-quick-"

enum {
        TL_PLAN_OVERHEAD = 80,      /* bytes of outer headers: IPv6 40, UDP 8, WireGuard 32 */
        TL_PLAN_IPV6_MTU = 1280,    /* the minimum for IPv6 (RFC 8200, 5) */
        TL_PLAN_PATH_MTU = 1500,    /* if no path to a peer is known */
        TL_PLAN_DNS_NAME_SIZE = 48, /* bytes for the longest record name, with its terminator */
};

/* Actions of steps other than TL_STEP_RUN. */
enum tl_plan_action {
        TL_PLAN_MARK = TL_STEP_RUN + 1, /* sets the mark of outer packets to the step's number */
        TL_PLAN_CLAIM,                  /* runs a command that fails if the number is taken */
        TL_PLAN_HEED_MARKS,             /* makes reverse-path lookups use marks */
};

/* How to set name servers. */
#define TL_PLAN_DNS_WAYS(X) \
        X(TL_PLAN_DNS_NONE, 0, none, "not supported on this machine") \
        X(TL_PLAN_DNS_RESOLVCONF, 1, resolvconf, "resolvconf(8)") \
        X(TL_PLAN_DNS_RESOLVED, 2, resolved, "systemd-resolved, through resolvectl(1)")
WG_ENUM_DECLARE(tl_plan_dns, TL_PLAN_DNS_WAYS)

/* Facts about this machine. */
struct tl_plan_facts {
        const char *ifname; /* letters, digits and _=+.- */
        bool has_nft;
        bool has_iptables; /* for both families */
        bool lacks_ipv6;   /* IPv6 is off on the interface: only IPv4 is planned */
        enum tl_plan_dns dns;
        char dns_name[TL_PLAN_DNS_NAME_SIZE]; /* the name of the record for resolvconf */
        uint32_t path_mtu; /* the largest MTU of the paths to the peers; 0: unknown */
        /* For default routes only. */
        uint32_t number;                  /* for the mark and the table; no other program uses it */
        struct tl_rules_place ipv4, ipv6; /* where rules go */
};

/* Whether the plan has a default route with a table of its own. */
bool tl_plan_has_default(const struct tl_wgquick *quick,
                         const struct tl_change *device) WG_MUST_USE;

/* Whether the interface has IPv6 addresses or routes. */
bool tl_plan_has_ipv6(const struct tl_wgquick *quick, const struct tl_change *device) WG_MUST_USE;

/* Returns why the plan cannot be carried out on this machine, as one sentence for the user, or NULL
 * if it can. Uses only has_nft, has_iptables, lacks_ipv6 and dns of the facts. */
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
