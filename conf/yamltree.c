/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "conf/yamltree.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "conf/text.h"

WG_ENUM_DEFINE(tl_yaml_kind, TL_YAML_KINDS)

enum { RUNS_MAX = 16 }; /* syntax errors after which reading resumes, plus 1 */

/* A place in the text, as libyaml counts and as we do. */
struct cursor {
        size_t index;  /* in characters */
        size_t offset; /* in bytes */
};

/* A mapping or sequence that is being read. */
struct frame {
        struct tl_yaml_node *node;
        const struct tl_yaml_node *key; /* of the value that comes next; NULL: a key comes next */
        bool is_key;                    /* the node stands where a key belongs: a mistake */
        bool is_flow;                   /* in brackets */
};

struct builder {
        struct tl_arena *arena;
        struct tl_findings *findings;
        struct tl_yaml_node *root;
        struct frame frames[TL_YAML_DEPTH_MAX];
        uint32_t depth; /* frames in use */
        const struct tl_yaml_node **sorted;
        uint32_t sorted_capacity;

        /* The run of libyaml: over the text from a certain line. */
        struct tl_text text;
        uint32_t line;            /* of its first byte, from 0 */
        struct cursor line_start; /* of the latest place */
        struct cursor latest;
        bool has_document;
        bool has_stopped; /* a mistake after which the rest has no meaning */
        bool is_out_of_memory;
};

/* ---- places ---- */

static void advance(const struct tl_text *text, struct cursor *cursor, size_t index)
{
        while (cursor->index < index && cursor->offset < text->len) {
                cursor->offset++;
                while (cursor->offset < text->len && (text->at[cursor->offset] & 0xc0) == 0x80)
                        cursor->offset++;
                cursor->index++;
        }
}

/* libyaml counts characters from 0, we count bytes from 1. Marks come in order, or nearly so. */
static struct tl_place place_of(struct builder *b, const yaml_mark_t *mark)
{
        size_t start = mark->index - WG_MIN(mark->column, mark->index);

        if (start < b->line_start.index)
                b->line_start = b->latest = (struct cursor){0};
        if (start > b->line_start.index) {
                advance(&b->text, &b->line_start, start);
                b->latest = b->line_start;
        }
        if (mark->index < b->latest.index)
                b->latest = b->line_start;
        advance(&b->text, &b->latest, mark->index);
        return (struct tl_place){
                .line = (uint32_t)(b->line + mark->line + 1),
                .column = (uint32_t)(b->latest.offset - b->line_start.offset + 1),
        };
}

/* ---- the text ---- */

/* The length of the UTF-8 character at the start of a text that YAML allows in files; 0: none. */
static size_t character_len(struct tl_text text)
{
        static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
        uint8_t first = (uint8_t)text.at[0];
        size_t len = first < 0x80 ? 1 : first < 0xc0 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
        uint32_t c;

        if (len == 1)
                return (first >= ' ' && first != 0x7f) || first == '\n' || first == '\t' ||
                       first == '\r';
        if (!len || len > text.len || first >= 0xf8)
                return 0;
        c = first & (0xffu >> (len + 1));
        for (size_t i = 1; i < len; i++) {
                if ((text.at[i] & 0xc0) != 0x80)
                        return 0;
                c = c << 6 | (text.at[i] & 0x3f);
        }
        if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
                return 0;
        /* Line breaks that only YAML 1.1 knows, control characters, and no characters at all. */
        if (c < 0xa0 || c == 0x2028 || c == 0x2029 || c == 0xfeff || c == 0xfffe || c == 0xffff)
                return 0;
        return len;
}

/* Whether the text has only characters that may be in a file. */
static bool check_characters(struct tl_text text, struct tl_findings *findings)
{
        struct tl_place at = {1, 1};

        for (size_t i = 0; i < text.len;) {
                size_t len = character_len(tl_text_tail(text, i));
                bool is_return = text.at[i] == '\r' &&
                                 (i + 1 == text.len || text.at[i + 1] != '\n');

                if (!len || is_return) {
                        tl_findings_error(findings, at, "save the file as UTF-8 text",
                                          "this is not a character of a text file");
                        return false;
                }
                at.column += (uint32_t)len;
                if (text.at[i] == '\n')
                        at = (struct tl_place){at.line + 1, 1};
                i += len;
        }
        return true;
}

