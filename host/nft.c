/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "host/nft.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/run.h"
#include "host/table.h"
#include "io/fail.h"
#include "io/netns.h"

enum { COMMAND_SIZE = TL_TABLE_NAME_SIZE + 48 };

/* ---- the canonical form ---- */

static int compare_texts(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static void free_texts(char **texts, size_t count)
{
        for (size_t i = 0; texts && i < count; i++)
                free(texts[i]);
        free(texts);
}

/* Orders the elements of a set, which the kernel lists in the order of a hash. */
static bool sort(json_t *array)
{
        size_t count = json_array_size(array), made = 0;
        char **texts = calloc(count + 1, sizeof(*texts));
        bool is_good = texts;

        for (; is_good && made < count; made++) {
                texts[made] = json_dumps(json_array_get(array, made),
                                         JSON_SORT_KEYS | JSON_COMPACT | JSON_ENCODE_ANY);
                is_good = texts[made];
        }
        if (is_good)
                qsort(texts, count, sizeof(*texts), compare_texts);
        for (size_t i = 0; is_good && i < count; i++)
                is_good = json_array_set_new(array, i,
                                             json_loads(texts[i], JSON_DECODE_ANY, NULL)) == 0;
        free_texts(texts, made);
        return is_good;
}

static bool simplify(json_t *value);

static bool simplify_object(json_t *object)
{
        const char *key;
        json_t *value;

        json_object_del(object, "handle");
        json_object_foreach(object, key, value)
        {
                if (!simplify(value))
                        return false;
                /* A count is null in stateless lists; the text that is loaded may begin it at 0. */
                if (strcmp(key, "counter") == 0 && json_is_object(value))
                        json_object_clear(value);
                if ((strcmp(key, "elem") == 0 || strcmp(key, "set") == 0) && json_is_array(value) &&
                    !sort(value))
                        return false;
        }
        return true;
}

static bool simplify(json_t *value)
{
        size_t i;
        json_t *item;

        if (json_is_object(value))
                return simplify_object(value);
        json_array_foreach(value, i, item) if (!simplify(item)) return false;
        return true;
}

char *tl_nft_canonical(const char *json)
{
        json_t *root = json_loads(json, 0, NULL), *list = json_object_get(root, "nftables"), *item;
        char *form = NULL;
        size_t len, i;
        FILE *out = json_is_array(list) ? open_memstream(&form, &len) : NULL;
        bool is_good = out;

        json_array_foreach(list, i, item)
        {
                if (!is_good || json_object_get(item, "metainfo"))
                        continue;
                is_good = simplify(item) &&
                          json_dumpf(item, out, JSON_SORT_KEYS | JSON_COMPACT) == 0 &&
                          fputc('\n', out) != EOF;
        }
        json_decref(root);
        if (out && fclose(out) != 0)
                is_good = false;
        if (is_good)
                return form;
        free(form);
        return NULL;
}

/* ---- tables of the kernel ---- */

static bool has_nft(void)
{
        return tl_run_has("nft") || tl_fail("nft is missing: `apt install nftables', or the like");
}

/* Whether there is such a table, in *exists. */
static bool find(const char *name, bool *exists)
{
        char *tables = tl_run_read("nft list tables inet", NULL, NULL), *rest = NULL;
        char wanted[COMMAND_SIZE];

        if (!tables)
                return tl_fail("cannot list the nft tables");
        snprintf(wanted, sizeof(wanted), "table inet %s", name);
        *exists = false;
        for (char *line = strtok_r(tables, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
                *exists = *exists || strcmp(line, wanted) == 0;
        free(tables);
        return true;
}

/* Lists a table. Returns NULL if nft fails, as it does without one, and tells nobody why. Numbers
 * instead of names spare nft reading files such as /etc/protocols again for each rule. */
static char *list(const char *options, const char *name)
{
        char command[COMMAND_SIZE];

        snprintf(command, sizeof(command), "nft %s -s -n list table inet %s", options, name);
        return tl_run_read_quietly(command);
}

static char *list_json(const char *name)
{
        return list("-j", name);
}

/* Tells why a table cannot be listed, unless there is none. */
static bool is_missing(const char *name)
{
        bool exists = false;

        return find(name, &exists) && (!exists || tl_fail("cannot list the nft table `%s'", name));
}

bool tl_nft_read(char **form, const char *name)
{
        char *json;

        *form = NULL;
        if (!tl_run_has("nft"))
                return true;
        json = list_json(name);
        if (!json)
                return is_missing(name);
        *form = tl_nft_canonical(json);
        free(json);
        /* nft 1.0.6 writes half the JSON of a table with flags, such as `dormant'. We never make
         * one, and the empty form of such a table equals no other. */
        if (!*form)
                *form = strdup("");
        return *form || tl_fail("out of memory");
}

char *tl_nft_list(const char *name)
{
        char *text = list("", name);

        if (!text)
                tl_fail("cannot list the nft table `%s'", name);
        return text;
}

bool tl_nft_try(char **form, const char *text, const char *name)
{
        char *json = NULL;
        int home;

        if (!has_nft())
                return false;
        home = tl_netns_enter_new();
        if (home < 0)
                return tl_fail("cannot make a network namespace to try the nft table in: %s",
                               strerror(-home));
        if (tl_run_quietly("nft -f -", text))
                json = list_json(name);
        tl_netns_leave(home);
        *form = json ? tl_nft_canonical(json) : NULL;
        free(json);
        return *form || tl_fail("cannot load the nft table `%s' for a try", name);
}

bool tl_nft_replace(const char *name, const char *text)
{
        char *input;
        bool is_good;

        if (!has_nft())
                return false;
        /* Deleting what does not exist would fail. */
        if (asprintf(&input, "add table inet %s\ndelete table inet %s\n%s", name, name,
                     text ? text : "") < 0)
                return tl_fail("out of memory");
        is_good = tl_run_quietly("nft -f -", input);
        free(input);
        return is_good;
}
