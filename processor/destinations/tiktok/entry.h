/**
 * entry - one member of a compiled map: which field, where it comes from, and the literal text
 * that goes before its value.
 *
 * Inside this room only: entry.c makes them, item.c writes by them.
 */
#ifndef DESTINATIONS_TIKTOK_ENTRY_H
#define DESTINATIONS_TIKTOK_ENTRY_H

#include "destinations/tiktok/fields.h"
#include "event/elements.h"
#include "event/origin.h"

/* What is open already when the member is written. */
enum prefix_form {
    PREFIX_NEW,   /* its object is not: ,"user":{"email": */
    PREFIX_CHILD, /* its object's parent is: ,"mileage":{"unit": */
    PREFIX_SAME,  /* its object is: ,"email": */
    PREFIX_COUNT,
};

struct map_each;

struct map_entry {
    const struct tiktok_field *field;
    struct tiktok_field *custom; /* owned; the field itself when it is nobody's but the user's */
    struct origin *origin;       /* owned; NULL with each */
    struct map_each *each;       /* owned; properties.contents */
    bool is_with_contents;       /* the default content_type: only beside contents */
    char *prefix_texts[PREFIX_COUNT]; /* owned */
    struct span prefix[PREFIX_COUNT];
};

struct map_each {
    struct span text;          /* the path as written; borrowed */
    struct elements elements;  /* owned */
    struct map_entry *entries; /* owned; PREFIX_NEW opens the element, PREFIX_SAME goes on in it */
    size_t count;
};

/* A default that this schema has no use for. */
struct map_missing {
    const struct tiktok_field *field;
    char *why;      /* owned */
    bool is_misfit; /* the path is there, of a type that could never be used */
};

struct map_entries {
    struct map_entry *items; /* owned; in the order they are written */
    size_t count;
    struct map_missing *missing; /* owned */
    size_t missing_count;
    struct origin *country; /* owned; of the person, for phone and zip code; may be NULL */
};

/** @map: the user's, or NULL; @defaults: the default map. All errors into @diags. */
void map_entries_compile(const struct yaml_node *map, const struct yaml_node *defaults,
                         enum event_source source, const struct readers *readers,
                         struct map_entries *out, struct diags *diags);
void map_entries_fini(struct map_entries *entries);

#endif /* DESTINATIONS_TIKTOK_ENTRY_H */
