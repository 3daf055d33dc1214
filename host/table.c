/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "host/table.h"

#include <stdio.h>
#include <string.h>

void tl_table_name(char out[TL_TABLE_NAME_SIZE], const char *prefix, const char *ifname)
{
        char *end = out + snprintf(out, TL_TABLE_NAME_SIZE, "%s", prefix);

        for (const char *c = ifname; *c && end + 4 < out + TL_TABLE_NAME_SIZE; c++)
                if (*c == '=' || *c == '+')
                        end += sprintf(end, "/%02x", (unsigned int)*c);
                else
                        *end++ = *c;
        *end = '\0';
}

bool tl_table_owner(char ifname[IF_NAMESIZE], const char *prefix, const char *name)
{
        char again[TL_TABLE_NAME_SIZE];
        size_t len = 0;

        if (strncmp(name, prefix, strlen(prefix)) != 0)
                return false;
        for (const char *c = name + strlen(prefix); *c; c++) {
                unsigned int code;

                if (len + 1 == IF_NAMESIZE)
                        return false;
                if (*c != '/') {
                        ifname[len++] = *c;
                } else if (strlen(c) > 2 && sscanf(c + 1, "%2x", &code) == 1) {
                        ifname[len++] = (char)code;
                        c += 2;
                } else {
                        return false;
                }
        }
        ifname[len] = '\0';
        tl_table_name(again, prefix, ifname);
        return len > 0 && strcmp(again, name) == 0;
}
