#include "match/condition.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/number.h"

void condition_fini(struct condition *condition)
{
    free(condition->literals);
    pattern_free(condition->pattern);
    *condition = (struct condition){0};
}

/* A single-precision value is compared with the literal as single precision: 0.1 is 0.1. */
static int compare_number(const struct seen *seen, const struct literal *literal)
{
    struct numeric number = literal->number;

    if (seen->is_float) {
        number = numeric_of_double((double)(float)number.d);
    }
    return numeric_cmp(&seen->number, &number);
}

static int compare_time(const struct seen *seen, const struct literal *literal)
{
    __int128 at = (__int128)seen->number.i * subject_time_unit_us(seen->logical);

    return (at > literal->time_us) - (at < literal->time_us);
}

/* Order of what was seen against a literal; false when the two cannot be compared. A text is taken
 * as a number when the literal can only be one. */
static bool compare(const struct seen *seen, const struct literal *literal, int *order)
{
    struct numeric number;

    if (seen->kind == SEEN_NUMBER) {
        if ((literal->means & MEANS_NUMBER) != 0) {
            *order = compare_number(seen, literal);
            return true;
        }
        if ((literal->means & MEANS_TIME) != 0 && subject_time_unit_us(seen->logical) > 0) {
            *order = compare_time(seen, literal);
            return true;
        }
        return false;
    }
    if (seen->kind == SEEN_BOOL) {
        *order = (int)seen->boolean - (int)literal->boolean;
        return (literal->means & MEANS_BOOL) != 0;
    }
    if (seen->kind != SEEN_TEXT) {
        return false;
    }
    if ((literal->means & MEANS_TEXT) != 0) {
        *order = span_cmp(seen->text, literal->text);
        return true;
    }
    if ((literal->means & MEANS_NUMBER) != 0 && numeric_parse(seen->text, &number)) {
        *order = numeric_cmp(&number, &literal->number);
        return true;
    }
    return false;
}

static bool is_among_sorted(const struct condition *condition, struct span text)
{
    size_t low = 0;
    size_t high = condition->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = span_cmp(text, condition->literals[middle].text);

        if (order == 0) {
            return true;
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return false;
}

static bool is_among(const struct condition *condition, const struct seen *seen)
{
    if (condition->is_sorted) {
        return seen->kind == SEEN_TEXT && is_among_sorted(condition, seen->text);
    }
    for (size_t i = 0; i < condition->count; i++) {
        int order;

        if (compare(seen, &condition->literals[i], &order) && order == 0) {
            return true;
        }
    }
    return false;
}

static bool is_found(const struct condition *condition, const struct seen *seen)
{
    return seen->kind == SEEN_TEXT && pattern_find(condition->pattern, seen->text) == 1;
}

bool condition_holds(const struct condition *condition, const struct seen *seen)
{
    const struct literal *literal = condition->literals;
    int order;

    switch (condition->op) {
    case OP_EXISTS:
        return seen->kind != SEEN_MISSING;
    case OP_MISSING:
        return seen->kind == SEEN_MISSING;
    case OP_IN:
        return is_among(condition, seen);
    case OP_NOT:
        return !is_among(condition, seen);
    case OP_AT_LEAST:
        return compare(seen, literal, &order) && order >= 0;
    case OP_MORE:
        return compare(seen, literal, &order) && order > 0;
    case OP_AT_MOST:
        return compare(seen, literal, &order) && order <= 0;
    case OP_LESS:
        return compare(seen, literal, &order) && order < 0;
    case OP_BETWEEN:
        return compare(seen, literal, &order) && order >= 0 && compare(seen, literal + 1, &order) &&
               order <= 0;
    case OP_FIND:
        return is_found(condition, seen);
    case OP_NOT_FIND:
        return !is_found(condition, seen);
    }
    return false;
}

static void write_list(const struct condition *condition, struct buf *out)
{
    enum { SHOWN_MAX = 8 };

    buf_add_text(out, "one of [");
    for (size_t i = 0; i < condition->count && i < SHOWN_MAX; i++) {
        buf_add_text(out, i == 0 ? "" : ", ");
        buf_add_span(out, condition->literals[i].text);
    }
    if (condition->count > SHOWN_MAX) {
        buf_printf(out, " and %zu more", condition->count - SHOWN_MAX);
    }
    buf_add_char(out, ']');
}

void condition_write(const struct condition *condition, struct buf *out)
{
    static const char *const words[] = {
        [OP_EXISTS] = "exists", [OP_MISSING] = "missing", [OP_IN] = "",
        [OP_NOT] = "!= ",       [OP_AT_LEAST] = ">= ",    [OP_MORE] = "> ",
        [OP_AT_MOST] = "<= ",   [OP_LESS] = "< ",         [OP_BETWEEN] = "between ",
        [OP_FIND] = "=~ ",      [OP_NOT_FIND] = "!~ ",
    };

    if (condition->op == OP_IN && condition->count > 1) {
        write_list(condition, out);
        return;
    }
    buf_add_text(out, words[condition->op]);
    if (condition->pattern != NULL) {
        buf_add_span(out, condition->pattern_text);
    }
    for (size_t i = 0; i < condition->count; i++) {
        buf_add_text(out, i == 0 ? "" : "..");
        buf_add_span(out, condition->literals[i].text.len == 0 ? SPAN("\"\"")
                                                               : condition->literals[i].text);
    }
}

/* "6d 2h", the two largest units. */
static void write_duration(int64_t ms, struct buf *out)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
    size_t shown = 0;

    if (ms < 0) {
        buf_add_char(out, '-');
        ms = -ms;
    }
    for (size_t i = 0; i < COUNT_OF(units) && shown < 2; i++) {
        if (ms >= units[i].ms) {
            buf_add_text(out, shown == 0 ? "" : " ");
            buf_add_i64(out, ms / units[i].ms);
            buf_add_text(out, units[i].unit);
            ms %= units[i].ms;
            shown++;
        }
    }
    buf_add_text(out, shown == 0 ? "0s" : "");
}

static void write_number(const struct condition *condition, const struct seen *seen,
                         struct buf *out)
{
    int64_t unit_us = subject_time_unit_us(seen->logical);
    char iso[CLOCK_ISO_BYTES];

    if (condition->subject->kind == SUBJECT_AGE) {
        write_duration(seen->number.i, out);
    } else if (seen->number.is_integer) {
        buf_add_i64(out, seen->number.i);
    } else {
        buf_add_double(out, seen->number.d);
    }
    if (unit_us > 0) {
        buf_printf(out, " (%s)",
                   clock_iso((int64_t)((__int128)seen->number.i * unit_us / 1000), iso));
    }
}

void condition_write_seen(const struct condition *condition, const struct seen *seen,
                          struct buf *out)
{
    enum subject_kind kind = condition->subject->kind;

    switch (seen->kind) {
    case SEEN_MISSING:
        buf_add_text(out, "missing");
        return;
    case SEEN_TEXT: /* the event type and the topic are names; all other text may be a person's */
        if (kind == SUBJECT_EVENT || kind == SUBJECT_TOPIC) {
            buf_add_span(out, seen->text);
        } else {
            buf_printf(out, "a text of %zu bytes", seen->text.len);
        }
        return;
    case SEEN_NUMBER:
        write_number(condition, seen, out);
        return;
    case SEEN_BOOL:
        buf_add_text(out, seen->boolean ? "true" : "false");
        return;
    case SEEN_OTHER:
        buf_add_text(out, "present");
        return;
    }
}
