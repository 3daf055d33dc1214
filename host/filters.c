/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "host/filters.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/filter_iptables.h"
#include "host/filter_nft.h"
#include "host/run.h"

#define NO_MEMORY "out of memory"

/* The variants of iptables, for each family. */
static const struct variant {
        uint8_t family;
        const char *plain, *plain_save; /* whichever the administrator has chosen */
        const char *nft, *nft_save;
        const char *legacy, *legacy_save;
        const char *names; /* lists the tables of iptables-legacy */
} variants[] = {
        {WG_FAMILY_IPV4, "iptables", "iptables-save", "iptables-nft", "iptables-nft-save",
         "iptables-legacy", "iptables-legacy-save", "/proc/net/ip_tables_names"},
        {WG_FAMILY_IPV6, "ip6tables", "ip6tables-save", "ip6tables-nft", "ip6tables-nft-save",
         "ip6tables-legacy", "ip6tables-legacy-save", "/proc/net/ip6_tables_names"},
};

static const char *read_nft(struct tl_filter *filter, const char *except)
{
        size_t len;
        char *text;
        bool is_good;

        if (!tl_run_has("nft"))
                return "nft is not installed";
        text = tl_run_read("nft -j list ruleset", NULL, &len);
        if (!text)
                return "`nft -j list ruleset' fails";
        is_good = tl_filter_read_nft(filter, text, len, except);
        free(text);
        return is_good ? NULL : "cannot read what `nft -j list ruleset' prints";
}

static bool is_plain_nft(const struct variant *variant)
{
        char command[32], answer[64];

        snprintf(command, sizeof(command), "%s --version", variant->plain);
        return tl_run_ask(command, answer, sizeof(answer)) && strstr(answer, "nf_tables");
}

/* nft shows these tables too, but not what their extensions mean. So whatever iptables cannot read,
 * because nft made it, is known already. */
static const char *read_iptables_nft(struct tl_filter *filter, const struct variant *variant,
                                     bool is_plain)
{
        const char *family = variant->family == WG_FAMILY_IPV4 ? "ip" : "ip6";
        const char *save = is_plain ? variant->plain_save : variant->nft_save;
        const char *program = is_plain ? variant->plain : variant->nft;
        char *text = tl_filter_find(filter, "nft", family, NULL, NULL) && tl_run_has(save)
                             ? tl_run_read(save, NULL, NULL)
                             : NULL;
        bool is_good = !text || tl_filter_read_iptables(filter, text, variant->family, program);

        free(text);
        return is_good ? NULL : NO_MEMORY;
}

static bool has_tables(const char *path)
{
        FILE *file = fopen(path, "re");
        bool has = file && fgetc(file) != EOF;

        if (file)
                fclose(file);
        return has;
}

static const char *read_iptables_legacy(struct tl_filter *filter, const struct variant *variant,
                                        bool is_plain)
{
        const char *save = is_plain ? variant->plain_save : variant->legacy_save;
        const char *program = is_plain ? variant->plain : variant->legacy;
        char *text;
        bool is_good;

        if (!has_tables(variant->names))
                return NULL;
        if (!tl_run_has(save))
                return "iptables-legacy-save is not installed";
        text = tl_run_read(save, NULL, NULL);
        if (!text)
                return "iptables-legacy-save fails";
        is_good = tl_filter_read_iptables(filter, text, variant->family, program);
        free(text);
        return is_good ? NULL : NO_MEMORY;
}

const char *tl_filters_read(struct tl_filter *filter, const char *except)
{
        const char *problem = read_nft(filter, except), *other;

        for (size_t i = 0; i < WG_ARRAY_SIZE(variants); i++) {
                const struct variant *variant = &variants[i];
                const char *family = variant->family == WG_FAMILY_IPV4 ? "ip" : "ip6";
                bool is_nft;

                if (!tl_filter_find(filter, "nft", family, NULL, NULL) &&
                    !has_tables(variant->names))
                        continue; /* saves two programs */
                is_nft = is_plain_nft(variant);
                other = read_iptables_nft(filter, variant, is_nft);
                problem = problem ? problem : other;
                other = read_iptables_legacy(filter, variant,
                                             !is_nft && tl_run_has(variant->plain_save));
                problem = problem ? problem : other;
        }
        return problem;
}
