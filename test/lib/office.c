/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "test/lib/office.h"

#include <stdio.h>
#include <string.h>

#include "conf/address.h"
#include "net/derive.h"
#include "test/lib/cmocka.h"
#include "test/lib/memfile.h"

bool test_office_read(struct test_office *office, const char *yaml, size_t len)
{
        static const uint8_t random[5] = {1, 2, 3, 4, 5};
        uint32_t changes;

        memset(office, 0, sizeof(*office));
        return tl_network_parse(&office->network, yaml, len, &office->findings) &&
               tl_derive(&office->lock, &office->network, random, &changes, &office->findings) &&
               tl_model_build(&office->model, &office->network, &office->lock, &office->findings);
}

void test_office_init(struct test_office *office, const char *yaml)
{
        char text[4096];

        if (!test_office_read(office, yaml, strlen(yaml)))
                fail_msg("mistakes in the network:\n%s",
                         test_office_findings(office, text, sizeof(text)));
}

void test_office_done(struct test_office *office)
{
        tl_model_done(&office->model);
        tl_lock_done(&office->lock);
        tl_network_done(&office->network);
        tl_findings_done(&office->findings);
}

uint32_t test_office_node(const struct tl_model *model, const char *name)
{
        for (uint32_t i = 0; i < model->node_count; i++)
                if (strcmp(model->nodes[i].name, name) == 0)
                        return i;
        fail_msg("no node %s", name);
        return 0;
}

struct wg_ip test_office_ip(const char *text)
{
        struct wg_ip ip = {0};

        if (!tl_address_parse_ip((struct tl_text){text, strlen(text)}, &ip))
                fail_msg("not an address: %s", text);
        return ip;
}

char *test_office_findings(struct test_office *office, char *out, size_t size)
{
        FILE *text = test_memfile(out, size);

        tl_findings_sort(&office->findings);
        for (uint32_t i = 0; i < office->findings.count; i++) {
                const struct tl_finding *finding = &office->findings.items[i];

                fprintf(text, "%u:%u: %s", finding->at.line, finding->at.column, finding->message);
                if (finding->other.line)
                        fprintf(text, " [%u:%u]", finding->other.line, finding->other.column);
                fprintf(text, "%s%s\n", finding->fix ? "; " : "", finding->fix ? finding->fix : "");
        }
        fclose(text);
        return out;
}
