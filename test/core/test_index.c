/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "core/index.h"

#include <pthread.h>

#include "test/lib/cmocka.h"
#include "test/lib/env.h"

static uint32_t index_of(const struct wg_index_entry *entry)
{
        return entry->index;
}

static void test_empty(void **state)
{
        struct wg_index_entry entry = {0};
        struct wg_index_table zeroed = {0}, table;
        struct test_env t;

        (void)state;
        test_env_init(&t, 1);
        wg_index_done(&zeroed);
        wg_index_init(&table, &t.env);
        assert_null(wg_index_find(&table, 0));
        assert_null(wg_index_find(&table, 1));
        assert_null(wg_index_find(&table, UINT32_MAX));
        wg_index_remove(&table, &entry);
        assert_int_equal(table.count, 0);
        assert_int_equal(t.blocks, 0);
        wg_index_done(&table);
}

static void test_add_find_remove(void **state)
{
        struct wg_index_entry a = {.kind = 1}, b = {.kind = 2};
        struct wg_index_table table;
        struct test_env t;
        uint32_t index;

        (void)state;
        test_env_init(&t, 1);
        wg_index_init(&table, &t.env);
        assert_true(wg_index_add(&table, &a));
        assert_true(wg_index_add(&table, &b));
        index = index_of(&a);
        assert_int_not_equal(index, 0);
        assert_int_not_equal(index, index_of(&b));
        assert_ptr_equal(wg_index_find(&table, index), &a);
        assert_ptr_equal(wg_index_find(&table, index_of(&b)), &b);
        assert_null(wg_index_find(&table, index ^ UINT32_C(0x80000000)));
        assert_int_equal(table.count, 2);

        wg_index_remove(&table, &a);
        wg_index_remove(&table, &a);
        assert_int_equal(index_of(&a), 0);
        assert_null(wg_index_find(&table, index));
        assert_ptr_equal(wg_index_find(&table, index_of(&b)), &b);
        assert_int_equal(table.count, 1);
        wg_index_done(&table);
        assert_int_equal(t.blocks, 0);
}

static void test_replace(void **state)
{
        struct wg_index_entry handshake = {0}, keypair = {0};
        struct wg_index_table table;
        struct test_env t;
        uint32_t index;

        (void)state;
        test_env_init(&t, 1);
        wg_index_init(&table, &t.env);
        assert_true(wg_index_add(&table, &handshake));
        index = index_of(&handshake);
        wg_index_replace(&table, &handshake, &keypair);
        assert_int_equal(index_of(&handshake), 0);
        assert_int_equal(index_of(&keypair), index);
        assert_ptr_equal(wg_index_find(&table, index), &keypair);
        assert_int_equal(table.count, 1);

        wg_index_remove(&table, &handshake);
        assert_ptr_equal(wg_index_find(&table, index), &keypair);
        assert_true(wg_index_add(&table, &handshake));
        assert_int_not_equal(index_of(&handshake), index);
        assert_ptr_equal(wg_index_find(&table, index_of(&handshake)), &handshake);
        assert_int_equal(table.count, 2);
        wg_index_done(&table);
        assert_int_equal(t.blocks, 0);
}

/* Draws the values that the test prepared, then 1, 2, 3, ... */
static const uint32_t *script;

static void draw_from_script(void *ctx, void *out, size_t len)
{
        (void)ctx;
        assert_int_equal(len, sizeof(*script));
        wg_le32_store(out, *script++);
}

static void test_redraws(void **state)
{
        /* Zero, an index in use, one whose slot is occupied. */
        static const uint32_t draws[] = {0x10005, 0, 0x10005, 0x20005, 0x20006};
        struct wg_index_entry a = {0}, b = {0};
        struct wg_index_table table;
        struct test_env t;

        (void)state;
        test_env_init(&t, 1);
        t.env.random = draw_from_script;
        script = draws;
        wg_index_init(&table, &t.env);
        assert_true(wg_index_add(&table, &a));
        assert_true(wg_index_add(&table, &b));
        assert_int_equal(index_of(&a), 0x10005);
        assert_int_equal(index_of(&b), 0x20006);
        assert_ptr_equal(script, draws + WG_ARRAY_SIZE(draws));
        assert_null(wg_index_find(&table, 0x20005));
        wg_index_done(&table);
}

/* A removed entry's slot is empty, and does not hold an entry with index 0. */
static void test_index_zero_is_never_found(void **state)
{
        static const uint32_t draws[] = {0x10000};
        struct wg_index_entry a = {0};
        struct wg_index_table table;
        struct test_env t;

        (void)state;
        test_env_init(&t, 1);
        t.env.random = draw_from_script;
        script = draws;
        wg_index_init(&table, &t.env);
        assert_true(wg_index_add(&table, &a));
        assert_null(wg_index_find(&table, 0));
        wg_index_remove(&table, &a);
        assert_null(wg_index_find(&table, 0));
        assert_null(wg_index_find(&table, 0x10000));
        wg_index_done(&table);
}

