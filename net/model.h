/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * model.h - the office network: the entries of a network file with their derived values, and the
 * references between them resolved.
 *
 * Everything in net/ is a pure function of the file, the lock and, for one machine, its local
 * facts. Entries are addressed by index. A model borrows from its network and lock, which must
 * outlive it.
 *
 * Source: doc/ tieline.yaml(5). Threads: one owner at a time; constant once built. */
#ifndef NET_MODEL_H
#define NET_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/enum.h"
#include "base/prefix.h"
#include "conf/arena.h"
#include "conf/findings.h"
#include "conf/lock.h"
#include "conf/network.h"
#include "net/nest.h"

#define TL_MODEL_NONE UINT32_MAX /* no index */

/* Peers of the network. */
#define TL_NODE_KINDS(X) \
        X(TL_NODE_HUB, 0, hub, "hub") \
        X(TL_NODE_SITE, 1, site, "node of a site") \
        X(TL_NODE_DEVICE, 2, device, "device of a person")
WG_ENUM_DECLARE(tl_node_kind, TL_NODE_KINDS)

struct tl_node {
        enum tl_node_kind kind;
        const char *name;   /* "z", "a", "e/laptop" */
        struct tl_place at; /* of the name */
        const struct tl_network_node *in_file;
        struct wg_ip ip4, ip6; /* in the tunnel; NONE: none derived */
        uint32_t hub;          /* node index of its hub; of a hub: its own */
        uint32_t site;         /* index of its site; NONE for hubs and devices */
        uint32_t person;       /* index of its person; NONE for others */
        bool is_stock;
};

/* A LAN of a site. */
struct tl_lan {
        uint32_t site;
        struct wg_prefix prefix;
        struct wg_prefix mapped; /* IPv4 only; family NONE: none. Always leads to the LAN */
        struct wg_prefix wire; /* what it is in the tunnel: `prefix`, or `mapped` if another LAN or
                                  * the pool overlaps it */
        struct tl_place overlap; /* of what overlaps it, if `wire` is mapped; else line 0 */
        uint32_t overlap_lan;    /* its index, then; TL_MODEL_NONE: it is the pool */
        struct wg_ip node_at;    /* the node's address in it; NONE: not known */
        struct wg_ip router_at;  /* the router's; NONE: not known */
        struct tl_place at;
};

struct tl_site {
        const struct tl_network_site *in_file;
        const char *name;
        uint32_t node; /* node index */
        uint32_t lan_first, lan_count;
        uint32_t host_first, host_count;
};

/* Addresses of a LAN that stand for machines elsewhere (conf/network.h). */
struct tl_stand_in {
        uint32_t lan;
        struct wg_prefix here;  /* of the LAN's family */
        struct wg_prefix there; /* of the same length, as in the tunnel */
        const char *name;       /* of the machine; NULL: a block, or an address */
        struct tl_place at;
        uint32_t outer; /* index of the one in the same LAN with the closest `there` around this
                         * one; TL_MODEL_NONE: none */
};

/* A network other than the LANs of its own site that a node is in: what it sends to addresses there
 * does not enter the tunnel. */
struct tl_presence {
        uint32_t node;
        struct wg_prefix prefix;
        bool is_declared; /* in the file, so that all nodes know; else a fact of this machine */
        struct tl_place at;
};

/* A plain device on a LAN. */
struct tl_host {
        const char *name;
        struct tl_place at;
        uint32_t site;
        struct wg_ip ip4, ip6; /* either may be NONE */
        bool is_lab_only;      /* from the lab section: the plan must not depend on it */
};

/* What a name of the file stands for. */
#define TL_ENTITY_KINDS(X) \
        X(TL_ENTITY_NODE, 0, node, "a node") \
        X(TL_ENTITY_SITE, 1, site, "a site") \
        X(TL_ENTITY_PERSON, 2, person, "a person") \
        X(TL_ENTITY_GROUP, 3, group, "a group") \
        X(TL_ENTITY_HOST, 4, host, "a device on a LAN") \
        X(TL_ENTITY_SERVICE, 5, service, "a service")
WG_ENUM_DECLARE(tl_entity_kind, TL_ENTITY_KINDS)

struct tl_entity {
        const char *name;
        struct tl_place at; /* where it is defined; of a group, its first member's mention */
        enum tl_entity_kind kind;
        uint32_t index; /* of a node, site, person, group, host or service */
};

struct tl_group {
        const char *name;
        struct tl_place at; /* of a mention */
        uint32_t *people;   /* indices */
        uint32_t count, capacity;
};

struct tl_service {
        const struct tl_network_service *in_file;
        struct wg_ip ip4, ip6; /* of its host; either may be NONE */
        uint32_t site;         /* of a host on a LAN; else NONE */
};

struct tl_model {
        const struct tl_network *network;
        const struct tl_lock *lock;
        struct tl_arena arena;
        const char *domain;
        struct wg_prefix pool4,
                pool6; /* of tunnel addresses; pool6 is a /64; NONE: no such family */

        struct tl_node *nodes; /* hubs first, then sites, then devices, each in the file's order */
        uint32_t node_count;
        uint32_t hub_count; /* nodes 0 .. hub_count - 1 */
        struct tl_site *sites;
        uint32_t site_count;
        struct tl_lan *lans; /* those of a site follow each other */
        uint32_t lan_count;
        struct tl_stand_in *stand_ins; /* sorted by LAN, then `there` */
        uint32_t stand_in_count;
        struct tl_presence *presences; /* sorted by node */
        uint32_t presence_count, presence_capacity;
        struct tl_host *hosts; /* those of a site follow each other */
        uint32_t host_count;
        struct tl_group *groups;
        uint32_t group_count;
        struct tl_service *services;
        uint32_t service_count;
        uint32_t person_count;  /* as in the network */
        uint32_t *person_nodes; /* per person + 1: index of the first of its devices' nodes */