/* ---- the tree ---- */

static struct tl_yaml_node *make_node(struct builder *b, enum tl_yaml_kind kind, struct tl_place at)
{
        struct tl_yaml_node *node = tl_arena_take(b->arena, 1, sizeof(*node));

        if (!node) {
                b->is_out_of_memory = true;
                return NULL;
        }
        node->kind = kind;
        node->at = at;
        return node;
}

static void append(struct frame *frame, struct tl_yaml_node *node)
{
        node->key = frame->key;
        frame->key = NULL;
        if (node->key && node->key->kind == TL_YAML_WRONG)
                return;
        if (frame->node->last)
                frame->node->last->next = node;
        else
                frame->node->first = node;
        frame->node->last = node;
        frame->node->count++;
}

/* Puts a complete scalar, or a mapping or sequence that begins, where it belongs. */
static void place_node(struct builder *b, struct tl_yaml_node *node)
{
        struct frame *frame = b->depth ? &b->frames[b->depth - 1] : NULL;

        if (!frame) {
                b->root = b->root ? b->root : node;
        } else if (frame->node->kind != TL_YAML_MAPPING || frame->key) {
                append(frame, node);
        } else {
                frame->key = node;
                if (node->kind != TL_YAML_SCALAR && node->kind != TL_YAML_WRONG)
                        tl_findings_error(b->findings, node->at, "write a word before the colon",
                                          "a key must be a word");
        }
}

static bool is_key_next(const struct builder *b)
{
        const struct frame *frame = b->depth ? &b->frames[b->depth - 1] : NULL;

        return frame && frame->node->kind == TL_YAML_MAPPING && !frame->key;
}

static void begin(struct builder *b, enum tl_yaml_kind kind, struct tl_place at, bool is_flow)
{
        bool is_key = is_key_next(b);
        struct tl_yaml_node *node;

        if (b->depth == TL_YAML_DEPTH_MAX) {
                tl_findings_error(b->findings, at, NULL, "this is nested too deeply");
                b->has_stopped = true;
                return;
        }
        /* A later run continues the outermost mapping. */
        node = !b->depth && b->root ? b->root : make_node(b, kind, at);
        if (!node)
                return;
        if (node->kind != kind) {
                b->has_stopped = true;
                return;
        }
        if (node != b->root)
                place_node(b, node);
        b->frames[b->depth++] = (struct frame){.node = node, .is_key = is_key, .is_flow = is_flow};
}

static int compare_texts(const struct tl_yaml_node *a, const struct tl_yaml_node *b)
{
        int order = memcmp(a->text, b->text, WG_MIN(a->len, b->len));

        return order ? order : (a->len > b->len) - (a->len < b->len);
}

/* By key; equal keys by place. */
static int compare_keys(const void *left, const void *right)
{
        const struct tl_yaml_node *a = (*(const struct tl_yaml_node *const *)left)->key;
        const struct tl_yaml_node *b = (*(const struct tl_yaml_node *const *)right)->key;
        int order = compare_texts(a, b);

        if (order)
                return order;
        if (a->at.line != b->at.line)
                return a->at.line < b->at.line ? -1 : 1;
        return (a->at.column > b->at.column) - (a->at.column < b->at.column);
}

/* Removes marked children. */
static void drop_wrong_keys(struct tl_yaml_node *node)
{
        struct tl_yaml_node *child = node->first;

        node->first = node->last = NULL;
        node->count = 0;
        while (child) {
                struct tl_yaml_node *next = child->next;
                struct frame frame = {.node = node, .key = child->key};

                child->next = NULL;
                if (child->key)
                        append(&frame, child);
                child = next;
        }
}

static void report_duplicate(struct builder *b, const struct tl_yaml_node *first,
                             struct tl_yaml_node *again)
{
        tl_findings_add(b->findings, TL_FINDING_ERROR, again->key->at, &first->key->at,
                        "keep one of them", "this key is here twice");
        again->key = NULL;
}

