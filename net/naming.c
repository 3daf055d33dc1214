/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "net/naming.h"

#include <stdlib.h>
#include <string.h>

enum { NAMES_SHOWN = 4 };

/* Bits of a party while a set is named. */
enum mark { MARK_IN = 1, MARK_BESIDES = 2, MARK_NAMED = 4 };

/* ---- collectives ---- */

/* A list of parties that grows in the arena. */
struct members {
        uint32_t *items;
        uint32_t count, capacity;
        bool has_no_memory;
};

static void add_member(struct tl_naming *naming, struct members *members, uint32_t party)
{
        uint32_t *larger;

        if (party == TL_MODEL_NONE)
                return;
        larger = tl_arena_grow(&naming->arena, members->items, members->count, &members->capacity,
                               sizeof(*larger));
        if (!larger) {
                members->has_no_memory = true;
                return;
        }
        members->items = larger;
        larger[members->count++] = party;
}

static void add_key(struct tl_naming *naming, struct members *members, const char *key)
{
        add_member(naming, members, tl_parties_find(naming->parties, key));
}

/* Adds a collective unless nobody is in it. */
static bool add(struct tl_naming *naming, const char *name, bool is_plural,
                const struct members *members)
{
        struct tl_collective *larger;

        if (!name || members->has_no_memory)
                return false;
        if (members->count == 0)
                return true;
        larger = tl_arena_grow(&naming->arena, naming->items, naming->count, &naming->capacity,
                               sizeof(*larger));
        if (!larger)
                return false;
        naming->items = larger;
        larger[naming->count++] = (struct tl_collective){.name = name,
                                                         .is_plural = is_plural,
                                                         .members = members->items,
                                                         .count = members->count};
        return true;
}

static void add_nodes(struct tl_naming *naming, struct members *members,
                      const struct tl_model *model, uint32_t first, uint32_t end)
{
        for (uint32_t i = first; i < end; i++)
                add_key(naming, members, model->nodes[i].name);
}

static void add_person(struct tl_naming *naming, struct members *members,
                       const struct tl_model *model, uint32_t person)
{
        add_nodes(naming, members, model, model->person_nodes[person],
                  model->person_nodes[person + 1]);
}

static void add_devices_of(struct tl_naming *naming, struct members *members,
                           const struct tl_model *model, const struct tl_site *site)
{
        char key[TL_PARTY_KEY_SIZE];

        for (uint32_t i = 0; i < site->lan_count; i++) {
                tl_party_lan_key(key, model, site->lan_first + i);
                add_key(naming, members, key);
        }
        for (uint32_t i = 0; i < site->host_count; i++)
                if (!model->hosts[site->host_first + i].is_lab_only)
                        add_key(naming, members, model->hosts[site->host_first + i].name);
}

static void add_site(struct tl_naming *naming, struct members *members,
                     const struct tl_model *model, uint32_t index)
{
        add_key(naming, members, model->nodes[model->sites[index].node].name);
        add_devices_of(naming, members, model, &model->sites[index]);
}

/* The devices of a site without its node: the node needs no router. */
static bool add_devices(struct tl_naming *naming, const struct tl_model *model, uint32_t index)
{
        const struct tl_site *site = &model->sites[index];
        struct members members = {0};

        add_devices_of(naming, &members, model, site);
        return members.count < 2 ||
               add(naming, tl_arena_format(&naming->arena, "devices of %s", site->name), true,
                   &members);
}

static bool add_everything(struct tl_naming *naming)
{
        struct members members = {0};

        for (uint32_t i = 0; i < naming->parties->count; i++)
                add_member(naming, &members, i);
        return add(naming, "everything", false, &members);
}

/* Words for many: a single person, site or hub has its own name. */
static bool add_words(struct tl_naming *naming, const struct tl_model *model)
{
        struct members people = {0}, sites = {0}, hubs = {0};

        add_nodes(naming, &people, model, model->hub_count + model->site_count, model->node_count);
        for (uint32_t i = 0; i < model->site_count; i++)
                add_site(naming, &sites, model, i);
        add_nodes(naming, &hubs, model, 0, model->hub_count);
        return (model->site_count < 2 || add(naming, "all sites", true, &sites)) &&
               (model->person_count < 2 || add(naming, "all people", true, &people)) &&
               (model->hub_count < 2 || add(naming, "all hubs", true, &hubs));
}

static int by_size(const void *left, const void *right)
{
        const struct tl_collective *a = left, *b = right;

        if (a->count != b->count)
                return a->count > b->count ? -1 : 1;
        return strcmp(a->name, b->name);
}

static bool add_groups(struct tl_naming *naming, const struct tl_model *model)
{
        uint32_t first = naming->count;

        for (uint32_t i = 0; i < model->group_count; i++) {
                const struct tl_group *group = &model->groups[i];
                struct members members = {0};
                const char *name;

                if (group->count < 2) /* the person's name says more */
                        continue;
                for (uint32_t j = 0; j < group->count; j++)
                        add_person(naming, &members, model, group->people[j]);
                name = tl_arena_format(&naming->arena, "%s (%u people)", group->name,
                                       (unsigned int)group->count);
                if (!add(naming, name, true, &members))
                        return false;
        }
        if (naming->count > first)
                qsort(naming->items + first, naming->count - first, sizeof(*naming->items),
                      by_size);
        return true;
}

static bool has(const struct tl_model *model, const char *name)
{
        return tl_model_find(model, name, strlen(name)) != NULL;
}

