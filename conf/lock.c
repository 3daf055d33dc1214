/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "conf/lock.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "conf/address.h"
#include "conf/name.h"
#include "conf/network_value.h"
#include "conf/writer.h"

static const char first_line[] = "tieline-lock 1";

enum { WORDS_MAX = 6, LINE_REST_MAX = 2 * TL_ADDRESS_PREFIX_SIZE + 32 };

struct line {
        struct tl_text words[WORDS_MAX];
        uint32_t count; /* of words; WORDS_MAX: too many */
        uint32_t number;
};

/* Where an item came from, to find duplicates. */
struct origin {
        const char *name;
        const char *site;     /* of a virtual address; else "" */
        struct wg_prefix lan; /* of a mapped prefix; with its family only: a virtual address */
        uint32_t line;
};

struct reader {
        struct tl_lock *lock;
        struct tl_findings *findings;
        struct tl_arena scratch;
        struct origin *origins; /* of items that are not retired */
        uint32_t origin_count, origin_capacity;
        bool is_out_of_memory;
};

static struct tl_place place_of(const struct line *line)
{
        return (struct tl_place){line->number, 1};
}

static void report(struct reader *r, const struct line *line, const char *expected)
{
        tl_findings_error(r->findings, place_of(line), NULL, "expected %s", expected);
}

static void split(struct tl_text text, struct line *line)
{
        line->count = 0;
        while (text.len && line->count < WORDS_MAX) {
                size_t space = tl_text_find(text, ' ');

                line->words[line->count++] = tl_text_head(text, space);
                text = tl_text_tail(text, WG_MIN(space + 1, text.len));
        }
}

static void add_origin(struct reader *r, const struct line *line, const char *name,
                       const char *site, const struct wg_prefix *lan)
{
        struct origin *origins = tl_arena_grow(&r->scratch, r->origins, r->origin_count,
                                               &r->origin_capacity, sizeof(*origins));

        if (!origins) {
                r->is_out_of_memory = true;
                return;
        }
        r->origins = origins;
        origins[r->origin_count++] = (struct origin){
                .name = name, .site = site, .lan = *lan, .line = line->number};
}

static void read_ula(struct reader *r, const struct line *line)
{
        struct wg_prefix ula;
        bool has_host_bits;

        if (line->count != 2 || !tl_value_prefix(line->words[1], &ula, &has_host_bits) ||
            has_host_bits || ula.ip.family != WG_FAMILY_IPV6 || ula.cidr != 48 ||
            ula.ip.bytes[0] != 0xfd) {
                report(r, line, "\"ula\" and a prefix such as fd12:3456:789a::/48");
                return;
        }
        if (r->lock->ula.ip.family != WG_FAMILY_NONE)
                tl_findings_error(r->findings, place_of(line), "keep one of them",
                                  "there are two lines with \"ula\"");
        else
                r->lock->ula = ula;
}

/* Reads the addresses of a node: one of a family, or of both. */
static bool get_addresses(const struct line *line, struct tl_lock_address *address)
{
        if (line->count < 3 || line->count > 4)
                return false;
        for (uint32_t i = 2; i < line->count; i++) {
                struct wg_ip ip, *into;

                if (!tl_address_parse_ip(line->words[i], &ip))
                        return false;
                into = ip.family == WG_FAMILY_IPV4 ? &address->ip4 : &address->ip6;
                if (into->family != WG_FAMILY_NONE)
                        return false;
                *into = ip;
        }
        return true;
}

static const char *copy_name(struct reader *r, struct tl_text name)
{
        const char *copy = tl_arena_copy(&r->lock->arena, name.at, name.len);

        r->is_out_of_memory |= !copy;
        return copy;
}

static void read_address(struct reader *r, const struct line *line, bool is_retired)
{
        struct tl_lock_address address = {.is_retired = is_retired}, *items;
        struct tl_lock *lock = r->lock;

        if (!get_addresses(line, &address) || !tl_name_is_reference(line->words[1])) {
                report(r, line, "\"address\", a name, and an address or one of each family");
                return;
        }
        address.name = copy_name(r, line->words[1]);
        items = tl_arena_grow(&lock->arena, lock->addresses, lock->address_count,
                              &lock->address_capacity, sizeof(*items));
        if (!address.name || !items) {
                r->is_out_of_memory = true;
                return;
        }
        lock->addresses = items;
        items[lock->address_count++] = address;
        if (!is_retired)
                add_origin(r, line, address.name, "", &(struct wg_prefix){0});
}

