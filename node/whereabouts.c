/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "node/whereabouts.h"

#include <net/if.h>
#include <stdlib.h>

#include "io/netset.h"
#include "net/local.h"
#include "net/present.h"
#include "node/survey.h"

/* The node that has one of the addresses of a link. */
static uint32_t find_node(const struct tl_model *model, uint32_t ifindex)
{
        struct tl_netset_address *addresses = NULL;
        uint32_t node = TL_MODEL_NONE;
        size_t count = 0;

        if (!ifindex || tl_netset_list_addresses(ifindex, &addresses, &count) != 0)
                return TL_MODEL_NONE;
        for (size_t i = 0; node == TL_MODEL_NONE && i < count; i++)
                node = tl_model_find_address(model, &addresses[i].ip);
        free(addresses);
        return node;
}

bool tl_whereabouts_add(struct tl_model *model, uint32_t *node)
{
        const char *name = model->network->name.text;
        struct tl_local local;
        bool is_good;

        *node = find_node(model, if_nametoindex(name));
        if (*node == TL_MODEL_NONE)
                return true;
        is_good = tl_survey_gather_nets(&local, name) && tl_present_add(model, *node, &local);
        tl_survey_release(&local);
        return is_good;
}
