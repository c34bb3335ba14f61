#include "trial/watch.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { SUMMARY_PARTS = 4 };

void watch_init(struct watch *watch, const char *destination)
{
    *watch = (struct watch){.self = {.share = 1.0}};
    (void)snprintf(watch->self.name, sizeof(watch->self.name), "%s", destination);
    (void)snprintf(watch->scope, sizeof(watch->scope), "none");
}

/* reading */

static bool read_state(const json_t *node, enum breaker_state *out)
{
    const char *word = json_string_value(json_object_get(node, "state"));

    for (int state = BREAKER_CLOSED; word != NULL && state <= BREAKER_RAMP; state++) {
        if (strcmp(word, breaker_state_word((enum breaker_state)state)) == 0) {
            *out = (enum breaker_state)state;
            return true;
        }
    }
    return false;
}

static bool read_part(const json_t *node, const char *name_key, struct watch_part *out)
{
    const char *name = json_string_value(json_object_get(node, name_key));
    const char *cause = json_string_value(json_object_get(node, "cause")); /* null: none */

    *out = (struct watch_part){.share = json_number_value(json_object_get(node, "share"))};
    if (name == NULL || !read_state(node, &out->state)) {
        return false;
    }
    (void)snprintf(out->name, sizeof(out->name), "%s", name);
    (void)snprintf(out->cause, sizeof(out->cause), "%s", cause == NULL ? "" : cause);
    return true;
}

static bool read_count(const json_t *node, const char *key, uint64_t *out)
{
    const json_t *number = json_object_get(node, key);

    if (!json_is_integer(number) || json_integer_value(number) < 0) {
        return false;
    }
    *out = (uint64_t)json_integer_value(number);
    return true;
}

static bool read_totals(const json_t *instance, struct watch *out)
{
    const json_t *totals = json_object_get(instance, "totals");

    return read_count(totals, "consumed", &out->consumed) &&
           read_count(totals, "diverted", &out->diverted) &&
           read_count(totals, "dropped", &out->dropped) &&
           read_count(json_object_get(instance, "in_flight"), "events", &out->in_flight) &&
           read_count(instance, "lag", &out->lag);
}

static bool read_destination(const json_t *node, struct watch *out)
{
    const json_t *cells = json_object_get(node, "cells");
    const char *scope = json_string_value(json_object_get(node, "scope"));

    if (scope == NULL || !json_is_array(cells) || !read_part(node, "name", &out->self)) {
        return false;
    }
    (void)snprintf(out->scope, sizeof(out->scope), "%s", scope);
    out->is_throttled = json_is_true(json_object_get(node, "throttled"));
    out->is_held = json_is_object(json_object_get(node, "held"));
    if (json_array_size(cells) > WATCH_CELLS_MAX) {
        return false;
    }
    while (out->cell_count < json_array_size(cells)) {
        struct watch_part *cell = &out->cells[out->cell_count];

        if (!read_part(json_array_get(cells, out->cell_count++), "event", cell)) {
            return false;
        }
    }
    return true;
}

static const json_t *find_destination(const json_t *instance, const char *name)
{
    const json_t *list = json_object_get(instance, "destinations");

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *node = json_array_get(list, i);
        const char *its = json_string_value(json_object_get(node, "name"));

        if (its != NULL && strcmp(its, name) == 0) {
            return node;
        }
    }
    return NULL;
}

enum err_code watch_read(struct watch *watch, struct span json, struct err *err)
{
    json_t *root = json_loadb(json.ptr == NULL ? "" : json.ptr, json.len, 0, NULL);
    const json_t *instance = json_array_get(root, 0);
    struct watch read = {0};
    bool is_good = read_totals(instance, &read) &&
                   read_destination(find_destination(instance, watch->self.name), &read);

    json_decref(root);
    if (!is_good) {
        return FAIL(err, ERR_DATA, "the processor's status does not tell of the destination %s",
                    watch->self.name);
    }
    *watch = read;
    return ERR_OK;
}

/* telling */