static bool get_prefix(struct tl_text text, struct wg_prefix *prefix)
{
        bool has_host_bits;

        return tl_value_prefix(text, prefix, &has_host_bits) && !has_host_bits;
}

static void read_mapped(struct reader *r, const struct line *line, bool is_retired)
{
        struct tl_lock_mapped mapped = {.is_retired = is_retired}, *items;
        struct tl_lock *lock = r->lock;

        if (line->count != 4 || !tl_name_is_valid(line->words[1]) ||
            !get_prefix(line->words[2], &mapped.lan) ||
            !get_prefix(line->words[3], &mapped.mapped) ||
            mapped.lan.ip.family != mapped.mapped.ip.family ||
            mapped.lan.cidr != mapped.mapped.cidr) {
                report(r, line, "\"mapped\", a site, and two prefixes of one length");
                return;
        }
        mapped.site = copy_name(r, line->words[1]);
        items = tl_arena_grow(&lock->arena, lock->mapped, lock->mapped_count,
                              &lock->mapped_capacity, sizeof(*items));
        if (!mapped.site || !items) {
                r->is_out_of_memory = true;
                return;
        }
        lock->mapped = items;
        items[lock->mapped_count++] = mapped;
        if (!is_retired)
                add_origin(r, line, mapped.site, "", &mapped.lan);
}

static void read_virtual(struct reader *r, const struct line *line, bool is_retired)
{
        struct tl_lock_virtual virtual = {.is_retired = is_retired}, *items;
        struct tl_lock *lock = r->lock;
        struct wg_prefix family = {0};

        if (line->count != 4 || !tl_name_is_valid(line->words[1]) ||
            !tl_name_is_reference(line->words[2]) ||
            !tl_address_parse_ip(line->words[3], &virtual.ip)) {
                report(r, line, "\"virtual\", a site, a name and an address");
                return;
        }
        virtual.site = copy_name(r, line->words[1]);
        virtual.name = copy_name(r, line->words[2]);
        items = tl_arena_grow(&lock->arena, lock->virtuals, lock->virtual_count,
                              &lock->virtual_capacity, sizeof(*items));
        if (!virtual.site || !virtual.name || !items) {
                r->is_out_of_memory = true;
                return;
        }
        lock->virtuals = items;
        items[lock->virtual_count++] = virtual;
        family.ip.family = virtual.ip.family;
        if (!is_retired)
                add_origin(r, line, virtual.name, virtual.site, &family);
}

static bool is_merge_mark(struct tl_text text)
{
        return tl_text_begins_with(text, "<<<<<<<") || tl_text_begins_with(text, "=======") ||
               tl_text_begins_with(text, ">>>>>>>") || tl_text_begins_with(text, "|||||||");
}

static void read_line(struct reader *r, struct tl_text text, uint32_t number)
{
        struct line line = {.number = number};
        bool is_retired;

        if (is_merge_mark(text)) {
                tl_findings_error(r->findings, place_of(&line),
                                  "keep the lines of both sides, and remove the marks",
                                  "a merge left a conflict here");
                return;
        }
        split(text, &line);
        is_retired = line.count > 0 && tl_text_is(line.words[0], "retired");
        if (is_retired) {
                memmove(line.words, line.words + 1, sizeof(line.words) - sizeof(line.words[0]));
                line.count--;
        }
        if (line.count && tl_text_is(line.words[0], "address"))
                read_address(r, &line, is_retired);
        else if (line.count && tl_text_is(line.words[0], "mapped"))
                read_mapped(r, &line, is_retired);
        else if (line.count && tl_text_is(line.words[0], "virtual"))
                read_virtual(r, &line, is_retired);
        else if (line.count && tl_text_is(line.words[0], "ula") && !is_retired)
                read_ula(r, &line);
        else
                report(r, &line,
                       "a line that begins with ula, address, mapped, virtual or retired");
}

/* ---- order ---- */

static int compare_prefixes(const struct wg_prefix *a, const struct wg_prefix *b)
{
        int order = wg_ip_compare(&a->ip, &b->ip);

        return order ? order : (a->cidr > b->cidr) - (a->cidr < b->cidr);
}