static void test_no_memory(void **state)
{
        struct wg_index_entry entries[100] = {0};
        struct wg_index_table table;
        struct test_env t;
        size_t n = 0;

        (void)state;
        test_env_init(&t, 1);
        wg_index_init(&table, &t.env);
        t.allocations = 0;
        assert_false(wg_index_add(&table, &entries[0]));
        assert_int_equal(index_of(&entries[0]), 0);
        t.allocations = 1;
        while (wg_index_add(&table, &entries[n]))
                n++;
        assert_in_range(n, 1, 99);
        assert_int_equal(table.count, n);
        assert_int_equal(index_of(&entries[n]), 0);
        for (size_t i = 0; i < n; i++)
                assert_ptr_equal(wg_index_find(&table, index_of(&entries[i])), &entries[i]);

        wg_index_remove(&table, &entries[0]);
        assert_true(wg_index_add(&table, &entries[0]));
        t.allocations = 1;
        assert_true(wg_index_add(&table, &entries[n]));
        wg_index_done(&table);
        assert_int_equal(t.blocks, 0);
}

/* Readers may still look at the slots that growth replaced. */
static void test_growth_retires(void **state)
{
        struct wg_index_entry entries[9] = {0};
        struct wg_index_table table;
        struct test_env t;

        (void)state;
        test_env_init(&t, 1);
        test_env_defer(&t);
        wg_index_init(&table, &t.env);
        for (size_t i = 0; i < WG_ARRAY_SIZE(entries); i++)
                assert_true(wg_index_add(&table, &entries[i]));
        assert_int_equal(t.blocks, 2);
        test_env_undefer(&t);
        assert_int_equal(t.blocks, 1);
        wg_index_done(&table);
        assert_int_equal(t.blocks, 0);
}

/* Memory for many entries: two to four slots per entry, each a pointer. */
static void test_many(void **state)
{
        enum { MANY = 300000 };
        struct wg_index_entry *entries = calloc(MANY, sizeof(*entries));
        struct wg_index_table table;
        struct test_env t;

        (void)state;
        assert_non_null(entries);
        test_env_init(&t, 1);
        wg_index_init(&table, &t.env);
        for (size_t i = 0; i < MANY; i++)
                assert_true(wg_index_add(&table, &entries[i]));
        for (size_t i = 0; i < MANY; i++)
                assert_ptr_equal(wg_index_find(&table, index_of(&entries[i])), &entries[i]);
        assert_int_equal(t.blocks, 1);
        assert_in_range(t.bytes, 2 * MANY * sizeof(void *), 4 * MANY * sizeof(void *));
        for (size_t i = 0; i < MANY; i++)
                wg_index_remove(&table, &entries[i]);
        assert_int_equal(table.count, 0);
        wg_index_done(&table);
        assert_int_equal(t.blocks, 0);
        free(entries);
}

/* The naive twin remembers every index ever given out and its holder; NULL: free. */
enum { TWIN_ENTRIES = 200, TWIN_STEPS = 20000 };

struct twin {
        struct {
                uint32_t index;
                struct wg_index_entry *holder;
        } given[TWIN_STEPS];
        size_t count;
};

static size_t twin_held_by(const struct twin *twin, const struct wg_index_entry *entry)
{
        for (size_t i = twin->count; i-- > 0;)
                if (twin->given[i].holder == entry)
                        return i;
        return SIZE_MAX;
}

static void twin_step(struct test_env *t, struct wg_index_table *table, struct twin *twin,
                      struct wg_index_entry *entry, struct wg_index_entry *other)
{
        size_t held = twin_held_by(twin, entry);

        if (held == SIZE_MAX) {
                assert_true(wg_index_add(table, entry));
                twin->given[twin->count].index = index_of(entry);
                twin->given[twin->count++].holder = entry;
        } else if (!index_of(other) && test_env_below(t, 2)) {
                wg_index_replace(table, entry, other);
                twin->given[held].holder = other;
        } else {
                wg_index_remove(table, entry);
                twin->given[held].holder = NULL;
        }
}

static void test_twin(void **state)
{
        static struct wg_index_entry entries[TWIN_ENTRIES];
        static struct twin twin;
        struct wg_index_table table;
        struct test_env t;

        (void)state;
        test_env_init(&t, test_seed("index"));
        wg_index_init(&table, &t.env);
        for (int step = 0; step < TWIN_STEPS; step++) {
                /* From a few entries to all of them, so that the table grows in between. */
                uint32_t range = 2 + TWIN_ENTRIES * (uint32_t)step / (TWIN_STEPS + 300);
                size_t probe;

                twin_step(&t, &table, &twin, &entries[test_env_below(&t, range)],
                          &entries[test_env_below(&t, range)]);
                probe = test_env_below(&t, (uint32_t)twin.count);
                assert_ptr_equal(wg_index_find(&table, twin.given[probe].index),
                                 twin.given[probe].holder);
        }
        for (size_t i = 0; i < twin.count; i++)
                assert_ptr_equal(wg_index_find(&table, twin.given[i].index), twin.given[i].holder);
        wg_index_done(&table);
        assert_int_equal(t.blocks, 0);
}

/* One writer and two readers. Some indices persist, but their holders are replaced again and again:
 * the readers must always find one, in live memory. Others come and go. */
