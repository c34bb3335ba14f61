#include "destinations/http/template.h"

#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"
#include "event/elements.h"

enum { NAME_BYTES_MAX = 256, LIST_BYTES_MAX = 64 * 1024 };

/* Where paths start at one depth: the record, or the elements of an `each:`. */
struct scope {
    const struct type *const *types; /* per reader; NULL: the readers themselves */
};

struct compiler {
    const struct readers *readers;
    struct diags *diags;
    struct template *out;
    bool is_full; /* said already */
};

static bool compile_object(struct compiler *c, const struct yaml_node *node,
                           const struct scope *scope, unsigned depth);

static struct step *add_step(struct compiler *c, enum step_kind kind, struct place place)
{
    struct template *out = c->out;

    if (out->count >= TEMPLATE_STEPS_MAX) {
        if (!c->is_full) {
            diag_error(c->diags, place, "body: has more than %d members", TEMPLATE_STEPS_MAX);
        }
        c->is_full = true;
        return NULL;
    }
    if ((out->count & (out->count + 1)) == 0) { /* 0, 1, 3, 7 ...: the room doubles */
        out->steps = mem_grow(out->steps, out->count * 2 + 1, sizeof(struct step));
    }
    out->steps[out->count] = (struct step){.kind = kind};
    return &out->steps[out->count++];
}

static char *prefix_of(struct span name)
{
    struct buf text;
    char *prefix;

    buf_init(&text, NAME_BYTES_MAX * 6 + 8);
    buf_add_json_string(&text, name);
    buf_add_char(&text, ':');
    prefix = mem_text(buf_span(&text));
    buf_fini(&text);
    return prefix;
}

/* An object, or the elements of an array: opening step, members, end. */
struct members {
    enum step_kind kind;          /* of the opening step */
    struct span name;             /* absent: the body itself */
    const struct yaml_node *node; /* whose pairs they are */
    struct path *path;            /* ARRAY: to it; the opening step's from here on */
    struct span each;             /* ARRAY: the same as written */
};

static bool compile_members(struct compiler *c, const struct members *members,
                            const struct scope *scope, unsigned depth)
{
    struct step *open = add_step(c, members->kind, members->node->place);
    size_t at = c->out->count - 1;
    struct step *end;

    if (open == NULL) {
        path_free(members->path);
        return false;
    }
    open->prefix = members->name.ptr == NULL ? mem_text(SPAN("")) : prefix_of(members->name);
    open->path = members->path;
    open->name = members->name;
    open->each = members->each;
    if (!compile_object(c, members->node, scope, depth)) {
        return false;
    }
    end = add_step(c, STEP_END, members->node->place);
    if (end != NULL) {
        end->other = at;
        c->out->steps[at].other = c->out->count - 1;
    }
    return end != NULL;
}

/* A constant that is the path of something is more likely meant as one. */
static void warn_of_constant(const struct compiler *c, const struct yaml_node *node,
                             const struct scope *scope)
{
    const struct yaml_node *value = yaml_get(node, "value");
    struct path *path = NULL;

    if (value->kind != YAML_SCALAR || value->is_quoted || value->text.len == 0) {
        return;
    }
    if ((scope->types == NULL ? path_compile(c->readers, value->text, &path, NULL)
                              : path_compile_from(scope->types, c->readers->count, value->text,
                                                  &path, NULL)) == ERR_OK) {
        diag_warning(c->diags, value->place,
                     "'" SPAN_FMT "' is sent as this very text, though the event has such a field; "
                     "an object whose only member is value is written {value: [" SPAN_FMT
                     "]}, and a constant in quotes says that it is meant",
                     SPAN_ARG(value->text), SPAN_ARG(value->text));
    }
    path_free(path);
}

static bool compile_value(struct compiler *c, const struct yaml_node *node, struct span name,
                          const struct scope *scope)
{
    struct origin *origin =
        scope->types == NULL ? origin_compile(node, c->readers, false, c->diags)
                             : origin_compile_from(node, scope->types, c->readers->count, c->diags);
    struct step *step = origin == NULL ? NULL : add_step(c, STEP_VALUE, node->place);

    if (step == NULL) {
        origin_free(origin);
        return false;
    }
    if (node->kind == YAML_MAP) {
        warn_of_constant(c, node, scope);
    }
    step->origin = origin;
    step->prefix = prefix_of(name);
    step->name = name;
    return true;
}

/* arrays */

static bool check_each_keys(const struct compiler *c, const struct yaml_node *node)
{
    static const char *const keys[] = {"each", "fields"};
    const struct yaml_node *fields = yaml_get(node, "fields");
    bool is_good = true;

    for (size_t i = 0; i < node->count; i++) {
        struct span key = node->pairs[i].key;
        const char *near = suggest(key, keys, COUNT_OF(keys));

        if (!span_is(key, keys[0]) && !span_is(key, keys[1])) {
            diag_error(c->diags, node->pairs[i].place, "unknown key '" SPAN_FMT "' beside each%s",
                       SPAN_ARG(key), did_you_mean(near).text);
            is_good = false;
        }
    }
    if (is_good && (fields == NULL || fields->kind != YAML_MAP || fields->count == 0)) {
        diag_error(c->diags, node->place,
                   "an array is written {each: PATH, fields: {name: PATH, ...}}");
        is_good = false;
    }
    return is_good;
}

