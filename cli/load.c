/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "cli/load.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/networks.h"
#include "cli/report.h"
#include "io/fail.h"
#include "io/random.h"
#include "net/conflicts.h"
#include "net/derive.h"

enum { SHOWN_MOST = 12 }; /* lines of the lock that are shown when they are added */

/* Reads the texts. The lock need not exist yet. */
static int read_texts(struct tl_load *load)
{
        int error = tl_file_read(&load->text, load->paths.file);

        if (error == -ENOENT)
                tl_fail("%s does not exist: tieline.yaml(5) says how to write one",
                        load->paths.file);
        else if (error)
                tl_fail("%s: %s", load->paths.file, strerror(-error));
        if (error)
                return TL_CLI_FAILED;
        error = tl_file_read(&load->lock_text, load->paths.lock);
        if (!error || error == -ENOENT)
                return TL_CLI_YES;
        tl_fail("%s: %s", load->paths.lock, strerror(-error));
        return TL_CLI_FAILED;
}

/* A network that is started by its name must find itself under that name. */
static void check_name(struct tl_load *load)
{
        const struct tl_word *name = &load->network.name;

        if (*load->paths.name && name->text && strcmp(load->paths.name, name->text) != 0)
                tl_findings_error(&load->findings, name->at, "rename the file or the network",
                                  "the network is called \"%s\", but its file is not %s.yaml",
                                  name->text, name->text);
}

/* One run finds all mistakes, so later parts run in spite of mistakes that earlier ones found. */
static bool build(struct tl_load *load)
{
        struct tl_network *network = &load->network;
        struct tl_findings *findings = &load->findings;
        uint8_t random[5];
        bool is_good;

        tl_random_fill(random, sizeof(random));
        is_good = tl_lock_parse(&load->lock, load->lock_text.text, load->lock_text.len,
                                &load->lock_findings);
        is_good &= tl_network_parse(network, load->text.text, load->text.len, findings);
        check_name(load);
        is_good &= tl_derive(&load->lock, network, random, &load->lock_changes, findings);
        is_good &= tl_model_build(&load->model, network, &load->lock, findings);
        is_good &= tl_conflicts_find(&load->model, findings);
        return is_good && tl_policy_build(&load->policy, &load->model, findings) &&
               tl_plans_init(&load->plans, &load->model, &load->policy);
}

int tl_load_read(struct tl_load *load, const char *network)
{
        int status;

        *load = (struct tl_load){0};
        status = tl_networks_find(&load->paths, network);
        if (!status)
                status = read_texts(load);
        if (status)
                return status;
        load->is_good = build(load) && !tl_findings_has_errors(&load->findings) &&
                        !tl_findings_has_errors(&load->lock_findings);
        return TL_CLI_YES;
}

void tl_load_print_findings(struct tl_load *load)
{
        tl_report_findings(&load->lock_findings, load->paths.lock);
        tl_report_findings(&load->findings, load->paths.file);
        tl_report_count(&load->findings, &load->lock_findings);
}

/* A sorted array of the lines of a text, without newlines. NULL: none, or no memory. */
struct lines {
        struct tl_text *items;
        size_t count;
};

static int compare(const void *left, const void *right)
{
        const struct tl_text *a = left, *b = right;
        int order = memcmp(a->at, b->at, a->len < b->len ? a->len : b->len);

        return order ? order : (a->len > b->len) - (a->len < b->len);
}

/* The first line of a text, without its newline, and the text after it. */
static struct tl_text cut_line(struct tl_text *text)
{
        size_t len = tl_text_find(*text, '\n');
        struct tl_text line = tl_text_head(*text, len);

        *text = tl_text_tail(*text, len < text->len ? len + 1 : len);
        return line;
}

static bool split(struct lines *lines, struct tl_text text)
{
        size_t most = 1;

        for (size_t i = 0; i < text.len; i++)
                most += text.at[i] == '\n';
        lines->items = calloc(most, sizeof(*lines->items));
        if (!lines->items)
                return false;
        while (text.len)
                lines->items[lines->count++] = cut_line(&text);
        qsort(lines->items, lines->count, sizeof(*lines->items), compare);
        return true;
}

/* Shows the lines of the new lock that the old one lacks, up to a number of them. */
static void show_new_lines(const struct tl_file *old, struct tl_text text)
{
        struct lines lines = {0};
        uint32_t found = 0;

        (void)cut_line(&text); /* the version, which is no value */
        if (!split(&lines, (struct tl_text){old->text, old->len}))
                return;
        while (text.len) {
                struct tl_text line = cut_line(&text);

                if (!bsearch(&line, lines.items, lines.count, sizeof(*lines.items), compare) &&
                    found++ < SHOWN_MOST)
                        fprintf(stderr, "    %.*s\n", (int)line.len, line.at);
        }
        if (found > SHOWN_MOST)
                fprintf(stderr, "    and %" PRIu32 " more\n", found - SHOWN_MOST);
        free(lines.items);
}

bool tl_load_write_lock(struct tl_load *load, bool is_locked)
{
        const char *path = load->paths.lock;
        uint32_t count = load->lock_changes;
        size_t len;
        char *text;
        int error;

        if (!load->is_good || !count)
                return true;
        if (is_locked)
                return tl_fail("%s lacks %" PRIu32 " value%s that the file needs: run `tieline "
                               "check' without --locked",
                               path, count, count == 1 ? "" : "s");
        text = tl_lock_format(&load->lock, &len);
        if (!text)
                return tl_fail("out of memory");
        error = tl_file_replace_public(path, text, len);
        if (error) {
                free(text);
                return tl_fail("%s: %s", path, strerror(-error));
        }
        fprintf(stderr, "%s: recorded new values; keep it beside the file:\n", path);
        show_new_lines(&load->lock_text, (struct tl_text){text, len});
        free(text);
        return true;
}

int tl_load_open(struct tl_load *load, const char *network, bool is_locked)
{
        int status = tl_load_read(load, network);

        if (status)
                return status;
        tl_load_print_findings(load);
        return load->is_good && tl_load_write_lock(load, is_locked) ? TL_CLI_YES : TL_CLI_FAILED;
}

void tl_load_done(struct tl_load *load)
{
        tl_plans_done(&load->plans);
        tl_policy_done(&load->policy);
        tl_model_done(&load->model);
        tl_lock_done(&load->lock);
        tl_network_done(&load->network);
        tl_findings_done(&load->findings);
        tl_findings_done(&load->lock_findings);
        tl_file_done(&load->text);
        tl_file_done(&load->lock_text);
}
