#include "schema/path_inside.h"

#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "base/mem.h"
#include "schema/memory.h"

enum { STEPS_MAX = 32, NODES_MAX = 10000, STEP_BYTES_MAX = 255, PATH_TEXT_BYTES_MAX = 1024 };

/* The furthest any reader got, for the error. */
struct missing_step {
    size_t step;
    const struct type *type; /* that has no such step; NULL: none yet */
};

struct resolver {
    struct path *path;
    struct missing_step missing;
    const struct type **ends; /* types at the end, in every branch */
    size_t end_count;
    bool is_uncertain; /* something on the way may be missing */
    bool is_full;
};

static void add_step(struct path *path, struct span text)
{
    path->steps = mem_grow(path->steps, path->step_count + 1, sizeof(*path->steps));
    path->steps[path->step_count++] = (struct span){mem_text(text), text.len};
}

/* The text between quotes at @from, with \" and \\ undone; returns where it goes on, or 0. */
static size_t read_quoted(struct span text, size_t from, char *out, size_t *len)
{
    *len = 0;
    for (size_t i = from; i < text.len && *len < STEP_BYTES_MAX; i++) {
        if (text.ptr[i] == '"') {
            return i + 1;
        }
        if (text.ptr[i] == '\\' && i + 1 < text.len) {
            i++;
        }
        out[(*len)++] = text.ptr[i];
    }
    return 0;
}

/* One step from @i on; returns where the next begins, or 0 when there is none. */
static size_t read_step(struct path *path, struct span text, size_t i)
{
    char quoted[STEP_BYTES_MAX];
    size_t end = i;
    size_t len;

    if (text.ptr[i] == '[') {
        if (i + 1 >= text.len || text.ptr[i + 1] != '"') {
            return 0;
        }
        end = read_quoted(text, i + 2, quoted, &len);
        if (end == 0 || end == text.len || text.ptr[end] != ']' || len == 0) {
            return 0;
        }
        add_step(path, (struct span){quoted, len});
        return end + 1;
    }
    while (end < text.len && text.ptr[end] != '.' && text.ptr[end] != '[') {
        end++;
    }
    if (end == i || end - i > STEP_BYTES_MAX) {
        return 0;
    }
    add_step(path, span_sub(text, i, end));
    return end;
}

static enum err_code read_steps(struct path *path, struct span text, struct err *err)
{
    size_t i = 0;

    if (text.len == 0 || text.len > PATH_TEXT_BYTES_MAX) {
        return FAIL(err, ERR_CONFIG, "a path must have 1 to %d characters", PATH_TEXT_BYTES_MAX);
    }
    while (i < text.len) {
        size_t next = read_step(path, text, i);

        if (next != 0 && next < text.len && text.ptr[next] == '.') {
            next = next + 1 == text.len ? 0 : next + 1;
        } else if (next != 0 && next < text.len && text.ptr[next] != '[') {
            next = 0;
        }
        if (next == 0) {
            return FAIL(err, ERR_CONFIG,
                        "'" SPAN_FMT "' is not a path: write names with dots between them, and "
                        "[\"a.b\"] for a name that holds one",
                        SPAN_ARG(text));
        }
        i = next;
    }
    if (path->step_count > STEPS_MAX) {
        return FAIL(err, ERR_CONFIG, "a path may have %d steps", STEPS_MAX);
    }
    return ERR_OK;
}

static uint32_t add_nodes(struct resolver *r, uint32_t count)
{
    struct path *path = r->path;
    uint32_t first = (uint32_t)path->node_count;

    if (path->node_count + count > NODES_MAX) {
        r->is_full = true;
        return 0;
    }
    path->nodes = mem_grow(path->nodes, path->node_count + count, sizeof(*path->nodes));
    for (uint32_t i = 0; i < count; i++) {
        path->nodes[first + i] = (struct path_node){.kind = NODE_MISSING};
    }
    path->node_count += count;
    return first;
}

static bool read_index(struct span text, uint32_t *out)
{
    int64_t number;

    if (text.ptr[0] < '0' || text.ptr[0] > '9' || !span_to_i64(text, &number) ||
        number > UINT32_MAX) {
        return false;
    }
    *out = (uint32_t)number;
    return true;
}

static void set_missing(struct resolver *r, const struct type *type, size_t step)
{
    r->is_uncertain = true;
    if (r->missing.type == NULL || step > r->missing.step ||
        (step == r->missing.step && r->missing.type->kind != TYPE_RECORD)) {
        r->missing = (struct missing_step){.step = step, .type = type};
    }
}