static int compare_subjects(const struct origin *a, const struct origin *b)
{
        int order = strcmp(a->name, b->name);

        if (!order)
                order = strcmp(a->site, b->site);
        return order ? order : compare_prefixes(&a->lan, &b->lan);
}

static int compare_origins(const void *left, const void *right)
{
        const struct origin *a = left, *b = right;
        int order = compare_subjects(a, b);

        return order ? order : (a->line > b->line) - (a->line < b->line);
}

static void check_duplicates(struct reader *r)
{
        if (r->origin_count < 2)
                return;
        qsort(r->origins, r->origin_count, sizeof(*r->origins), compare_origins);
        for (uint32_t i = 1; i < r->origin_count; i++) {
                const struct origin *a = &r->origins[i - 1], *b = &r->origins[i];
                struct tl_place first = {a->line, 1};

                if (compare_subjects(a, b) == 0)
                        tl_findings_add(r->findings, TL_FINDING_ERROR,
                                        (struct tl_place){b->line, 1}, &first, "keep one of them",
                                        "\"%s\" has two lines of this kind", b->name);
        }
}

bool tl_lock_parse(struct tl_lock *lock, const char *text, size_t len, struct tl_findings *findings)
{
        struct reader r = {.lock = lock, .findings = findings};
        struct tl_text rest = {text, len};

        for (uint32_t number = 1; rest.len && !r.is_out_of_memory; number++) {
                struct tl_text line = tl_text_head(rest, tl_text_find(rest, '\n'));

                rest = tl_text_tail(rest, WG_MIN(line.len + 1, rest.len));
                if (number > 1) {
                        read_line(&r, line, number);
                } else if (!tl_text_is(line, first_line)) {
                        tl_findings_error(findings, (struct tl_place){1, 1}, NULL,
                                          "expected the line \"%s\"", first_line);
                        break;
                }
        }
        check_duplicates(&r);
        if (r.is_out_of_memory)
                tl_findings_error(findings, (struct tl_place){0, 0}, NULL, "memory ran out");
        tl_arena_done(&r.scratch);
        tl_findings_sort(findings);
        return !tl_findings_has_errors(findings);
}

/* ---- writing ---- */

static int compare_addresses(const void *left, const void *right)
{
        const struct tl_lock_address *a = *(const struct tl_lock_address *const *)left;
        const struct tl_lock_address *b = *(const struct tl_lock_address *const *)right;
        int order = strcmp(a->name, b->name);

        if (!order)
                order = wg_ip_compare(&a->ip4, &b->ip4);
        return order ? order : wg_ip_compare(&a->ip6, &b->ip6);
}

static int compare_mapped(const void *left, const void *right)
{
        const struct tl_lock_mapped *a = *(const struct tl_lock_mapped *const *)left;
        const struct tl_lock_mapped *b = *(const struct tl_lock_mapped *const *)right;
        int order = strcmp(a->site, b->site);

        if (!order)
                order = compare_prefixes(&a->lan, &b->lan);
        return order ? order : compare_prefixes(&a->mapped, &b->mapped);
}

static int compare_virtuals(const void *left, const void *right)
{
        const struct tl_lock_virtual *a = *(const struct tl_lock_virtual *const *)left;
        const struct tl_lock_virtual *b = *(const struct tl_lock_virtual *const *)right;
        int order = strcmp(a->site, b->site);

        if (!order)
                order = strcmp(a->name, b->name);
        return order ? order : wg_ip_compare(&a->ip, &b->ip);
}

static void write_ip(struct tl_writer *w, const struct wg_ip *ip)
{
        char text[TL_ADDRESS_IP_SIZE];

        if (ip->family == WG_FAMILY_NONE)
                return;
        tl_address_format_ip(text, ip);
        tl_writer_add(w, " %s", text);
}

static void write_prefix(struct tl_writer *w, const struct wg_prefix *prefix)
{
        char text[TL_ADDRESS_PREFIX_SIZE];

        tl_address_format_prefix(text, prefix);
        tl_writer_add(w, " %s", text);
}

static void write_address(struct tl_writer *w, const struct tl_lock_address *address)
{
        tl_writer_add(w, "%saddress %s", address->is_retired ? "retired " : "", address->name);
        write_ip(w, &address->ip4);
        write_ip(w, &address->ip6);
        tl_writer_add(w, "\n");
}

