/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "base/enum.h"

#include "base/mem.h"

/* Output that stores as much as fits and counts everything. */
struct sink {
        char *out;
        size_t size, len;
};

static void put(struct sink *s, char c)
{
        if (s->len + 1 < s->size)
                s->out[s->len] = c;
        s->len++;
}

static void put_text(struct sink *s, const char *text)
{
        while (*text)
                put(s, *text++);
}

static void put_hex(struct sink *s, uint32_t value)
{
        unsigned int shift = 28;

        put_text(s, "0x");
        while (shift && !(value >> shift))
                shift -= 4;
        for (;; shift -= 4) {
                put(s, "0123456789abcdef"[value >> shift & 15]);
                if (!shift)
                        return;
        }
}

static bool is_name(const char *name, const char *text, size_t len)
{
        for (size_t i = 0; i < len; i++)
                if (!name[i] || name[i] != text[i])
                        return false;
        return name[len] == '\0';
}

/* Reads 0x and a hexadecimal number of at most 32 bits, or the single digit 0. */
static bool parse_number(const char *text, size_t len, uint32_t *value)
{
        uint32_t v = 0;

        if (len == 1 && text[0] == '0') {
                *value = 0;
                return true;
        }
        if (len < 3 || len > 10 || text[0] != '0' || text[1] != 'x')
                return false;
        for (size_t i = 2; i < len; i++) {
                char c = text[i];
                uint32_t digit;

                if (c >= '0' && c <= '9')
                        digit = (uint32_t)(c - '0');
                else if (c >= 'a' && c <= 'f')
                        digit = (uint32_t)(c - 'a') + 10;
                else
                        return false;
                v = v << 4 | digit;
        }
        *value = v;
        return true;
}

const struct wg_enum_member *wg_enum_by_value(const struct wg_enum *e, uint32_t value)
{
        WG_ENUM_EACH(m, e)
                if (m->value == value)
                        return m;
        return NULL;
}

const struct wg_enum_member *wg_enum_by_name(const struct wg_enum *e, const char *name, size_t len)
{
        WG_ENUM_EACH(m, e)
                if (is_name(m->name, name, len))
                        return m;
        return NULL;
}

const char *wg_enum_name(const struct wg_enum *e, uint32_t value)
{
        const struct wg_enum_member *m = wg_enum_by_value(e, value);

        return m ? m->name : "unknown";
}

const char *wg_enum_text(const struct wg_enum *e, uint32_t value)
{
        const struct wg_enum_member *m = wg_enum_by_value(e, value);

        return m ? m->text : "unknown";
}

size_t wg_flags_format(const struct wg_enum *e, uint32_t set, char *out, size_t size)
{
        struct sink s = {out, size, 0};

        WG_ENUM_EACH(m, e) {
                if (!(set & m->value))
                        continue;
                if (s.len)
                        put(&s, '|');
                put_text(&s, m->name);
                set &= ~m->value;
        }
        if (set) {
                if (s.len)
                        put(&s, '|');
                put_hex(&s, set);
        }
        if (!s.len)
                put(&s, '0');
        if (size)
                out[WG_MIN(s.len, size - 1)] = '\0';
        return s.len;
}

bool wg_flags_parse(const struct wg_enum *e, const char *text, size_t len, uint32_t *set)
{
        uint32_t result = 0;

        for (size_t at = 0;; at++) {
                size_t start = at;
                const struct wg_enum_member *m;
                uint32_t bits;

                while (at < len && text[at] != '|')
                        at++;
                m = wg_enum_by_name(e, text + start, at - start);
                if (m)
                        bits = m->value;
                else if (!parse_number(text + start, at - start, &bits))
                        return false;
                result |= bits;
                if (at == len)
                        break;
        }
        *set = result;
        return true;
}