        struct tl_entity *entities; /* sorted by name */
        uint32_t entity_count;

        /* For the lookups below. */
        const struct tl_node **by_key; /* nodes that have a key, sorted by it */
        uint32_t by_key_count;
        const struct tl_node **by_ip4, **by_ip6; /* all nodes; those without one come first */
        /* Wire and mapped prefixes of LANs; then their own. `id` is the index of the LAN. */
        struct tl_nest_item *lans_by_prefix, *lans_by_own;
        uint32_t lans_by_prefix_count;
        const struct tl_stand_in **by_here; /* stand-ins, sorted by LAN, then `here` */
};

/* Builds the model of a network whose lock has all values (net/derive.h). If its reader has found
 * mistakes, only those that remain are added. Returns whether there are none: unknown names, names
 * used twice, addresses outside their prefix, two nodes with one key, a site without a hub.
 * Findings suggest similar names. Whether prefixes and addresses can be used together is checked by
 * net/conflicts. The caller releases *model either way. */
bool tl_model_build(struct tl_model *model, const struct tl_network *network,
                    const struct tl_lock *lock, struct tl_findings *findings) WG_MUST_USE;

/* Frees everything. Accepts zeroed memory. */
void tl_model_done(struct tl_model *model);

/* Adds a network that a node is in, after others of that node. Returns false if there is no memory.
 */
bool tl_model_add_presence(struct tl_model *model, const struct tl_presence *presence) WG_MUST_USE;

/* The index of the first network that a node is in, or of a later node's. Those of a node follow
 * each other. */
uint32_t tl_model_first_presence(const struct tl_model *model, uint32_t node) WG_MUST_USE;

/* The network that a node is in and that overlaps a prefix; NULL: none does. */
const struct tl_presence *tl_model_find_presence(const struct tl_model *model, uint32_t node,
                                                 const struct wg_prefix *prefix);

/* Whether a network that a node is in hides a LAN from it, so that it uses the mapped prefix. */
bool tl_model_hides(const struct tl_model *model, uint32_t node,
                    const struct tl_lan *lan) WG_MUST_USE;

/* What `lab:` says of the home of a site, person or device; NULL: nothing. */
const struct tl_lab_home *tl_model_find_home(const struct tl_model *model,
                                             const char *name) WG_MUST_USE;

/* The home that a node is in, in a lab: that of its site; that of the device itself, else that of
 * its person. NULL: `lab:` says nothing of it. */
const struct tl_lab_home *tl_model_home_of(const struct tl_model *model, uint32_t node) WG_MUST_USE;

/* Whether a LAN has its mapped prefix in the tunnel, instead of its own. */
static inline bool tl_lan_is_mapped(const struct tl_lan *lan)
{
        return lan->overlap.line > 0;
}

/* The entity of a name, which has len bytes; NULL: there is none. */
const struct tl_entity *tl_model_find(const struct tl_model *model, const char *name, size_t len);

/* The index of the node with that public key; TL_MODEL_NONE: there is none. */
uint32_t tl_model_find_key(const struct tl_model *model, const uint8_t key[TL_CONF_KEY_LEN]);

/* The index of the LAN that an address in the tunnel belongs to: the one whose `wire` or `mapped`
 * has it, by longest prefix; TL_MODEL_NONE: none. */
uint32_t tl_model_find_lan(const struct tl_model *model, const struct wg_ip *ip);

/* Whether any LAN has a mapped prefix, so that nodes route the pool of mapped prefixes. */
bool tl_model_has_mapped(const struct tl_model *model) WG_MUST_USE;

/* The index of the LAN of one site whose own prefix has an address, by longest prefix; else NONE.
 */
uint32_t tl_model_find_lan_of(const struct tl_model *model, uint32_t site, const struct wg_ip *ip);

/* What stands, in a LAN, for a prefix in the tunnel: the one for the longest prefix that covers it;
 * NULL: nothing does. */
const struct tl_stand_in *tl_model_find_stand_in(const struct tl_model *model, uint32_t lan,
                                                 const struct wg_prefix *to);

/* The stand-in that has an address of a LAN; NULL: none does. */
const struct tl_stand_in *tl_model_find_here(const struct tl_model *model, uint32_t lan,
                                             const struct wg_ip *here);

/* The index of the node with that tunnel address; TL_MODEL_NONE: there is none. */
uint32_t tl_model_find_address(const struct tl_model *model, const struct wg_ip *ip);

/* The known name closest to a misspelt one, or NULL if none is close. */
const char *tl_model_suggest(const struct tl_model *model, const char *name, size_t len);

/* Whether a node can be reached from the Internet. */
bool tl_node_is_public(const struct tl_node *node);

/* Whether two nodes are peers: a node and its hub, two hubs, or two public sites. */
bool tl_model_is_peer(const struct tl_model *model, uint32_t a, uint32_t b);

/* The next node on the way from one node to another, which differ: the other one if they are peers,
 * otherwise a hub. */
uint32_t tl_model_next(const struct tl_model *model, uint32_t from, uint32_t to);

#endif