static void add_end(struct resolver *r, const struct type *type)
{
    for (size_t i = 0; i < r->end_count; i++) {
        if (r->ends[i] == type) {
            return;
        }
    }
    r->ends = mem_grow((void *)r->ends, r->end_count + 1, sizeof(*r->ends));
    r->ends[r->end_count++] = type;
}

static bool can_be_null(const struct type *type)
{
    bool has_null = false;

    (void)type_unwrap(type, &has_null);
    return has_null || type->kind == TYPE_NULL;
}

static void resolve(struct resolver *r, uint32_t at, const struct type *type, size_t step);

/* The branch of [null, branch]; NULL when there is none, or more of them. */
static const struct type *only_branch(const struct type *type)
{
    const struct type *only = NULL;

    for (size_t i = 0; i < type->branch_count; i++) {
        if (type->branches[i]->kind != TYPE_NULL) {
            if (only != NULL) {
                return NULL;
            }
            only = type->branches[i];
        }
    }
    return only;
}

/* Every branch has its own way on; what has none stays NODE_MISSING. An optional value needs no
 * node of its own: no walk goes on behind a null. */
static void resolve_union(struct resolver *r, uint32_t at, const struct type *type, size_t step)
{
    const struct type *only = only_branch(type);
    uint32_t first;

    if (only != NULL) {
        resolve(r, at, only, step);
        return;
    }
    first = add_nodes(r, (uint32_t)type->branch_count);
    if (r->is_full) {
        return;
    }
    r->path->nodes[at] =
        (struct path_node){.kind = NODE_BRANCH, .at = (uint32_t)type->branch_count, .next = first};
    for (uint32_t i = 0; i < type->branch_count; i++) {
        if (type->branches[i]->kind != TYPE_NULL) {
            resolve(r, first + i, type->branches[i], step);
        }
    }
}

/* Node @at stands for a value of @type with @step still to go. Recursion is as deep as a path is
 * long: every second call takes a step. */
static void resolve(struct resolver *r, uint32_t at, const struct type *type, size_t step)
{
    struct path_node node = {.kind = NODE_MISSING};
    const struct type *onward = NULL;
    struct span text;
    size_t index = 0;

    r->is_uncertain = r->is_uncertain || can_be_null(type);
    if (step == r->path->step_count) {
        r->path->nodes[at].kind = NODE_END;
        add_end(r, type);
        return;
    }
    if (type->kind == TYPE_UNION) {
        resolve_union(r, at, type, step);
        return;
    }
    text = r->path->steps[step];
    if (type->kind == TYPE_RECORD && type_field(type, text, &index) != NULL) {
        node = (struct path_node){.kind = NODE_FIELD, .at = (uint32_t)index};
        onward = type->fields[index].type;
    } else if (type->kind == TYPE_MAP) {
        node = (struct path_node){.kind = NODE_KEY, .at = (uint32_t)step};
        onward = type->items;
    } else if (type->kind == TYPE_ARRAY && read_index(text, &node.at)) {
        node.kind = NODE_INDEX;
        onward = type->items;
    }
    r->is_uncertain = r->is_uncertain || type->kind != TYPE_RECORD;
    if (onward == NULL) {
        set_missing(r, type, step);
        return;
    }
    node.next = add_nodes(r, 1);
    if (!r->is_full) {
        r->path->nodes[at] = node;
        resolve(r, node.next, onward, step + 1);
    }
}

static bool are_alike(const struct type *a, const struct type *b)
{
    return a == b || (a->kind == b->kind && a->kind <= TYPE_BYTES && a->logical == b->logical);
}

/* What the path ends in for one reader: one type with null taken off, or a union of several. */
static void settle_type(struct reader_path *reader, const struct type **ends, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        const struct type *end = type_unwrap(ends[i], NULL);
        bool is_new = true;

        for (size_t k = 0; k < kept; k++) {
            is_new = is_new && !are_alike(ends[k], end);
        }
        if (is_new) {
            ends[kept++] = end;
        }
    }
    if (kept == 1) {
        reader->type = ends[0];
    } else if (kept > 1) {
        reader->ends = mem_new(struct type);
        *reader->ends = (struct type){.kind = TYPE_UNION, .symbol_fallback = -1};
        reader->ends->name = span_of(type_word(TYPE_UNION));
        reader->ends->branches = mem_array(kept, const struct type *);
        memcpy((void *)reader->ends->branches, (const void *)ends, kept * sizeof(*ends));
        reader->ends->branch_count = kept;
        reader->type = reader->ends;
    }
}

/* "user.emial" up to and with the step that is not there. */
static const char *shown_path(const struct path *path, size_t step, char *out, size_t bytes)
{
    size_t len = 0;

    for (size_t i = 0; i <= step && i < path->step_count && len < bytes; i++) {
        int more = snprintf(out + len, bytes - len, "%s" SPAN_FMT, i == 0 ? "" : ".",
                            SPAN_ARG(path->steps[i]));

        len += more > 0 ? (size_t)more : 0;
    }
    return out;
}

