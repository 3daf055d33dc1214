/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * list.h - a doubly linked ring of nodes that live inside other structs.
 * Threads: one owner at a time. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include "base/attr.h"
#include "base/std.h"

/* The head of a list, or a node. A node in no list points to itself. */
struct wg_list {
        struct wg_list *next, *prev;
};

static inline void wg_list_init(struct wg_list *list)
{
        list->next = list->prev = list;
}

WG_MUST_USE static inline bool wg_list_is_empty(const struct wg_list *list)
{
        return list->next == list;
}

/* Appends a node, which must be in no list. */
static inline void wg_list_append(struct wg_list *list, struct wg_list *node)
{
        node->prev = list->prev;
        node->next = list;
        list->prev->next = node;
        list->prev = node;
}

/* Removes a node from its list, if it is in one. */
static inline void wg_list_remove(struct wg_list *node)
{
        node->prev->next = node->next;
        node->next->prev = node->prev;
        wg_list_init(node);
}

/* Visits each node of a list in order; the visited node may be removed. */
#define WG_LIST_EACH(node, list) \
        for (struct wg_list *node = (list)->next, *node##_next = node->next; node != (list); \
             node = node##_next, node##_next = node->next)

#endif
