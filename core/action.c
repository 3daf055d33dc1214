/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "core/action.h"

#include "base/mem.h"
#include "core/peers.h"

WG_ENUM_DEFINE(wg_event, WG_EVENTS)

#define IS_BELOW_END(constant, value, name, text) \
        _Static_assert((value) < WG_EVENT_END, #name " is beyond the end");
WG_EVENTS(IS_BELOW_END)
WG_ENUM_DEFINE(wg_action_kind, WG_ACTION_KINDS)

struct wg_action *wg_actions_add(struct wg_actions *actions, enum wg_action_kind kind,
                                 struct wg_peer *peer)
{
        struct wg_action *action;

        WG_ASSERT(actions->count < WG_ACTIONS_MAX);
        action = &actions->items[actions->count++];
        memset(action, 0, sizeof(*action));
        action->kind = kind;
        action->peer = peer;
        return action;
}

struct wg_action *wg_actions_add_event(struct wg_actions *actions, struct wg_peer *peer,
                                       enum wg_event event)
{
        struct wg_action *action = wg_actions_add(actions, WG_ACTION_EVENT, peer);

        action->event = event;
        if (peer)
                wg_path_read(&peer->path, &action->to);
        return action;
}

void wg_actions_clear(struct wg_engine *engine, struct wg_actions *actions)
{
        for (size_t i = 0; i < actions->count; i++) {
                struct wg_action *action = &actions->items[i];
                uint32_t packets = wg_staged_count(action->staged);

                wg_staged_free(&engine->staged_pool, action->staged);
                action->staged = NULL;
                if (packets)
                        wg_peer_let_pass(action->peer, packets);
        }
        actions->count = 0;
}