static const struct watch_part *find_cell(const struct watch *watch, const char *event)
{
    for (size_t i = 0; i < watch->cell_count; i++) {
        if (strcmp(watch->cells[i].name, event) == 0) {
            return &watch->cells[i];
        }
    }
    return NULL;
}

bool watch_is_closed(const struct watch *watch)
{
    for (size_t i = 0; i < watch->cell_count; i++) {
        if (watch->cells[i].state != BREAKER_CLOSED) {
            return false;
        }
    }
    return watch->self.state == BREAKER_CLOSED;
}

/* @before may be another state than closed when the outage goes on. */
static void tell_state(const struct watch *now, enum breaker_state before,
                       const struct watch_part *part, struct buf *out)
{
    bool is_absorbed = part != &now->self && now->self.state != BREAKER_CLOSED;

    buf_add_text(out, part->name);
    switch (part->state) {
    case BREAKER_OPEN:
        buf_printf(out, " stays open: %s failed\n",
                   before == BREAKER_RAMP ? "its return" : "its probes");
        return;
    case BREAKER_HALF_OPEN:
        buf_add_text(out, " is probed (half-open): one event at a time\n");
        return;
    case BREAKER_RAMP:
        buf_printf(out, " returns: %.0f %% of its events go to it again\n", part->share * 100.0);
        return;
    case BREAKER_CLOSED:
        buf_printf(out, " closed: %s%s%s\n",
                   is_absorbed ? "its outage is now one of " : "all of its events go to it again",
                   is_absorbed ? now->self.name : "", is_absorbed ? " as a whole" : "");
        return;
    }
}

static void compare_part(const struct watch *now, enum breaker_state before,
                         const struct watch_part *part, struct buf *out)
{
    if (before == BREAKER_CLOSED && part->state != BREAKER_CLOSED) {
        buf_printf(out, "%s opened (%s), scope %s\n", part->name, part->cause, now->scope);
        before = BREAKER_OPEN;
    }
    if (before != part->state) {
        tell_state(now, before, part, out);
    }
}

void watch_compare(const struct watch *before, const struct watch *now, struct buf *out)
{
    const char *name = now->self.name;

    compare_part(now, before->self.state, &now->self, out);
    for (size_t i = 0; i < now->cell_count; i++) {
        const struct watch_part *was = find_cell(before, now->cells[i].name);

        compare_part(now, was == NULL ? BREAKER_CLOSED : was->state, &now->cells[i], out);
    }
    if (now->is_throttled != before->is_throttled) {
        buf_printf(out, "%s is %s\n", name,
                   now->is_throttled ? "throttled: its events wait, none is diverted"
                                     : "no longer throttled");
    }
    if (now->is_held != before->is_held) {
        buf_printf(out, "%s is held%s\n", name,
                   now->is_held ? ": its credential is refused" : " no more");
    }
}

static void add_part(const struct watch_part *part, struct buf *out)
{
    buf_printf(out, "%s %s (%s", part->name, breaker_state_word(part->state), part->cause);
    if (part->state == BREAKER_RAMP) {
        buf_printf(out, ", %.0f %%", part->share * 100.0);
    }
    buf_add_char(out, ')');
}

void watch_summary(const struct watch *watch, struct buf *out)
{
    size_t told = 0;
    size_t more = 0;

    if (watch->self.state != BREAKER_CLOSED) {
        add_part(&watch->self, out);
        told++;
    }
    for (size_t i = 0; i < watch->cell_count; i++) {
        if (watch->cells[i].state == BREAKER_CLOSED) {
            continue;
        }
        if (told == SUMMARY_PARTS) {
            more++;
            continue;
        }
        buf_add_text(out, told++ == 0 ? "" : ", ");
        add_part(&watch->cells[i], out);
    }
    if (more > 0) {
        buf_printf(out, " and %zu more", more);
    }
    if (told == 0) {
        buf_add_text(out, "all closed");
    }
    if (watch->is_throttled) {
        buf_add_text(out, ", throttled");
    }
    if (watch->is_held) {
        buf_add_text(out, ", held");
    }
}
