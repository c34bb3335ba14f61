/* What two conditions on the same subject say about each other. */
#include "route/reach.h"

/* Ends of what an ordering condition lets through; NULL: open to that side. */
struct interval {
    const struct literal *low, *high;
    bool is_low_out, is_high_out; /* the end itself does not belong to it */
};

static bool needs_presence(const struct condition *condition)
{
    return condition->op != OP_MISSING && condition->op != OP_NOT && condition->op != OP_NOT_FIND;
}

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
static unsigned domain_of(const struct subject *subject, const struct literal *literal)
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
    if (holds == HOLDS_TIME) {
        return (literal->means & MEANS_NUMBER) != 0 ? MEANS_NUMBER : MEANS_TIME;
    }
    return 0;
}

/* The one domain of all literals of a condition, or 0. */
static unsigned domain(const struct condition *condition)
{
    unsigned all = 0;

    for (size_t i = 0; i < condition->count; i++) {
        unsigned one = domain_of(condition->subject, &condition->literals[i]);

        if (one == 0 || (all != 0 && one != all)) {
            return 0;
        }
        all = one;
    }
    return all;
}

/* Is each literal of @a one single value, which @b can judge? A number compared with texts is not:
 * "5" and "5.0" are both 5. */
static bool is_exact(const struct condition *a, const struct condition *b)
{
    unsigned holds = subject_holds(a->subject);
    unsigned own = a->op == OP_IN ? domain(a) : 0;

    if (own == 0) {
        return false;
    }
    if ((holds & HOLDS_TIME) != 0) {
        return b->count == 0 || domain(b) == own;
    }
    return own != MEANS_NUMBER || (holds & HOLDS_TEXT) == 0;
}

static struct seen seen_of(const struct condition *condition, size_t i)
{
    const struct literal *literal = &condition->literals[i];

    switch (domain_of(condition->subject, literal)) {
    case MEANS_TEXT:
        return (struct seen){.kind = SEEN_TEXT, .text = literal->text};
    case MEANS_BOOL:
        return (struct seen){.kind = SEEN_BOOL, .boolean = literal->boolean};
    case MEANS_TIME:
        return (struct seen){.kind = SEEN_NUMBER,
                             .logical = LOGICAL_TIMESTAMP_MICROS,
                             .number = numeric_of_i64(literal->time_us)};
    default:
        return (struct seen){.kind = SEEN_NUMBER, .number = literal->number};
    }
}

static bool none_holds(const struct condition *values, const struct condition *judge)
{
    for (size_t i = 0; i < values->count; i++) {
        struct seen seen = seen_of(values, i);

        if (condition_holds(judge, &seen)) {
            return false;
        }
    }
    return true;
}

static bool all_hold(const struct condition *values, const struct condition *judge)
{
    for (size_t i = 0; i < values->count; i++) {
        struct seen seen = seen_of(values, i);

        if (!condition_holds(judge, &seen)) {
            return false;
        }
    }
    return true;
}

static bool read_interval(const struct condition *condition, struct interval *out)
{
    const struct literal *literal = condition->literals;

    *out = (struct interval){0};
    switch (condition->op) {
    case OP_AT_LEAST:
    case OP_MORE:
        out->low = literal;
        out->is_low_out = condition->op == OP_MORE;
        return true;
    case OP_AT_MOST:
    case OP_LESS:
        out->high = literal;
        out->is_high_out = condition->op == OP_LESS;
        return true;
    case OP_BETWEEN:
        out->low = literal;
        out->high = literal + 1;
        return true;
    case OP_EXISTS:
    case OP_MISSING:
    case OP_IN:
    case OP_NOT:
    case OP_FIND:
    case OP_NOT_FIND:
        break;
    }
    return false;
}

static int compare(unsigned means, const struct literal *a, const struct literal *b)
{
    if (means == MEANS_TEXT) {
        return span_cmp(a->text, b->text);
    }
    if (means == MEANS_TIME) {
        return (a->time_us > b->time_us) - (a->time_us < b->time_us);
    }
    return numeric_cmp(&a->number, &b->number);
}

/* Does @a end before @b begins? */
static bool is_before(unsigned means, const struct interval *a, const struct interval *b)
{
    int order;

    if (a->high == NULL || b->low == NULL) {
        return false;
    }
    order = compare(means, a->high, b->low);
    return order < 0 || (order == 0 && (a->is_high_out || b->is_low_out));
}

static bool is_within(unsigned means, const struct interval *a, const struct interval *b)
{
    int order;

    if (b->low != NULL) {
        order = a->low == NULL ? -1 : compare(means, a->low, b->low);
        if (order < 0 || (order == 0 && b->is_low_out && !a->is_low_out)) {
            return false;
        }
    }
    if (b->high != NULL) {
        order = a->high == NULL ? 1 : compare(means, a->high, b->high);
        if (order > 0 || (order == 0 && b->is_high_out && !a->is_high_out)) {
            return false;
        }
    }
    return true;
}

/* Both as intervals over the same domain; returns it, 0 when they are not. */
static unsigned read_intervals(const struct condition *a, const struct condition *b,
                               struct interval *x, struct interval *y)
{
    if (!read_interval(a, x) || !read_interval(b, y) || domain(a) != domain(b)) {
        return 0;
    }
    return domain(a);
}

bool conditions_exclude(const struct condition *a, const struct condition *b)
{
    struct interval x, y;
    unsigned means;

    if (a->subject != b->subject) {
        return false;
    }
    if ((a->op == OP_MISSING && needs_presence(b)) || (b->op == OP_MISSING && needs_presence(a))) {
        return a->op != b->op;
    }
    if (is_exact(a, b) && none_holds(a, b)) {
        return true;
    }
    if (is_exact(b, a) && none_holds(b, a)) {
        return true;
    }
    means = read_intervals(a, b, &x, &y);
    return means != 0 && (is_before(means, &x, &y) || is_before(means, &y, &x));
}

bool condition_implies(const struct condition *a, const struct condition *b)
{
    struct interval x, y;
    unsigned means;

    if (a->subject != b->subject) {
        return false;
    }
    if (is_same(a, b)) {
        return true;
    }
    if (b->op == OP_EXISTS) {
        return needs_presence(a);
    }
    if (a->op == OP_MISSING) {
        return b->op == OP_NOT || b->op == OP_NOT_FIND;
    }
    if (is_exact(a, b)) {
        return all_hold(a, b);
    }
    means = read_intervals(a, b, &x, &y);
    return means != 0 && is_within(means, &x, &y);
}