static enum err_code say_missing(const struct path *path, struct missing_step missing,
                                 const struct type *root, struct err *err)
{
    char shown[200] = "";
    const char *near_name = NULL;

    (void)shown_path(path, missing.step, shown, sizeof(shown));
    if (missing.type->kind == TYPE_RECORD) {
        near_name = schema_suggest_field(missing.type, path->steps[missing.step]);
    } else if (missing.type->kind == TYPE_ARRAY) {
        return FAIL(err, ERR_CONFIG,
                    "no field '%s' in " SPAN_FMT ": there is an array; give the number of an "
                    "element, from 0",
                    shown, SPAN_ARG(root->name));
    } else {
        return FAIL(err, ERR_CONFIG, "no field '%s' in " SPAN_FMT ": what holds it is of type %s",
                    shown, SPAN_ARG(root->name), type_word(missing.type->kind));
    }
    return FAIL(err, ERR_CONFIG, "no field '%s' in " SPAN_FMT "%s", shown, SPAN_ARG(root->name),
                did_you_mean(near_name).text);
}

static void list_fields(const struct path *path, struct reader_path *reader)
{
    const struct path_node *node = &path->nodes[reader->first];

    while (node->kind == NODE_FIELD && reader->field_count < PATH_FIELDS_MAX) {
        reader->fields[reader->field_count++] = node->at;
        node = &path->nodes[node->next];
    }
    reader->is_fields = node->kind == NODE_END;
}

static enum err_code resolve_all(struct path *path, const struct type *const *types, size_t count,
                                 struct err *err)
{
    struct resolver r = {.path = path};
    const struct type *first = NULL;
    bool is_found = false;

    path->readers = mem_array(count + 1, struct reader_path);
    path->reader_count = count;
    for (size_t i = 0; i < count && !r.is_full; i++) {
        r.end_count = 0;
        r.is_uncertain = false;
        path->readers[i].first = add_nodes(&r, 1);
        if (types[i] != NULL && !r.is_full) {
            first = first == NULL ? types[i] : first;
            resolve(&r, path->readers[i].first, types[i], 0);
            settle_type(&path->readers[i], r.ends, r.end_count);
            path->readers[i].is_certain = r.end_count > 0 && !r.is_uncertain;
            is_found = is_found || r.end_count > 0;
        }
        if (!r.is_full) {
            list_fields(path, &path->readers[i]);
        }
    }
    free((void *)r.ends);
    if (r.is_full) {
        return FAIL(err, ERR_CONFIG, "the path leads through too many branches of unions");
    }
    if (!is_found && r.missing.type != NULL) {
        return say_missing(path, r.missing, first, err);
    }
    return is_found ? ERR_OK
                    : FAIL(err, ERR_CONFIG, "there is no schema this path could lead into");
}

enum err_code path_compile_from(const struct type *const *types, size_t count, struct span text,
                                struct path **out, struct err *err)
{
    PRE(out != NULL);

    struct path *path = mem_new(struct path);
    enum err_code rc;

    rc = read_steps(path, text, err);
    if (rc == ERR_OK) {
        rc = resolve_all(path, types, count, err);
    }
    if (rc != ERR_OK) {
        path_free(path);
        return rc;
    }
    *out = path;
    return ERR_OK;
}

enum err_code path_compile(const struct readers *readers, struct span text, struct path **out,
                           struct err *err)
{
    const struct type **types = mem_array(readers->count + 1, const struct type *);
    enum err_code rc;

    for (size_t i = 0; i < readers->count; i++) {
        types[i] = readers->schemas[i]->root;
    }
    rc = path_compile_from(types, readers->count, text, out, err);
    free((void *)types);
    return rc;
}

void path_free(struct path *path)
{
    if (path == NULL) {
        return;
    }
    for (size_t i = 0; i < path->step_count; i++) {
        free((void *)(uintptr_t)path->steps[i].ptr);
    }
    for (size_t i = 0; path->readers != NULL && i < path->reader_count; i++) {
        if (path->readers[i].ends != NULL) {
            free((void *)path->readers[i].ends->branches);
            free(path->readers[i].ends);
        }
    }
    free(path->steps);
    free(path->nodes);
    free(path->readers);
    free(path);
}

const struct type *path_type(const struct path *path, size_t reader)
{
    PRE(reader < path->reader_count);
    return path->readers[reader].type;
}

bool path_is_certain(const struct path *path, size_t reader)
{
    PRE(reader < path->reader_count);
    return path->readers[reader].is_certain;
}
