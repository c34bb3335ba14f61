/* Deciding by the flat code, explaining by the tree. */
#include "match/match.h"

bool match_run(const struct match *match, bool is_key_known, const struct event_view *view,
               struct arena *arena, uint64_t *conditions)
{
    int32_t at = match->entry;

    while (at >= 0) {
        const struct match_step *step = &match->steps[at];
        struct seen seen;

        if (is_key_known && step->condition == match->key) {
            at = step->on_true;
            continue;
        }
        ++*conditions;
        subject_see(step->condition->subject, view, arena, &seen);
        at = condition_holds(step->condition, &seen) ? step->on_true : step->on_false;
    }
    return at == STEP_TAKES;
}

static bool explain_test(const struct condition *condition, const struct event_view *view,
                         struct arena *arena, struct buf *out)
{
    struct seen seen;

    subject_see(condition->subject, view, arena, &seen);
    if (condition_holds(condition, &seen)) {
        return true;
    }
    buf_add_span(out, condition->subject->name);
    buf_add_text(out, " is ");
    condition_write_seen(condition, &seen, out);
    buf_add_text(out, ", wants ");
    condition_write(condition, out);
    return false;
}

/* Of an all the first refusal is the reason, of an any all of them. What a branch that was refused
 * has written is taken back when another one holds. */
static bool explain(const struct match_node *node, const struct event_view *view,
                    struct arena *arena, struct buf *out)
{
    size_t start = out->len;

    if (node->kind == NODE_TEST) {
        return explain_test(&node->condition, view, arena, out);
    }
    for (size_t i = 0; i < node->count; i++) {
        if (node->kind == NODE_ANY && i > 0) {
            buf_add_text(out, "; and ");
        }
        if (explain(&node->nodes[i], view, arena, out) == (node->kind == NODE_ANY)) {
            if (node->kind == NODE_ANY) {
                buf_truncate(out, start);
            }
            return node->kind == NODE_ANY;
        }
    }
    return node->kind == NODE_ALL;
}

bool match_explain(const struct match *match, const struct event_view *view, struct arena *arena,
                   struct buf *out)
{
    return explain(&match->root, view, arena, out);
}
