/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * judge.c - what the reader of network files says about many texts, for schema.py.
 *
 *   judge         reads texts from its standard input, each ended by a NUL byte; for each, prints
 *                 its findings, separated by tabs, and a newline
 *   judge keys    prints the table of keys: section, key, type, and "required" or "optional" */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/network.h"
#include "conf/network_keys.h"

static void print_keys(void)
{
        WG_ENUM_EACH(section, &tl_network_section_enum) {
                struct tl_network_keys keys = tl_network_keys(
                        (enum tl_network_section)section->value);

                for (size_t i = 0; i < keys.count; i++)
                        printf("%s %s %s %s\n", section->name, keys.items[i].name,
                               tl_network_type_name(keys.items[i].type),
                               keys.items[i].is_required ? "required" : "optional");
        }
}

static bool judge(const char *text, size_t len)
{
        struct tl_findings findings = {0};
        struct tl_network network;
        bool is_good = tl_network_parse(&network, text, len, &findings);

        for (uint32_t i = 0; i < findings.count; i++)
                printf("%s%s", i ? "\t" : "", findings.items[i].message);
        putchar('\n');
        is_good = is_good == (findings.count == 0);
        tl_network_done(&network);
        tl_findings_done(&findings);
        return is_good;
}

int main(int count, char **words)
{
        char *text = NULL;
        size_t size = 0;
        ssize_t len;
        bool is_good = true;

        if (count == 2 && !strcmp(words[1], "keys")) {
                print_keys();
                return 0;
        }
        while (is_good && (len = getdelim(&text, &size, '\0', stdin)) > 0)
                is_good = judge(text, (size_t)len - (text[len - 1] == '\0'));
        free(text);
        return !is_good;
}
