/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "test/lib/wgquick_dump.h"

#include <stdio.h>
#include <stdlib.h>

#include "conf/address.h"

static void dump_list(FILE *out, const char *name, const struct tl_wgquick_list *list)
{
        for (uint32_t i = 0; i < list->count; i++) {
                fprintf(out, "%s=", name);
                fwrite(list->items[i].at, 1, list->items[i].len, out);
                fputc('\n', out);
        }
}

char *wgquick_dump(const struct tl_wgquick *quick)
{
        char text[TL_WGQUICK_SERVER_SIZE], *dump;
        size_t len;
        FILE *out = open_memstream(&dump, &len);

        if (!out)
                abort();
        for (uint32_t i = 0; i < quick->address_count; i++) {
                tl_address_format_ip(text, &quick->addresses[i].ip);
                fprintf(out, "Address=%s/%u\n", text, quick->addresses[i].cidr);
        }
        for (uint32_t i = 0; i < quick->dns_count; i++) {
                tl_wgquick_format_server(text, &quick->dns[i]);
                fprintf(out, "DNS=%s\n", text);
        }
        dump_list(out, "DNS", &quick->dns_search);
        WG_ENUM_EACH(hook, &tl_wgquick_hook_enum)
                dump_list(out, hook->name, &quick->hooks[hook->value]);
        if (quick->mtu)
                fprintf(out, "MTU=%u\n", quick->mtu);
        if (quick->has_table)
                fprintf(out, "Table=%s\n",
                        quick->routing == TL_WGQUICK_ROUTING_TABLE ? quick->table
                        : quick->routing == TL_WGQUICK_ROUTING_OFF ? "off"
                                                                   : "auto");
        if (quick->save_config)
                fputs("SaveConfig=true\n", out);
        if (fclose(out))
                abort();
        return dump;
}