enum { LASTING = 4, PASSING = 64, RACE_STEPS = 60000, ALIVE = 0x5e55104 };

struct session {
        struct wg_index_entry entry;
        struct wg_retired retired;
        _Atomic uint32_t alive;
};

struct race {
        struct test_env t;
        struct wg_index_table table;
        uint32_t lasting[LASTING];         /* constant while the readers run */
        _Atomic uint32_t passing[PASSING]; /* may be gone */
        _Atomic bool is_over;
        _Atomic unsigned int mistakes;
};

struct reader {
        struct race *race;
        unsigned int number;
        pthread_t thread;
};

static bool is_sound(const struct wg_index_entry *entry)
{
        return WG_CONTAINER_OF(entry, struct session, entry)->alive == ALIVE;
}

static void *read_on(void *arg)
{
        struct reader *reader = arg;
        struct race *race = reader->race;
        struct wg_index_entry *entry;

        for (unsigned int i = 0; !race->is_over; i++) {
                entry = wg_index_find(&race->table, race->lasting[i % LASTING]);
                if (!entry || !is_sound(entry))
                        race->mistakes++;
                entry = wg_index_find(&race->table, race->passing[i % PASSING]);
                if (entry && !is_sound(entry))
                        race->mistakes++;
                if (wg_index_find(&race->table, 0))
                        race->mistakes++;
                test_env_quiesce(&race->t, reader->number);
        }
        return NULL;
}

static struct session *new_session(void)
{
        struct session *session = calloc(1, sizeof(*session));

        assert_non_null(session);
        session->alive = ALIVE;
        return session;
}

static void release_session(struct wg_retired *retired)
{
        struct session *session = WG_CONTAINER_OF(retired, struct session, retired);

        session->alive = 0;
        free(session);
}

static void retire_session(struct race *race, struct session *session)
{
        session->retired.release = release_session;
        race->t.env.retire(&race->t, &session->retired);
}

static struct session *replace_session(struct race *race, struct session *old)
{
        struct session *session = new_session();

        wg_index_replace(&race->table, &old->entry, &session->entry);
        retire_session(race, old);
        return session;
}

static void write_on(struct race *race, struct session *lasting[], struct session *passing[])
{
        for (int step = 0; step < RACE_STEPS; step++) {
                /* Few at first, so that the table grows while it is read. */
                uint32_t range = WG_MIN(1 + (uint32_t)step / 500, (uint32_t)PASSING);
                uint32_t i = test_env_below(&race->t, range);

                if (passing[i]) {
                        wg_index_remove(&race->table, &passing[i]->entry);
                        retire_session(race, passing[i]);
                        passing[i] = NULL;
                } else {
                        passing[i] = new_session();
                        assert_true(wg_index_add(&race->table, &passing[i]->entry));
                        race->passing[i] = index_of(&passing[i]->entry);
                }
                i = test_env_below(&race->t, LASTING);
                lasting[i] = replace_session(race, lasting[i]);
                test_env_reclaim(&race->t);
        }
}

static void test_readers_and_writer(void **state)
{
        static struct race race;
        struct session *lasting[LASTING], *passing[PASSING] = {NULL};
        struct reader readers[TEST_READERS];

        (void)state;
        test_env_init(&race.t, test_seed("index, threads"));
        test_env_defer(&race.t);
        wg_index_init(&race.table, &race.t.env);
        for (int i = 0; i < LASTING; i++) {
                lasting[i] = new_session();
                assert_true(wg_index_add(&race.table, &lasting[i]->entry));
                race.lasting[i] = index_of(&lasting[i]->entry);
        }
        for (unsigned int i = 0; i < TEST_READERS; i++) {
                readers[i] = (struct reader){.race = &race, .number = i};
                assert_int_equal(pthread_create(&readers[i].thread, NULL, read_on, &readers[i]), 0);
        }
        write_on(&race, lasting, passing);
        race.is_over = true;
        for (unsigned int i = 0; i < TEST_READERS; i++)
                pthread_join(readers[i].thread, NULL);
        assert_int_equal(race.mistakes, 0);

        test_env_undefer(&race.t);
        for (int i = 0; i < LASTING; i++)
                release_session(&lasting[i]->retired);
        for (int i = 0; i < PASSING; i++)
                if (passing[i])
                        release_session(&passing[i]->retired);
        wg_index_done(&race.table);
        assert_int_equal(race.t.blocks, 0);
}

/* With an argument: runs only the tests whose names match it. */
int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_empty),
                cmocka_unit_test(test_add_find_remove),
                cmocka_unit_test(test_replace),
                cmocka_unit_test(test_redraws),
                cmocka_unit_test(test_index_zero_is_never_found),
                cmocka_unit_test(test_no_memory),
                cmocka_unit_test(test_growth_retires),
                cmocka_unit_test(test_many),
                cmocka_unit_test(test_twin),
                cmocka_unit_test(test_readers_and_writer),
        };

        if (argc > 1)
                cmocka_set_test_filter(argv[1]);
        return cmocka_run_group_tests_name("index", tests, NULL, NULL);
}