/* Of equal keys, the first one stays. */
static void check_duplicates(struct builder *b, struct tl_yaml_node *node)
{
        bool has_duplicates = false;
        uint32_t count = 0;

        for (struct tl_yaml_node *child = node->first; child; child = child->next) {
                void *larger = tl_arena_grow(b->arena, b->sorted, count, &b->sorted_capacity,
                                             sizeof(*b->sorted));

                if (!larger) {
                        b->is_out_of_memory = true;
                        return;
                }
                b->sorted = larger;
                b->sorted[count++] = child;
        }
        if (count < 2)
                return;
        qsort(b->sorted, count, sizeof(*b->sorted), compare_keys);
        for (uint32_t i = 1, first = 0; i < count; i++) {
                if (compare_texts(b->sorted[first]->key, b->sorted[i]->key) != 0) {
                        first = i;
                        continue;
                }
                report_duplicate(b, b->sorted[first], (struct tl_yaml_node *)b->sorted[i]);
                has_duplicates = true;
        }
        if (has_duplicates)
                drop_wrong_keys(node);
}

static void end(struct builder *b)
{
        struct frame *frame = &b->frames[--b->depth];

        if (frame->node->kind == TL_YAML_MAPPING)
                check_duplicates(b, frame->node);
        if (frame->is_key)
                frame->node->kind = TL_YAML_WRONG;
}

static void add_scalar(struct builder *b, const yaml_event_t *event, struct tl_place at)
{
        struct tl_yaml_node *node = make_node(b, TL_YAML_SCALAR, at);

        if (!node)
                return;
        node->is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
        node->is_one_line = node->is_plain && event->start_mark.line == event->end_mark.line;
        node->len = event->data.scalar.length;
        node->text = tl_arena_copy(b->arena, (const char *)event->data.scalar.value, node->len);
        if (!node->text)
                b->is_out_of_memory = true;
        else
                place_node(b, node);
}

static void check_properties(struct builder *b, const yaml_char_t *anchor, const yaml_char_t *tag,
                             struct tl_place at)
{
        if (anchor)
                tl_findings_error(b->findings, at, "remove the word that begins with &",
                                  "anchors are not allowed");
        if (tag)
                tl_findings_error(b->findings, at, "remove the word that begins with !",
                                  "tags are not allowed");
}

static void add_alias(struct builder *b, struct tl_place at)
{
        struct tl_yaml_node *node = make_node(b, TL_YAML_WRONG, at);

        tl_findings_error(b->findings, at, "write the value here again", "aliases are not allowed");
        if (node)
                place_node(b, node);
}

static void begin_document(struct builder *b, struct tl_place at)
{
        if (b->has_document) {
                tl_findings_error(b->findings, at, "remove the line with ---",
                                  "a file has only one document");
                b->has_stopped = true;
        }
        b->has_document = true;
}

static void handle(struct builder *b, const yaml_event_t *event)
{
        struct tl_place at = place_of(b, &event->start_mark);

        switch (event->type) {
        case YAML_DOCUMENT_START_EVENT:
                begin_document(b, at);
                break;
        case YAML_ALIAS_EVENT:
                add_alias(b, at);
                break;
        case YAML_SCALAR_EVENT:
                check_properties(b, event->data.scalar.anchor, event->data.scalar.tag, at);
                add_scalar(b, event, at);
                break;
        case YAML_SEQUENCE_START_EVENT:
                check_properties(b, event->data.sequence_start.anchor,
                                 event->data.sequence_start.tag, at);
                begin(b, TL_YAML_SEQUENCE, at,
                      event->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE);
                break;
        case YAML_MAPPING_START_EVENT:
                check_properties(b, event->data.mapping_start.anchor, event->data.mapping_start.tag,
                                 at);
                begin(b, TL_YAML_MAPPING, at,
                      event->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE);
                break;
        case YAML_SEQUENCE_END_EVENT:
        case YAML_MAPPING_END_EVENT:
                end(b);
                break;
        case YAML_NO_EVENT:
        case YAML_STREAM_START_EVENT:
        case YAML_STREAM_END_EVENT:
        case YAML_DOCUMENT_END_EVENT:
                break;
        }
}

/* ---- syntax errors ---- */

