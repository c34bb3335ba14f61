/**
 * template - `body:` compiled: one event as a JSON object, as its owner wrote it down.
 *
 *     body:
 *       id: event_id                          a path, as in map
 *       click: [page.url?ttclid, user.ttclid] the first that is present
 *       source: {value: shop}                 a constant
 *       order: {total: properties.value, currency: properties.currency}
 *       lines: {each: properties.products, fields: {sku: sku, price: price}}
 *
 * A mapping with the single key `value` is a constant, one with `each` an array, every other
 * one an object. (An object whose only member is `value` has its path in a list.) Compiled
 * into a flat list of steps, written by a loop with a stack of its own.
 */
#ifndef DESTINATIONS_HTTP_TEMPLATE_H
#define DESTINATIONS_HTTP_TEMPLATE_H

#include "event/event_view.h"
#include "event/field_list.h"
#include "event/origin.h"

enum { TEMPLATE_DEPTH_MAX = 16, TEMPLATE_STEPS_MAX = 10000 };

enum step_kind {
    STEP_VALUE,  /* a member from an origin */
    STEP_OBJECT, /* a member that is an object: its members up to STEP_END */
    STEP_ARRAY,  /* an array of objects: the members of each up to STEP_END */
    STEP_END,
};

struct step {
    enum step_kind kind;
    char *prefix;          /* owned; `"name":`, empty for the body itself */
    struct origin *origin; /* owned; STEP_VALUE */
    struct path *path;     /* owned; STEP_ARRAY */
    struct span name;      /* of the member; borrowed */
    struct span each;      /* STEP_ARRAY: the path as written; borrowed */
    size_t other;          /* of an opening step: its STEP_END */
};

struct template
{
    struct step *steps; /* owned */
    size_t count;
};

/** All errors into @diags, and NULL then. @node is kept by constants. */
struct template *template_compile(const struct yaml_node *node, const struct readers *readers,
                                  struct diags *diags);
void template_free(struct template *template);

/** Each member by its way, order.total or lines[].sku, and where it comes from. */
void template_list(const struct template *template, struct field_list *out);
/** Append the object. What is missing or empty is left out, an object without members as well; what
 * has no JSON form is left out and counted. False when nothing is left, or @out is full: then there
 * is nothing to be kept of what was appended. */
bool template_write(const struct template *template, const struct event_view *view,
                    struct arena *arena, struct buf *out, uint32_t *fields_left_out);

#endif /* DESTINATIONS_HTTP_TEMPLATE_H */
