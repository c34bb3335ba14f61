/*
 * A pass over the steps. Opening steps push a frame, their ends pop it; an array goes back to
 * its first member once for each element. What turns out to have no members is cut off again.
 */
#include "destinations/http/template.h"

#include <math.h>

#include "base/json.h"
#include "base/number.h"
#include "event/scalar.h"
#include "schema/decoder.h"

/* An object that is open, or an array and its present element. */
struct frame {
    const struct value *root;  /* where paths start */
    const struct value *array; /* NULL: an object */
    uint32_t index;            /* of the element */
    size_t mark;               /* end of the body before it, or before the element */
    size_t array_mark;         /* and before the array */
    size_t members;            /* of the object or element */
    size_t elements;           /* written */
};

struct writer {
    const struct template *template;
    const struct event_view *view;
    struct arena *arena;
    struct buf *out;
    uint32_t left_out;
    size_t depth;
    struct frame frames[TEMPLATE_DEPTH_MAX + 1];
};

static bool is_decimal(const struct origin_value *value)
{
    return value->type != NULL && value->type->logical == LOGICAL_DECIMAL;
}

/* False when it has no JSON form: a number that is none, a decimal of more than 64 bytes. */
static bool write_value(struct writer *w, const struct origin_value *value)
{
    if (value->value == NULL) {
        buf_add_json_string(w->out, value->text);
        return true;
    }
    if (value->type == NULL) {
        return false;
    }
    if ((value->value->kind == VALUE_FLOAT || value->value->kind == VALUE_DOUBLE) &&
        !isfinite(value->value->d)) {
        return false;
    }
    if (is_decimal(value)) {
        struct span text = scalar_text(value->value, value->type, w->arena);

        buf_add_span(w->out, text);
        return text.len > 0;
    }
    value_to_plain_json(value->value, value->type, w->out);
    return true;
}

static void add_name(struct writer *w, const struct frame *parent, const struct step *step)
{
    if (parent->members > 0) {
        buf_add_char(w->out, ',');
    }
    buf_add_text(w->out, step->prefix);
}

static void write_member(struct writer *w, const struct step *step)
{
    struct frame *frame = &w->frames[w->depth - 1];
    size_t mark = w->out->len;
    struct origin_value value = origin_get(step->origin, w->view->reader, frame->root, w->arena);

    if (!value.is_present) {
        return;
    }
    add_name(w, frame, step);
    if (write_value(w, &value)) {
        frame->members++;
    } else if (!w->out->is_overflowed) {
        buf_truncate(w->out, mark);
        w->left_out++;
    }
}

static void open_object(struct writer *w, const struct step *step)
{
    const struct frame *parent = w->depth == 0 ? NULL : &w->frames[w->depth - 1];
    struct frame *frame = &w->frames[w->depth];

    INVARIANT(w->depth < COUNT_OF(w->frames));
    *frame =
        (struct frame){.root = parent == NULL ? w->view->root : parent->root, .mark = w->out->len};
    if (parent != NULL) {
        add_name(w, parent, step);
    }
    buf_add_char(w->out, '{');
    w->depth++;
}

/* The next element at or after the frame's index; false at the end of the array. */
static bool open_element(struct writer *w, struct frame *frame)
{
    while (frame->index < frame->array->len &&
           frame->array->items[frame->index].kind == VALUE_NULL) {
        frame->index++;
    }
    if (frame->index == frame->array->len) {
        return false;
    }
    frame->root = &frame->array->items[frame->index];
    frame->mark = w->out->len;
    frame->members = 0;
    buf_add_text(w->out, frame->elements > 0 ? ",{" : "{");
    return true;
}

/* Whether there is an array with an element: its members are next. */
static bool open_array(struct writer *w, const struct step *step)
{
    const struct frame *parent = &w->frames[w->depth - 1];
    const struct value *array = path_get(step->path, w->view->reader, parent->root);
    struct frame *frame = &w->frames[w->depth];

    INVARIANT(w->depth < COUNT_OF(w->frames));
    if (array == NULL || array->kind != VALUE_ARRAY || array->len == 0) {
        return false;
    }
    *frame = (struct frame){.array = array, .array_mark = w->out->len};
    add_name(w, parent, step);
    buf_add_char(w->out, '[');
    if (!open_element(w, frame)) {
        if (!w->out->is_overflowed) {
            buf_truncate(w->out, frame->array_mark);
        }
        return false;
    }
    w->depth++;
    return true;
}

/* Close with @c what has @written parts, or cut off at @mark what has none. */
static bool close(struct writer *w, char c, size_t written, size_t mark)
{
    if (written > 0) {
        buf_add_char(w->out, c);
    } else if (!w->out->is_overflowed) {
        buf_truncate(w->out, mark);
    }
    return written > 0;
}

/* True when the array has another element: its members are next. */
static bool end_element(struct writer *w, struct frame *frame)
{
    frame->elements += close(w, '}', frame->members, frame->mark);
    frame->index++;
    return open_element(w, frame);
}

/* The number of the step to go on with. */
static size_t end_frame(struct writer *w, const struct step *end, size_t at)
{
    struct frame *frame = &w->frames[w->depth - 1];
    bool is_written;

    if (frame->array != NULL) {
        if (end_element(w, frame)) {
            return end->other + 1;
        }
        is_written = close(w, ']', frame->elements, frame->array_mark);
    } else {
        is_written = close(w, '}', frame->members, frame->mark);
    }
    w->depth--;
    if (w->depth > 0) {
        w->frames[w->depth - 1].members += is_written;
    } else {
        w->frames[0].members = is_written;
    }
    return at + 1;
}

bool template_write(const struct template *template, const struct event_view *view,
                    struct arena *arena, struct buf *out, uint32_t *fields_left_out)
{
    struct writer w = {.template = template, .view = view, .arena = arena, .out = out};

    for (size_t at = 0; at < template->count && !out->is_overflowed;) {
        const struct step *step = &template->steps[at];

        switch (step->kind) {
        case STEP_VALUE:
            write_member(&w, step);
            at++;
            break;
        case STEP_OBJECT:
            open_object(&w, step);
            at++;
            break;
        case STEP_ARRAY:
            at = open_array(&w, step) ? at + 1 : step->other + 1;
            break;
        case STEP_END:
            at = end_frame(&w, step, at);
            break;
        }
    }
    *fields_left_out = w.left_out;
    return !out->is_overflowed && w.frames[0].members > 0;
}
