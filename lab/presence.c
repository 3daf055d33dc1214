/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "lab/presence.h"

#include <stdio.h>
#include <string.h>

#include "conf/address.h"

/* The name of a device's person; NULL: the node is no device. */
static const char *person_of(const struct tl_model *model, uint32_t node)
{
        uint32_t person = model->nodes[node].person;

        return person == TL_MODEL_NONE ? NULL : model->network->people[person].name.text;
}

/* The LAN of a home; NULL: the file gives none. */
static const struct tl_placed_prefix *lan_of_home(const struct tl_model *model, const char *name)
{
        const struct tl_lab_home *home = tl_model_find_home(model, name);

        return home && home->lan.prefix.ip.family != WG_FAMILY_NONE ? &home->lan : NULL;
}

static const struct tl_placed_prefix *find_lan(const struct tl_model *model, uint32_t node)
{
        uint32_t person = model->nodes[node].person;
        const struct tl_placed_prefix *lan;
        const struct tl_network_device *device;

        if (person == TL_MODEL_NONE)
                return NULL;
        lan = lan_of_home(model, model->nodes[node].name);
        if (lan)
                return lan;
        device = &model->network->people[person].devices[node - model->person_nodes[person]];
        if (device->lans.count)
                return &device->lans.items[0];
        return lan_of_home(model, person_of(model, node));
}

const struct wg_prefix *tl_presence_home(const struct tl_model *model, uint32_t node)
{
        const struct tl_placed_prefix *lan = find_lan(model, node);

        return lan ? &lan->prefix : NULL;
}

static const struct tl_lab_networks *find_networks(const struct tl_model *model, const char *who)
{
        const struct tl_network_lab *lab = &model->network->lab;

        for (uint32_t i = 0; who && i < lab->network_count; i++)
                if (strcmp(lab->networks[i].who.text, who) == 0)
                        return &lab->networks[i];
        return NULL;
}

const struct tl_lab_networks *tl_presence_networks(const struct tl_model *model, uint32_t node)
{
        const struct tl_lab_networks *networks = find_networks(model, model->nodes[node].name);

        return networks ? networks : find_networks(model, person_of(model, node));
}

/* Adds a network, unless the model knows by the file that the node is in it. */
static bool add(struct tl_model *model, uint32_t node, const struct tl_placed_prefix *network)
{
        const struct tl_presence presence = {
                .node = node, .prefix = network->prefix, .at = network->at};
        const struct tl_presence *known = tl_model_find_presence(model, node, &network->prefix);

        return (known && wg_prefix_covers(&known->prefix, &network->prefix)) ||
               tl_model_add_presence(model, &presence);
}

static void report(const struct tl_model *model, const struct tl_presence *presence,
                   const struct tl_lan *lan, struct tl_findings *findings)
{
        char network[TL_ADDRESS_PREFIX_SIZE], fix[128];

        tl_address_format_prefix(network, &presence->prefix);
        snprintf(fix, sizeof(fix), "add `lan: %s` to the device", network);
        tl_findings_add(findings, TL_FINDING_ERROR, model->nodes[presence->node].at, &lan->at, fix,
                        "%s runs another WireGuard, and does not know that it is in %s, which "
                        "overlaps a LAN of site \"%s\"",
                        model->nodes[presence->node].name, network, model->sites[lan->site].name);
}

void tl_presence_check(const struct tl_model *model, struct tl_findings *findings)
{
        for (uint32_t i = 0; i < model->presence_count; i++) {
                const struct tl_presence *presence = &model->presences[i];

                if (presence->is_declared || !model->nodes[presence->node].is_stock)
                        continue;
                for (uint32_t k = 0; k < model->lan_count; k++)
                        if (wg_prefix_overlaps(&model->lans[k].wire, &presence->prefix))
                                report(model, presence, &model->lans[k], findings);
        }
}

bool tl_presence_add(struct tl_model *model)
{
        for (uint32_t node = 0; node < model->node_count; node++) {
                const struct tl_placed_prefix *lan = find_lan(model, node);
                const struct tl_lab_networks *networks = tl_presence_networks(model, node);

                if (lan && !add(model, node, lan))
                        return false;
                for (uint32_t i = 0; networks && i < networks->prefixes.count; i++)
                        if (!add(model, node, &networks->prefixes.items[i]))
                                return false;
        }
        return true;
}
