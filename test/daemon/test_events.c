/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * test_events.c - daemon/events.h: which events are kept, for whom, and what a slow reader
 * loses. */
#include "daemon/events.h"

#include <string.h>

#include "conf/control.h"
#include "core/peer.h"
#include "test/lib/cmocka.h"

static void test_nothing_is_kept_without_watchers(void **state WG_UNUSED)
{
        struct tl_events events = {0};

        tl_events_add(NULL, "link_up", "link is up");
        tl_events_add(&events, "link_up", "link is up");
        assert_null(events.ring);
        assert_int_equal(events.count, 0);
        assert_true(tl_events_watch(&events));
        assert_true(tl_events_watch(&events));
        tl_events_add(&events, "link_up", "link is up");
        tl_events_unwatch(&events);
        assert_non_null(events.ring);
        tl_events_unwatch(&events);
        assert_null(events.ring);
        tl_events_add(&events, "link_up", "link is up");
        assert_int_equal(events.count, 1);
}

/* Numbers continue after a time without watchers. */
static void test_a_slow_reader_loses_the_oldest(void **state WG_UNUSED)
{
        struct tl_events events = {.count = 7};
        uint64_t next = 7, lost = 0;

        assert_true(tl_events_watch(&events));
        assert_null(tl_events_next(&events, &next, &lost));
        for (unsigned int i = 0; i < TL_EVENTS_KEPT + 3; i++)
                tl_events_add(&events, i % 2 ? "link_up" : "link_down", "text");
        for (unsigned int i = 0; i < TL_EVENTS_KEPT; i++) {
                const struct tl_event *event = tl_events_next(&events, &next, &lost);

                assert_non_null(event);
                assert_int_equal(lost, 3);
                assert_memory_equal(event->text, i % 2 ? "event=link_down\n" : "event=link_up\n",
                                    14);
        }
        assert_null(tl_events_next(&events, &next, &lost));
        assert_int_equal(next, events.count);
        assert_int_equal(lost, 3);
        tl_events_unwatch(&events);
}

/* Every kind of event, with its longest values, fits and is a block. */
static void test_actions(void **state WG_UNUSED)
{
        static struct wg_peer peer = {.public_key = {1, 2, 3}};
        struct tl_events events = {0};
        uint64_t next = 0, lost = 0;

        assert_true(tl_events_watch(&events));
        WG_ENUM_EACH(member, &wg_event_enum) {
                struct wg_action action = {
                        .kind = WG_ACTION_EVENT,
                        .event = (enum wg_event)member->value,
                        .peer = &peer,
                        .verdict = WG_VERDICT_TIMESTAMP_REPLAYED,
                        .number = UINT32_MAX,
                        .to = {.ip.family = WG_FAMILY_IPV6, .port = 65535, .scope = UINT32_MAX},
                };
                struct tl_control_block block;
                const struct tl_event *event;
                struct tl_conf_error error;
                char text[TL_EVENT_MAX + 2];

                memset(action.to.ip.bytes, 0xfe, sizeof(action.to.ip.bytes));
                tl_events_add_action(&events, &action);
                event = tl_events_next(&events, &next, &lost);
                assert_non_null(event);
                assert_true(event->has_peer);
                assert_memory_equal(event->peer, peer.public_key, WG_KEY_LEN);
                memcpy(text, event->text, event->len);
                text[event->len] = '\n';
                assert_true(tl_control_read_block(&block, (struct tl_text){text, event->len + 1u},
                                                  &error));
                assert_true(tl_text_is(tl_control_find(&block, "event"), member->name));
                assert_true(tl_text_is(tl_control_find(&block, "text"), member->text));
                assert_true(tl_text_is(tl_control_find(&block, "peer"),
                                       "AQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="));
        }
        tl_events_unwatch(&events);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_nothing_is_kept_without_watchers),
                cmocka_unit_test(test_a_slow_reader_loses_the_oldest),
                cmocka_unit_test(test_actions),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
