#include "match/constraint.h"

enum truth { NO, MAYBE, YES };

enum place_kind { PLACE_MISSING, PLACE_LITERAL, PLACE_OTHER, PLACE_UNKNOWN };

/* One place on the line of a subject's values. OTHER is a value that no literal compares with. */
struct spot {
    enum place_kind kind;
    const struct literal *literal;
    int side; /* -1 just below it, 0 the literal itself, 1 just above it */
    unsigned means;
};

static bool is_same(const struct condition *a, const struct condition *b)
{
    if (a->digest != b->digest || a->op != b->op || a->count != b->count ||
        !span_eq(a->pattern_text, b->pattern_text)) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        if (a->literals[i].means != b->literals[i].means ||
            !span_eq(a->literals[i].text, b->literals[i].text)) {
            return false;
        }
    }
    return true;
}

/* How literals on @subject compare, as a MEANS_ value, when there is only one way; else 0. With
 * single precision several literals are the same value, so nothing is certain. */
static unsigned means_of(const struct subject *subject, const struct literal *literal)
{
    unsigned holds = subject_holds(subject);

    if (subject->has_float) {
        return 0;
    }
    if ((holds & ~(unsigned)(HOLDS_TEXT | HOLDS_SYMBOL)) == 0) {
        return (literal->means & MEANS_TEXT) != 0 ? MEANS_TEXT : MEANS_NUMBER;
    }
    if (holds == HOLDS_BOOL) {
        return MEANS_BOOL;
    }
    if (holds == HOLDS_NUMBER || holds == HOLDS_AGE) {
        return MEANS_NUMBER;
    }
    return holds != HOLDS_TIME                    ? 0
           : (literal->means & MEANS_NUMBER) != 0 ? MEANS_NUMBER
                                                  : MEANS_TIME;
}

/* The one way in which all literals of both compare, or 0. */
static unsigned common_means(const struct condition *a, const struct condition *b)
{
    unsigned all = 0;

    for (size_t i = 0; i < a->count + b->count; i++) {
        const struct literal *literal = i < a->count ? &a->literals[i] : &b->literals[i - a->count];
        unsigned one = means_of(a->subject, literal);

        if (one == 0 || (all != 0 && one != all)) {
            return 0;
        }
        all = one;
    }
    return all;
}

static struct seen seen_at(const struct spot *spot)
{
    switch (spot->means) {
    case MEANS_TEXT:
        return (struct seen){.kind = SEEN_TEXT, .text = spot->literal->text};
    case MEANS_BOOL:
        return (struct seen){.kind = SEEN_BOOL, .boolean = spot->literal->boolean};
    case MEANS_TIME:
        return (struct seen){.kind = SEEN_NUMBER,
                             .logical = LOGICAL_TIMESTAMP_MICROS,
                             .number = numeric_of_i64(spot->literal->time_us)};
    default:
        return (struct seen){.kind = SEEN_NUMBER, .number = spot->literal->number};
    }
}

/* Where @spot, beside a literal, lies to another literal: never at it. */
static int side_of(const struct spot *spot, const struct literal *other)
{
    const struct literal *own = spot->literal;
    int order = spot->means == MEANS_TEXT ? span_cmp(own->text, other->text)
                : spot->means == MEANS_TIME
                    ? (own->time_us > other->time_us) - (own->time_us < other->time_us)
                    : numeric_cmp(&own->number, &other->number);

    return order != 0 ? order : spot->side;
}

/* What a comparison by order says beside a literal. */
static bool is_ordered(const struct condition *condition, const struct spot *spot)
{
    bool is_above = side_of(spot, &condition->literals[0]) > 0;

    if (condition->op == OP_BETWEEN) {
        return is_above && side_of(spot, &condition->literals[1]) < 0;
    }
    return is_above == (condition->op == OP_AT_LEAST || condition->op == OP_MORE);
}

static enum truth truth_at(const struct condition *condition, const struct spot *spot)
{
    bool is_pattern = condition->pattern != NULL;
    struct seen seen = {.kind = SEEN_MISSING};

    if (spot->kind == PLACE_MISSING) {
        return condition_holds(condition, &seen) ? YES : NO;
    }
    if (condition->op == OP_EXISTS || condition->op == OP_MISSING) {
        return condition->op == OP_EXISTS ? YES : NO;
    }
    if (spot->kind == PLACE_LITERAL && spot->side == 0 &&
        (!is_pattern || spot->means == MEANS_TEXT)) { /* 5 stands for the texts 5 and 5.0 */
        seen = seen_at(spot);
        return condition_holds(condition, &seen) ? YES : NO;
    }
    if (is_pattern || spot->kind == PLACE_UNKNOWN) {
        return MAYBE;
    }
    if (condition->op == OP_IN || condition->op == OP_NOT) {
        return condition->op == OP_NOT ? YES : NO;
    }
    return spot->kind == PLACE_LITERAL && is_ordered(condition, spot) ? YES : NO;
}

typedef bool claim_fn(enum truth a, enum truth b);

/* Is @claim true of @a and @b wherever the subject may be? It is where @a is false, so that of a
 * list of values only the values are asked. */
static bool is_true(claim_fn *claim, const struct condition *a, const struct condition *b)
{
    unsigned means = common_means(a, b);
    bool is_list = a->op == OP_IN && means != 0;
    size_t count = is_list ? a->count : 3 * (a->count + b->count);
    struct spot spot = {.kind = PLACE_MISSING, .means = means};

    if (!claim(truth_at(a, &spot), truth_at(b, &spot))) {
        return false;
    }
    spot.kind = means == 0 && count > 0 ? PLACE_UNKNOWN : PLACE_OTHER;
    if (!claim(truth_at(a, &spot), truth_at(b, &spot))) {
        return false;
    }
    spot.kind = PLACE_LITERAL;
    for (size_t i = 0; means != 0 && i < count; i++) {
        size_t at = is_list ? i : i / 3;

        spot.literal = at < a->count ? &a->literals[at] : &b->literals[at - a->count];
        spot.side = is_list ? 0 : (int)(i % 3) - 1;
        if (!claim(truth_at(a, &spot), truth_at(b, &spot))) {
            return false;
        }
    }
    return true;
}

static bool is_either_false(enum truth a, enum truth b)
{
    return a == NO || b == NO;
}

static bool is_second_true(enum truth a, enum truth b)
{
    return a == NO || b == YES;
}

bool conditions_exclude(const struct condition *a, const struct condition *b)
{
    return a->subject == b->subject &&
           (b->op == OP_IN ? is_true(is_either_false, b, a) : is_true(is_either_false, a, b));
}

bool condition_implies(const struct condition *a, const struct condition *b)
{
    return a->subject == b->subject && (is_same(a, b) || is_true(is_second_true, a, b));
}
