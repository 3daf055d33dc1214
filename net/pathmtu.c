/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "net/pathmtu.h"

uint32_t tl_pathmtu_uplink(const struct tl_node *node)
{
        return node->in_file->mtu ? node->in_file->mtu : (uint32_t)TL_NETWORK_MTU;
}

/* What an uplink carries of inner packets. */
static uint32_t inner(const struct tl_model *model, uint32_t uplink)
{
        uint32_t least = model->pool6.ip.family == WG_FAMILY_NONE ? TL_PATHMTU_IPV4_LEAST
                                                                  : TL_PATHMTU_IPV6_LEAST;

        return WG_MAX(uplink, least + TL_PATHMTU_OVERHEAD) - TL_PATHMTU_OVERHEAD;
}

static uint32_t narrowest_uplink(const struct tl_model *model)
{
        uint32_t uplink = tl_pathmtu_uplink(&model->nodes[0]);

        for (uint32_t i = 1; i < model->node_count; i++)
                uplink = WG_MIN(uplink, tl_pathmtu_uplink(&model->nodes[i]));
        return uplink;
}

uint32_t tl_pathmtu_link(const struct tl_model *model, uint32_t node, uint32_t own_uplink)
{
        const struct tl_node *self = &model->nodes[node];
        uint32_t uplink = self->is_stock ? narrowest_uplink(model) : tl_pathmtu_uplink(self);

        return inner(model, own_uplink ? WG_MIN(uplink, own_uplink) : uplink);
}

uint32_t tl_pathmtu_between(const struct tl_model *model, uint32_t from, uint32_t to)
{
        uint32_t uplink = tl_pathmtu_uplink(&model->nodes[from]);

        while (from != to) {
                from = tl_model_next(model, from, to);
                if (from == TL_MODEL_NONE)
                        break;
                uplink = WG_MIN(uplink, tl_pathmtu_uplink(&model->nodes[from]));
        }
        return inner(model, uplink);
}