/* People and sites. Those of the older version only count if the newer one lacks them. */
static bool add_named(struct tl_naming *naming, const struct tl_model *model,
                      const struct tl_model *newer)
{
        for (uint32_t i = 0; i < model->site_count; i++) {
                struct members members = {0};

                if (newer && has(newer, model->sites[i].name))
                        continue;
                add_site(naming, &members, model, i);
                if (!add(naming, model->sites[i].name, false, &members) ||
                    !add_devices(naming, model, i))
                        return false;
        }
        for (uint32_t i = 0; i < model->person_count; i++) {
                const char *name = model->network->people[i].name.text;
                struct members members = {0};

                if (newer && has(newer, name))
                        continue;
                add_person(naming, &members, model, i);
                if (!add(naming, name, false, &members))
                        return false;
        }
        return true;
}

bool tl_naming_make(struct tl_naming *naming, const struct tl_parties *parties)
{
        const struct tl_model *before = parties->plans[TL_BEFORE]->model;
        const struct tl_model *after = parties->plans[TL_AFTER]->model;

        *naming = (struct tl_naming){.parties = parties};
        naming->marks = tl_arena_take(&naming->arena, (size_t)parties->count + 1, 1);
        return naming->marks && add_everything(naming) && add_words(naming, after) &&
               add_groups(naming, after) && add_named(naming, after, NULL) &&
               add_named(naming, before, after);
}

void tl_naming_done(struct tl_naming *naming)
{
        tl_arena_done(&naming->arena);
        *naming = (struct tl_naming){0};
}

/* ---- one set ---- */

/* The names of a set as they are found. */
struct phrase {
        struct tl_naming *naming;
        struct tl_arena *arena;
        const char *text; /* the first ones; NULL: none yet, or no memory */
        uint32_t count;   /* of all names */
        bool is_plural;
        bool has_no_memory;
};

/* Whether all of some parties are new, or gone. */
static const char *suffix(const struct tl_naming *naming, const uint32_t *members, uint32_t count)
{
        bool is_new = true, is_gone = true;

        for (uint32_t i = 0; i < count; i++) {
                const struct tl_party *party = &naming->parties->items[members[i]];

                is_new &= !party->versions[TL_BEFORE].is_present;
                is_gone &= !party->versions[TL_AFTER].is_present;
        }
        return is_new ? " (new)" : is_gone ? " (removed)" : "";
}

static void add_name(struct phrase *phrase, const char *name, bool is_plural,
                     const uint32_t *members, uint32_t count)
{
        const char *after = suffix(phrase->naming, members, count);

        phrase->is_plural |= is_plural || phrase->count > 0;
        if (phrase->count++ >= NAMES_SHOWN)
                return;
        phrase->text = phrase->text ? tl_arena_format(phrase->arena, "%s, %s%s", phrase->text, name,
                                                      after)
                                    : tl_arena_format(phrase->arena, "%s%s", name, after);
        phrase->has_no_memory |= !phrase->text;
}

/* Whether a collective is in the set, but for a few besides, and names somebody who has no name
 * yet. */
static bool fits(const struct tl_naming *naming, const struct tl_collective *collective)
{
        uint32_t in = 0;
        bool is_needed = false;

        for (uint32_t i = 0; i < collective->count; i++) {
                uint8_t mark = naming->marks[collective->members[i]];

                if (!(mark & (MARK_IN | MARK_BESIDES)))
                        return false;
                in += (mark & MARK_IN) != 0;
                is_needed |= (mark & (MARK_IN | MARK_NAMED)) == MARK_IN;
        }
        return is_needed && in > collective->count - in;
}

static void mark(struct tl_naming *naming, const uint32_t *set, uint32_t count, enum mark mark)
{
        for (uint32_t i = 0; i < count; i++)
                naming->marks[set[i]] |= (uint8_t)mark;
}

static void find_names(struct phrase *phrase, const uint32_t *set, uint32_t count)
{
        struct tl_naming *naming = phrase->naming;

        for (uint32_t i = 0; i < naming->count; i++) {
                const struct tl_collective *collective = &naming->items[i];

                if (!fits(naming, collective))
                        continue;
                add_name(phrase, collective->name, collective->is_plural, collective->members,
                         collective->count);
                mark(naming, collective->members, collective->count, MARK_NAMED);
        }
        for (uint32_t i = 0; i < count; i++)
                if (!(naming->marks[set[i]] & MARK_NAMED))
                        add_name(phrase, naming->parties->items[set[i]].name, false, &set[i], 1);
}

const char *tl_naming_name(struct tl_naming *naming, struct tl_arena *arena, const uint32_t *set,
                           uint32_t count, const uint32_t *besides, uint32_t besides_count,
                           bool *is_plural)
{
        struct phrase phrase = {.naming = naming, .arena = arena};
        uint32_t more;

        memset(naming->marks, 0, naming->parties->count);
        mark(naming, set, count, MARK_IN);
        mark(naming, besides, besides_count, MARK_BESIDES);
        find_names(&phrase, set, count);
        if (phrase.has_no_memory)
                return NULL;
        *is_plural = phrase.is_plural;
        more = phrase.count - WG_MIN(phrase.count, (uint32_t)NAMES_SHOWN);
        if (more == 0)
                return phrase.text;
        return tl_arena_format(arena, "%s and %u other%s", phrase.text, (unsigned int)more,
                               more == 1 ? "" : "s");
}