static bool compile_array(struct compiler *c, const struct yaml_node *node, struct span name,
                          const struct scope *scope, unsigned depth)
{
    struct elements elements = {0};
    bool is_good = check_each_keys(c, node) && elements_compile(yaml_get(node, "each"), c->readers,
                                                                scope->types, &elements, c->diags);

    if (is_good) {
        const struct scope inner = {elements.types};
        const struct members members = {.kind = STEP_ARRAY,
                                        .name = name,
                                        .node = yaml_get(node, "fields"),
                                        .path = elements.path,
                                        .each = yaml_get(node, "each")->text};

        elements.path = NULL;
        is_good = compile_members(c, &members, &inner, depth);
    }
    elements_fini(&elements);
    return is_good;
}

/* objects */

static bool is_constant(const struct yaml_node *node)
{
    const struct yaml_node *value = yaml_get(node, "value");

    return value != NULL && node->count == 1 && value->kind == YAML_SCALAR;
}

static bool compile_member(struct compiler *c, const struct yaml_pair *pair,
                           const struct scope *scope, unsigned depth)
{
    const struct yaml_node *node = pair->value;

    if (pair->key.len > NAME_BYTES_MAX) {
        diag_error(c->diags, pair->place, "a member's name has at most %d bytes", NAME_BYTES_MAX);
        return false;
    }
    if (node->kind != YAML_MAP || is_constant(node)) {
        return compile_value(c, node, pair->key, scope);
    }
    if (depth + 1 >= TEMPLATE_DEPTH_MAX) {
        diag_error(c->diags, node->place, "body: is nested more than %d deep", TEMPLATE_DEPTH_MAX);
        return false;
    }
    if (yaml_get(node, "each") != NULL) {
        return compile_array(c, node, pair->key, scope, depth + 1);
    }
    return compile_members(c,
                           &(struct members){.kind = STEP_OBJECT, .name = pair->key, .node = node},
                           scope, depth + 1);
}

/* As deep as the configuration nests, which TEMPLATE_DEPTH_MAX bounds. */
static bool compile_object(struct compiler *c, const struct yaml_node *node,
                           const struct scope *scope, unsigned depth)
{
    bool is_good = true;

    if (node->count == 0) {
        diag_error(c->diags, node->place, "an empty mapping: write 'name: PATH', one line each");
        return false;
    }
    for (size_t i = 0; i < node->count && !c->is_full; i++) {
        is_good = compile_member(c, &node->pairs[i], scope, depth) && is_good;
    }
    return is_good;
}

struct template *template_compile(const struct yaml_node *node, const struct readers *readers,
                                  struct diags *diags)
{
    const struct scope scope = {0};
    struct template *template = mem_new(struct template);
    struct compiler c = {.readers = readers, .diags = diags, .out = template};
    bool is_good = false;

    if (node->kind != YAML_MAP) {
        diag_error(diags, node->place,
                   "body: is a mapping of the members to send and where each comes from, such as "
                   "'id: event_id'");
    } else if (yaml_get(node, "each") != NULL) {
        diag_error(diags, node->place,
                   "body: is one object; an array of events comes from format: array");
    } else {
        is_good =
            compile_members(&c, &(struct members){.kind = STEP_OBJECT, .node = node}, &scope, 0);
    }
    if (!is_good) {
        template_free(template);
        return NULL;
    }
    return template;
}

/* Names of open steps end where their own frames do: lengths of @way, as deep as bodies nest. */
void template_list(const struct template *template, struct field_list *out)
{
    size_t lengths[TEMPLATE_DEPTH_MAX + 2] = {0};
    size_t depth = 0;
    struct buf way;
    struct buf from;

    buf_init(&way, (size_t)(NAME_BYTES_MAX + 4) * TEMPLATE_DEPTH_MAX);
    buf_init(&from, LIST_BYTES_MAX);
    for (size_t i = 0; i < template->count; i++) {
        const struct step *step = &template->steps[i];

        if (step->kind == STEP_END) {
            buf_truncate(&way, lengths[--depth]);
            continue;
        }
        if (step->kind == STEP_VALUE || depth > 0) {
            lengths[depth] = way.len;
            buf_printf(&way, "%s" SPAN_FMT, way.len > 0 ? "." : "", SPAN_ARG(step->name));
        }
        buf_clear(&from);
        if (step->kind == STEP_VALUE) {
            origin_describe(step->origin, &from);
            field_list_add(out, buf_span(&way), buf_span(&from));
            buf_truncate(&way, lengths[depth]);
            continue;
        }
        if (step->kind == STEP_ARRAY) {
            buf_add_text(&way, "[]");
            buf_printf(&from, "each of " SPAN_FMT, SPAN_ARG(step->each));
            field_list_add(out, buf_span(&way), buf_span(&from));
        }
        depth++;
    }
    buf_fini(&way);
    buf_fini(&from);
}

void template_free(struct template *template)
{
    if (template == NULL) {
        return;
    }
    for (size_t i = 0; i < template->count; i++) {
        free(template->steps[i].prefix);
        origin_free(template->steps[i].origin);
        path_free(template->steps[i].path);
    }
    free(template->steps);
    free(template);
}
