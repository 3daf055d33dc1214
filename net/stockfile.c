/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "net/stockfile.h"

#include <stdlib.h>

#include "conf/address.h"
#include "conf/uapi_text.h"
#include "conf/writer.h"
#include "net/nodeplan.h"

enum { HEAD_ROOM = 128 }; /* for all of [Interface] but the addresses */

static void put_addresses(struct tl_writer *out, const struct tl_nodeplan *plan)
{
        for (uint32_t i = 0; i < plan->address_count; i++) {
                const struct wg_prefix prefix = {plan->addresses[i].ip, plan->addresses[i].cidr};
                char text[TL_ADDRESS_PREFIX_SIZE];

                tl_address_format_prefix(text, &prefix);
                tl_writer_add(out, "%s%s", i ? ", " : "Address = ", text);
        }
        tl_writer_add(out, "\n");
}

static char *format(const struct tl_nodeplan *plan, size_t *key_at)
{
        size_t room = HEAD_ROOM + plan->address_count * (TL_ADDRESS_PREFIX_SIZE + 2u) +
                      tl_uapi_text_room(&plan->device);
        struct tl_writer out;
        char *text = malloc(room);

        if (!text)
                return NULL;
        tl_writer_init(&out, text, room);
        tl_writer_add(&out, "[Interface]\n");
        *key_at = out.len;
        put_addresses(&out, plan);
        tl_writer_add(&out, "MTU = %u\n", plan->mtu);
        tl_uapi_text_format_file(&plan->device, text + out.len, room - out.len);
        return text;
}

char *tl_stockfile_make(const struct tl_model *model, uint32_t node, size_t *key_at,
                        struct tl_findings *findings)
{
        struct tl_nodeplan plan;
        char *text = NULL;

        if (tl_nodeplan_make(&plan, model, NULL, node, NULL, findings) && plan.device.peer_count) {
                text = format(&plan, key_at);
                if (!text)
                        tl_findings_error(findings, (struct tl_place){0}, NULL, "out of memory");
        }
        tl_nodeplan_done(&plan);
        return text;
}
