/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_duplicates.c - node/duplicates.h, on a link that this test plays. */
#include "node/duplicates.h"

#include <errno.h>
#include <string.h>

#include "io/neighbour.h"
#include "test/lib/cmocka.h"

#define MS UINT64_C(1000000)

enum { MANY = 1024 };

static const uint8_t own[] = {2, 0, 0, 0, 0, 1}, other[] = {2, 0, 0, 0, 0, 9};

/* Counts questions, and answers those for addresses with `owned` set. */
struct lan {
        struct tl_duplicates *d;
        struct tl_probe_link link;
        uint32_t asked[MANY], sent, refuse;
        bool owned[MANY], is_lossy;
        int error;
};

static void answer(struct lan *lan, const uint8_t *question)
{
        uint8_t packet[TL_NEIGHBOUR_SIZE], to[TL_PROBE_MAC_LEN];
        static const struct wg_ip asker = {WG_FAMILY_IPV4, {10, 9, 9, 9}};
        struct wg_ip ip = {.family = WG_FAMILY_IPV4};
        size_t len;

        memcpy(ip.bytes, question + 24, 4);
        len = tl_neighbour_ask(packet, to, other, &ip, &asker);
        packet[7] = 2;
        tl_duplicates_hear(lan->d, other, packet, len);
}

static int take(void *ctx, const uint8_t to[TL_PROBE_MAC_LEN], const uint8_t *packet, size_t len)
{
        struct lan *lan = ctx;
        uint32_t i;

        (void)to;
        assert_int_equal(len, 28);
        if (lan->error)
                return lan->error;
        if (lan->refuse && lan->refuse--)
                return -ENOBUFS;
        i = (packet[26] * 256u + packet[27]);
        assert_true(i < MANY);
        lan->asked[i]++;
        lan->sent++;
        if (lan->owned[i] && (!lan->is_lossy || lan->asked[i] == 2))
                answer(lan, packet);
        return 0;
}

static void begin(struct lan *lan, struct tl_duplicates *d, struct tl_duplicates_target *targets,
                  uint32_t count)
{
        lan->d = d;
        lan->link.send = take;
        lan->link.ctx = lan;
        memcpy(lan->link.mac, own, sizeof(own));
        for (uint32_t i = 0; i < count; i++)
                targets[i] = (struct tl_duplicates_target){
                        .ip = {WG_FAMILY_IPV4, {10, 0, (uint8_t)(i / 256), (uint8_t)i}}};
        tl_duplicates_begin(d, &lan->link, targets, count, 1);
}

/* Works until it is done. Returns how long that takes; no millisecond may have more than 8
 * questions. */
static uint64_t work(struct lan *lan)
{
        uint64_t now_ns = 1, due_ns;

        for (;;) {
                uint32_t before = lan->sent;

                due_ns = tl_duplicates_work(lan->d, now_ns);
                assert_true(lan->sent - before <= 8);
                if (due_ns == TL_PROBE_NEVER)
                        return now_ns - 1;
                assert_true(due_ns >= now_ns + MS);
                now_ns = due_ns;
        }
}

static void test_counts(void **state)
{
        static const struct {
                uint32_t count, asked;
                uint64_t least_ms, most_ms;
        } cases[] = {
                {0, 0, 0, 0},         {1, 3, 900, 1100},   {8, 3, 900, 1100},     {9, 3, 900, 1100},
                {512, 3, 1000, 1300}, {513, 2, 900, 1200}, {MANY, 2, 1300, 1600},
        };

        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(cases); i++) {
                static struct tl_duplicates_target targets[MANY];
                struct lan lan = {0};
                struct tl_duplicates d;
                uint64_t ms;

                begin(&lan, &d, targets, cases[i].count);
                ms = work(&lan) / MS;
                print_message("case %zu: %u ms\n", i, (unsigned int)ms);
                assert_int_equal(d.error, 0);
                assert_true(ms >= cases[i].least_ms && ms <= cases[i].most_ms);
                assert_int_equal(lan.sent, cases[i].count * cases[i].asked);
                for (uint32_t k = 0; k < cases[i].count; k++)
                        assert_true(lan.asked[k] == cases[i].asked && !targets[k].is_in_use);
        }
}

/* The first answer is lost. Addresses that are known to be in use are asked for no more. */
static void test_answers(void **state)
{
        struct tl_duplicates_target targets[100];
        struct lan lan = {.is_lossy = true, .owned = {[0] = true, [57] = true, [99] = true}};
        struct tl_duplicates d;

        (void)state;
        begin(&lan, &d, targets, 100);
        work(&lan);
        for (uint32_t i = 0; i < 100; i++) {
                assert_int_equal(targets[i].is_in_use, lan.owned[i]);
                assert_int_equal(lan.asked[i], lan.owned[i] ? 2 : 3);
                if (lan.owned[i])
                        assert_memory_equal(targets[i].mac, other, sizeof(other));
        }
}

/* Our own question that comes back, claims of other addresses, and noise. */
static void test_noise(void **state)
{
        static const struct wg_ip nobody = {.family = WG_FAMILY_NONE};
        static const struct wg_ip stranger = {WG_FAMILY_IPV4, {10, 0, 0, 200}};
        struct tl_duplicates_target targets[3];
        uint8_t packet[TL_NEIGHBOUR_SIZE] = {0}, to[TL_PROBE_MAC_LEN];
        struct lan lan = {0};
        struct tl_duplicates d;

        (void)state;
        begin(&lan, &d, targets, 3);
        tl_duplicates_hear(&d, other, packet, 28);
        tl_neighbour_ask(packet, to, own, &nobody, &targets[1].ip);
        tl_duplicates_hear(&d, own, packet, 28);
        tl_neighbour_ask(packet, to, other, &stranger, &targets[1].ip);
        tl_duplicates_hear(&d, other, packet, 28);
        tl_duplicates_hear(&d, other, packet, 27);
        work(&lan);
        for (uint32_t i = 0; i < 3; i++)
                assert_false(targets[i].is_in_use);
        /* Somebody else who is about to take it. */
        tl_neighbour_ask(packet, to, other, &nobody, &targets[1].ip);
        tl_duplicates_hear(&d, other, packet, 28);
        assert_true(targets[1].is_in_use && !targets[0].is_in_use && !targets[2].is_in_use);
}

static void test_full_queue(void **state)
{
        struct tl_duplicates_target targets[20];
        struct lan lan = {.refuse = 30};
        struct tl_duplicates d;

        (void)state;
        begin(&lan, &d, targets, 20);
        work(&lan);
        assert_int_equal(d.error, 0);
        for (uint32_t i = 0; i < 20; i++)
                assert_int_equal(lan.asked[i], 3);
}

static void test_errors(void **state)
{
        static const int errors[] = {-ENETDOWN, -ENOBUFS};

        (void)state;
        for (size_t i = 0; i < WG_ARRAY_SIZE(errors); i++) {
                struct tl_duplicates_target targets[20];
                struct lan lan = {.error = errors[i]};
                struct tl_duplicates d;

                begin(&lan, &d, targets, 20);
                assert_true(work(&lan) < 3100 * MS);
                assert_int_equal(d.error, errors[i]);
                assert_int_equal(lan.sent, 0);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_counts), cmocka_unit_test(test_answers),
                cmocka_unit_test(test_noise),  cmocka_unit_test(test_full_queue),
                cmocka_unit_test(test_errors),
        };

        return cmocka_run_group_tests_name("duplicates", tests, NULL, NULL);
}
