#include "base/diag.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

void diags_init(struct diags *diags)
{
    *diags = (struct diags){0};
}

void diags_fini(struct diags *diags)
{
    for (size_t i = 0; i < diags->count; i++) {
        free((char *)diags->items[i].place.file);
        free(diags->items[i].message);
    }
    free(diags->items);
    *diags = (struct diags){0};
}

static void add(struct diags *diags, enum diag_level level, struct place place, char *message)
{
    diags->items = mem_grow(diags->items, diags->count + 1, sizeof(diags->items[0]));
    place.file = place.file == NULL ? mem_text(SPAN("")) : mem_text(span_of(place.file));
    diags->items[diags->count++] = (struct diag){level, place, message};
    diags->error_count += level == DIAG_ERROR;
}

static char *format_message(const char *format, va_list args) PRINTF_LIKE(1, 0);

static char *format_message(const char *format, va_list args)
{
    char *message = NULL;

    if (vasprintf(&message, format, args) < 0) {
        abort(); /* no memory */
    }
    return message;
}

void diag_error(struct diags *diags, struct place place, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add(diags, DIAG_ERROR, place, format_message(format, args));
    va_end(args);
}

void diag_warning(struct diags *diags, struct place place, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add(diags, DIAG_WARNING, place, format_message(format, args));
    va_end(args);
}

void diags_print(const struct diags *diags)
{
    for (size_t i = 0; i < diags->count; i++) {
        const struct diag *diag = &diags->items[i];

        if (diag->place.line == 0) {
            fprintf(stderr, "%s: ", diag->place.file == NULL ? "detour" : diag->place.file);
        } else {
            fprintf(stderr, "%s:%u:%u: ", diag->place.file, diag->place.line, diag->place.column);
        }
        fprintf(stderr, "%s%s\n", diag->level == DIAG_WARNING ? "warning: " : "", diag->message);
    }
}

enum { SUGGEST_LEN_MAX = 64 };

/* Edit distance (insert, delete, replace), two rows. */
static size_t distance(struct span a, struct span b)
{
    size_t row[SUGGEST_LEN_MAX + 1];

    for (size_t j = 0; j <= b.len; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t replace = diagonal + (a.ptr[i - 1] != b.ptr[j - 1]);
            size_t other = MIN_OF(row[j], row[j - 1]) + 1;

            diagonal = row[j];
            row[j] = MIN_OF(replace, other);
        }
    }
    return row[b.len];
}

const char *suggest(struct span word, const char *const *names, size_t count)
{
    const char *best = NULL;
    size_t best_distance = SIZE_MAX;

    if (word.len > SUGGEST_LEN_MAX) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        struct span name = span_of(names[i]);
        size_t d;

        if (name.len > SUGGEST_LEN_MAX) {
            continue;
        }
        d = distance(word, name);
        if (d < best_distance) {
            best_distance = d;
            best = names[i];
        }
    }
    return best_distance <= MAX_OF((size_t)1, MIN_OF((size_t)3, word.len / 2)) ? best : NULL;
}

struct suggestion did_you_mean(const char *near)
{
    struct suggestion out = {""};

    if (near != NULL) {
        (void)snprintf(out.text, sizeof(out.text), "; did you mean %s?", near);
    }
    return out;
}