/* What libyaml says, and what we say. */
struct syntax_error {
        const char *theirs, *ours, *fix;
        bool is_at_start; /* the mistake is where the construct begins, not where libyaml stops */
};

static const struct syntax_error syntax_errors[] = {
        {"mapping values are not allowed", "a colon and a space here would begin a second value",
         "check the indentation, or put the text in quotes", false},
        {"block sequence entries are not allowed", "a list cannot begin here",
         "begin it on a line of its own", false},
        {"mapping keys are not allowed", "a key cannot begin here", "check the indentation", false},
        {"could not find expected ':'", "a colon is missing after the key",
         "write \"key: value\", with a space after the colon", true},
        {"found unexpected end of stream", "the closing quote is missing", "add it", true},
        {"found unexpected document indicator", "the closing quote is missing", "add it", true},
        {"found unknown escape character", "unknown escape sequence after a backslash",
         "use single quotes, in which backslashes mean themselves", false},
        {"found character that cannot start any token", "a value cannot begin with this character",
         "indent with spaces, not tabs, and put texts with special characters in quotes", false},
        {"did not find expected ',' or ']'", "a comma or the closing ] is missing", "add it",
         false},
        {"did not find expected ',' or '}'", "a comma or the closing } is missing", "add it",
         false},
        {"did not find expected '-' indicator",
         "this line does not line up with the list before it", "check the indentation", false},
        {"did not find expected key", "this line does not line up with the keys before it",
         "check the indentation", false},
        {"did not find expected node content", "a value is missing here", "write one", false},
        {"did not find expected <document start>",
         "the file must consist of lines like \"key: value\"", "check the indentation", false},
};

/* What a construct with an error is, for what must be closed or completed. */
enum construct { OTHER, BRACKETED, WORD };

static enum construct construct_of(const yaml_parser_t *parser)
{
        static const struct {
                const char *start;
                enum construct construct;
        } contexts[] = {
                {"while scanning a quoted", WORD},
                {"while parsing a flow", BRACKETED},
                {"while scanning a simple", WORD},
        };

        for (size_t i = 0; parser->context && i < WG_ARRAY_SIZE(contexts); i++)
                if (!strncmp(parser->context, contexts[i].start, strlen(contexts[i].start)))
                        return contexts[i].construct;
        return OTHER;
}

static const struct syntax_error *find_syntax_error(const struct builder *b, const char *problem)
{
        static const struct syntax_error tab = {"", "a tab cannot indent a line", "use spaces",
                                                false};
        static const struct syntax_error other = {"", "this is not valid YAML",
                                                  "compare the line with the examples", false};

        if (b->latest.offset < b->text.len && b->text.at[b->latest.offset] == '\t')
                return &tab;
        for (size_t i = 0; problem && i < WG_ARRAY_SIZE(syntax_errors); i++)
                if (!strncmp(problem, syntax_errors[i].theirs, strlen(syntax_errors[i].theirs)))
                        return &syntax_errors[i];
        return &other;
}

static void report_syntax(struct builder *b, const yaml_parser_t *parser)
{
        struct tl_place began = place_of(b, &parser->context_mark);
        struct tl_place at = place_of(b, &parser->problem_mark);
        const struct syntax_error *error = find_syntax_error(b, parser->problem);
        const struct tl_place *opened = NULL;

        if (error->is_at_start)
                at = began;
        if (construct_of(parser) == BRACKETED && began.line != at.line)
                opened = &began;
        tl_findings_add(b->findings, TL_FINDING_ERROR, at, opened, error->fix, "%s", error->ours);
}

/* The line, from 0 in this run, after which reading resumes: for what must be closed or completed,
 * the one where it begins. */
static size_t error_line(const yaml_parser_t *parser)
{
        return construct_of(parser) == OTHER ? parser->problem_mark.line
                                             : parser->context_mark.line;
}

/* Goes to the first line after this one, counted from 0 in this run, that begins with a letter.
 * False: there is none. */
static bool skip_to_key(struct builder *b, size_t line)
{
        struct tl_text rest = b->text;

        for (size_t i = 0; rest.len; i++) {
                if (i > line && rest.at[0] >= 'a' && rest.at[0] <= 'z') {
                        b->text = rest;
                        b->line += (uint32_t)i;
                        return true;
                }
                rest = tl_text_tail(rest, WG_MIN(tl_text_find(rest, '\n') + 1, rest.len));
        }
        return false;
}

