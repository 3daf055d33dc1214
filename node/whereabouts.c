/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "node/whereabouts.h"

#include <net/if.h>
#include <stdlib.h>

#include "io/netset.h"
#include "net/present.h"
#include "node/survey.h"

static uint32_t find_node(const struct tl_model *model)
{
        uint32_t ifindex = if_nametoindex(model->network->name.text), node = TL_MODEL_NONE;
        struct tl_netset_address *addresses = NULL;
        size_t count = 0;

        if (ifindex && tl_netset_list_addresses(ifindex, &addresses, &count) == 0)
                for (size_t i = 0; node == TL_MODEL_NONE && i < count; i++)
                        node = tl_model_find_address(model, &addresses[i].ip);
        free(addresses);
        return node;
}

bool tl_whereabouts_add(struct tl_model *model, uint32_t *node, uint32_t *mtu)
{
        struct tl_local local = {0};
        bool is_good;

        *mtu = 0;
        *node = find_node(model);
        if (*node == TL_MODEL_NONE)
                return true;
        is_good = tl_survey_place(&local, model, *node) && tl_present_add(model, *node, &local);
        *mtu = local.uplink_mtu;
        tl_survey_release(&local);
        return is_good;
}