static void write_mapped(struct tl_writer *w, const struct tl_lock_mapped *mapped)
{
        tl_writer_add(w, "%smapped %s", mapped->is_retired ? "retired " : "", mapped->site);
        write_prefix(w, &mapped->lan);
        write_prefix(w, &mapped->mapped);
        tl_writer_add(w, "\n");
}

static void write_virtual(struct tl_writer *w, const struct tl_lock_virtual *virtual)
{
        tl_writer_add(w, "%svirtual %s %s", virtual->is_retired ? "retired " : "", virtual->site,
                      virtual->name);
        write_ip(w, &virtual->ip);
        tl_writer_add(w, "\n");
}

/* Items in their order. */
struct sorted {
        const struct tl_lock_address **addresses;
        const struct tl_lock_mapped **mapped;
        const struct tl_lock_virtual **virtuals;
};

static bool sort_items(const struct tl_lock *lock, struct tl_arena *arena, struct sorted *sorted)
{
        sorted->addresses = tl_arena_take(arena, lock->address_count, sizeof(void *));
        sorted->mapped = tl_arena_take(arena, lock->mapped_count, sizeof(void *));
        sorted->virtuals = tl_arena_take(arena, lock->virtual_count, sizeof(void *));
        if (!sorted->addresses || !sorted->mapped || !sorted->virtuals)
                return false;
        for (uint32_t i = 0; i < lock->address_count; i++)
                sorted->addresses[i] = &lock->addresses[i];
        for (uint32_t i = 0; i < lock->mapped_count; i++)
                sorted->mapped[i] = &lock->mapped[i];
        for (uint32_t i = 0; i < lock->virtual_count; i++)
                sorted->virtuals[i] = &lock->virtuals[i];
        qsort(sorted->addresses, lock->address_count, sizeof(void *), compare_addresses);
        qsort(sorted->mapped, lock->mapped_count, sizeof(void *), compare_mapped);
        qsort(sorted->virtuals, lock->virtual_count, sizeof(void *), compare_virtuals);
        return true;
}

static size_t size_bound(const struct tl_lock *lock)
{
        size_t size = sizeof(first_line) + LINE_REST_MAX;

        for (uint32_t i = 0; i < lock->address_count; i++)
                size += strlen(lock->addresses[i].name) + LINE_REST_MAX;
        for (uint32_t i = 0; i < lock->mapped_count; i++)
                size += strlen(lock->mapped[i].site) + LINE_REST_MAX;
        for (uint32_t i = 0; i < lock->virtual_count; i++)
                size += strlen(lock->virtuals[i].site) + strlen(lock->virtuals[i].name) +
                        LINE_REST_MAX;
        return size;
}

static void write_items(struct tl_writer *w, const struct tl_lock *lock,
                        const struct sorted *sorted, bool is_retired)
{
        for (uint32_t i = 0; i < lock->address_count; i++)
                if (sorted->addresses[i]->is_retired == is_retired)
                        write_address(w, sorted->addresses[i]);
        for (uint32_t i = 0; i < lock->mapped_count; i++)
                if (sorted->mapped[i]->is_retired == is_retired)
                        write_mapped(w, sorted->mapped[i]);
        for (uint32_t i = 0; i < lock->virtual_count; i++)
                if (sorted->virtuals[i]->is_retired == is_retired)
                        write_virtual(w, sorted->virtuals[i]);
}

char *tl_lock_format(const struct tl_lock *lock, size_t *len)
{
        size_t size = size_bound(lock);
        struct tl_arena arena = {0};
        struct sorted sorted;
        struct tl_writer w;
        char *text = sort_items(lock, &arena, &sorted) ? malloc(size) : NULL;

        if (!text) {
                tl_arena_done(&arena);
                return NULL;
        }
        tl_writer_init(&w, text, size);
        tl_writer_add(&w, "%s\n", first_line);
        if (lock->ula.ip.family != WG_FAMILY_NONE) {
                tl_writer_add(&w, "ula");
                write_prefix(&w, &lock->ula);
                tl_writer_add(&w, "\n");
        }
        write_items(&w, lock, &sorted, false);
        write_items(&w, lock, &sorted, true);
        WG_ASSERT(!w.is_cut);
        tl_arena_done(&arena);
        *len = w.len;
        return text;
}

void tl_lock_done(struct tl_lock *lock)
{
        tl_arena_done(&lock->arena);
        *lock = (struct tl_lock){0};
}