/* Ends what was open at a syntax error. What was in brackets is meaningless, as the closing one
 * may be missing. */
static void close_all(struct builder *b)
{
        while (b->depth) {
                if (b->frames[b->depth - 1].is_flow)
                        b->frames[b->depth - 1].node->kind = TL_YAML_WRONG;
                end(b);
        }
}

/* Lets libyaml read the text. Returns whether reading can resume after a syntax error, with the
 * text changed to what is left. */
static bool run(struct builder *b, bool *is_whole)
{
        yaml_parser_t parser = {0};
        yaml_event_t event = {0};
        bool is_at_end = false, is_resumed = false;
        size_t line;

        b->line_start = b->latest = (struct cursor){0};
        b->has_document = false;
        if (!yaml_parser_initialize(&parser)) {
                b->is_out_of_memory = true;
                return false;
        }
        yaml_parser_set_input_string(&parser, (const unsigned char *)b->text.at, b->text.len);
        yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
        while (!is_at_end && !b->is_out_of_memory && !b->has_stopped) {
                if (!yaml_parser_parse(&parser, &event)) {
                        b->is_out_of_memory |= parser.error == YAML_MEMORY_ERROR;
                        break;
                }
                is_at_end = event.type == YAML_STREAM_END_EVENT;
                handle(b, &event);
                yaml_event_delete(&event);
        }
        if (!is_at_end && !b->is_out_of_memory && !b->has_stopped) {
                report_syntax(b, &parser);
                *is_whole = false;
                close_all(b);
                line = error_line(&parser);
                if (b->root && b->root->kind == TL_YAML_SCALAR) /* what should have been a key */
                        b->root = NULL;
                is_resumed = (!b->root || b->root->kind == TL_YAML_MAPPING) && skip_to_key(b, line);
        }
        yaml_parser_delete(&parser);
        return is_resumed;
}

const struct tl_yaml_node *tl_yaml_parse(struct tl_arena *arena, const char *text, size_t len,
                                         bool *is_whole, struct tl_findings *findings)
{
        struct builder b = {
                .arena = arena,
                .findings = findings,
                .text = {text, len},
        };

        *is_whole = false;
        if (len > TL_YAML_SIZE_MAX) {
                tl_findings_error(findings, (struct tl_place){0, 0}, NULL,
                                  "the file is larger than %d MiB", TL_YAML_SIZE_MAX / 1024 / 1024);
                return NULL;
        }
        if (tl_text_begins_with(b.text, "\xef\xbb\xbf")) /* a byte order mark */
                b.text = tl_text_tail(b.text, 3);
        if (!check_characters(b.text, findings))
                return NULL;
        *is_whole = true;
        for (int runs = 0; run(&b, is_whole) && runs < RUNS_MAX; runs++)
                ;
        close_all(&b);
        if (b.has_stopped)
                *is_whole = false;
        if (!b.is_out_of_memory)
                return b.root;
        tl_findings_error(findings, (struct tl_place){0, 0}, NULL, "memory ran out");
        *is_whole = false;
        return NULL;
}

static bool is_word(const struct tl_yaml_node *node, const char *const words[3])
{
        struct tl_text text = {node->text, node->len};

        if (node->kind != TL_YAML_SCALAR || !node->is_plain)
                return false;
        return tl_text_is(text, words[0]) || tl_text_is(text, words[1]) ||
               tl_text_is(text, words[2]);
}

bool tl_yaml_is_null(const struct tl_yaml_node *node)
{
        static const char *const words[] = {"null", "Null", "NULL"}, *const empty[] = {"", "~", ""};

        return is_word(node, words) || is_word(node, empty);
}

bool tl_yaml_is_bool(const struct tl_yaml_node *node, bool *value)
{
        static const char *const yes[] = {"true", "True", "TRUE"};
        static const char *const no[] = {"false", "False", "FALSE"};
        bool is_true = is_word(node, yes);

        if (!is_true && !is_word(node, no))
                return false;
        *value = is_true;
        return true;
}
