/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_rekey.c - lab/rekey.h: files in all the ways in which people write them. The copy is read
 * again: it must have the new keys, and nothing else may have changed. */
#include "lab/rekey.h"

#include <stdlib.h>
#include <string.h>

#include "conf/base64.h"
#include "lab/nodes.h"
#include "test/lib/cmocka.h"
#include "test/lib/office.h"

enum { NODES_MAX = 16 };

#define HEAD "network: n\naddresses: 10.70.0.0/24\n"
#define NEW_1 "ycnJycnJycnJycnJycnJycnJycnJycnJycnJycnJyck="
#define NEW_2 "ysrKysrKysrKysrKysrKysrKysrKysrKysrKysrKyso="

static const struct {
        int number;
        const char *before, *after;
} files[] = {
        {1, HEAD "hubs: {z: {endpoint: z.example, key: " TEST_KEY_1 "}}\n",
         HEAD "hubs: {z: {endpoint: z.example, key: " NEW_1 "}}\n"},
        {2, HEAD "hubs: {z: {key: \"" TEST_KEY_1 "\", endpoint: z.example}}\n",
         HEAD "hubs: {z: {key: \"" NEW_1 "\", endpoint: z.example}}\n"},
        {3, HEAD "hubs: {z: {endpoint: z.example}}\n",
         HEAD "hubs: {z: {key: \"" NEW_1 "\", endpoint: z.example}}\n"},
        {4, HEAD "hubs:\n  z:\n    endpoint: z.example # here\n",
         HEAD "hubs:\n  z:\n    key: \"" NEW_1 "\"\n    endpoint: z.example # here\n"},
        {5, HEAD "hubs:\n  \"z\":   # the hub\n\n    # of all\n    endpoint: z.example\n",
         HEAD "hubs:\n  \"z\":   # the hub\n\n    # of all\n    key: \"" NEW_1
              "\"\n    endpoint: z.example\n"},
        {6,
         HEAD "hubs: {z: {endpoint: z.example, key: " TEST_KEY_1 "}}\npeople:\n  e:\n    "
              "devices:\n      laptop:\n",
         HEAD "hubs: {z: {endpoint: z.example, key: " NEW_1 "}}\npeople:\n  e:\n    "
              "devices:\n      laptop: {key: \"" NEW_2 "\"}\n"},
        {7, HEAD "people: {e: {devices: {laptop: {}}}}\nhubs: {z: {endpoint: z.example}}\n",
         HEAD "people: {e: {devices: {laptop: {key: \"" NEW_2 "\", }}}}\nhubs: {z: {key: \"" NEW_1
              "\", endpoint: z.example}}\n"},
        {8, HEAD "people: {e: {devices: {laptop: }}}\nhubs: {z: {endpoint: z.example}}\n",
         HEAD "people: {e: {devices: {laptop: {key: \"" NEW_2 "\"} }}}\nhubs: {z: {key: \"" NEW_1
              "\", endpoint: z.example}}\n"},
        {9,
         HEAD "hubs: {z: {endpoint: z.example, key: " TEST_KEY_1 "}}\n"
              "sites:\n    s:\n        node: a\n        lan: 192.168.1.0/24\n",
         HEAD "hubs: {z: {endpoint: z.example, key: " NEW_1 "}}\n"
              "sites:\n    s:\n        key: \"" NEW_2
              "\"\n        node: a\n        lan: 192.168.1.0/24\n"},
};

/* The keys of a lab for the nodes of a model. */
static uint32_t choose_keys(struct test_office *office, struct tl_rekey *keys)
{
        const struct tl_model *model = &office->model;
        struct tl_place places[NODES_MAX];
        uint8_t key[TL_CONF_KEY_LEN];

        assert_true(model->node_count <= NODES_MAX);
        tl_nodes_pretend_keys(&office->network, places);
        for (uint32_t i = 0; i < model->node_count; i++) {
                const struct tl_node *node = &model->nodes[i];

                assert_true(node->in_file->key_at.line > 0);
                memset(key, (int)(0xc9 + i), sizeof(key));
                keys[i] = (struct tl_rekey){
                        .name_at = node->kind == TL_NODE_SITE
                                           ? model->sites[node->site].in_file->name.at
                                           : node->at,
                        .key_at = places[i]};
                tl_base64_encode(keys[i].key, key, sizeof(key));
        }
        return model->node_count;
}

static void check_copy(int number, const char *copy, uint32_t count)
{
        struct test_office office;

        if (!test_office_read(&office, copy, strlen(copy)))
                fail_msg("file %d: the copy has mistakes:\n%s", number, copy);
        assert_int_equal(office.model.node_count, count);
        for (uint32_t i = 0; i < count; i++)
                assert_int_equal(office.model.nodes[i].in_file->key[31], 0xc9 + i);
        test_office_done(&office);
}

static void test_files(void **state)
{
        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(files); i++) {
                struct test_office office;
                struct tl_rekey keys[NODES_MAX];
                size_t len = 0;
                uint32_t count;
                char *copy;

                test_office_init(&office, files[i].before);
                count = choose_keys(&office, keys);
                copy = tl_rekey(files[i].before, strlen(files[i].before), keys, count, &len);
                if (!copy || strcmp(copy, files[i].after) != 0)
                        fail_msg("file %d:\n%s\nexpected:\n%s", files[i].number, copy,
                                 files[i].after);
                check_copy(files[i].number, copy, count);
                assert_int_equal(len, strlen(copy));
                free(copy);
                test_office_done(&office);
        }
}

static void test_places_outside(void **state)
{
        const struct tl_rekey beyond[] = {{.name_at = {9, 9}, .key_at = {9, 9}},
                                          {.name_at = {9, 9}},
                                          {.name_at = {1, 1}, .key_at = {1, 3}}};
        size_t len;

        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(beyond); i++) {
                assert_null(tl_rekey("a b", 3, &beyond[i], 1, &len));
                assert_null(tl_rekey("", 0, &beyond[i], 1, &len));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_files),
                cmocka_unit_test(test_places_outside),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
