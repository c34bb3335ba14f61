/**
 * fields - the members of an Events API 2.0 item (reference 2.2 to 2.6): name, JSON type, how
 * identifiers are treated, and for which event sources each is meant. One table.
 *
 * Below `properties` TikTok takes members it does not know; those are FIELD_FREE.
 */
#ifndef DESTINATIONS_TIKTOK_FIELDS_H
#define DESTINATIONS_TIKTOK_FIELDS_H

#include "base/absent.h"
#include "destinations/tiktok/normalise.h"
#include "destinations/tiktok/options.h"

enum field_kind {
    FIELD_TEXT,
    FIELD_URL,     /* text that may be longer */
    FIELD_ID,      /* always a JSON string, also when the event has a number */
    FIELD_NUMBER,  /* JSON number */
    FIELD_INTEGER, /* JSON number without a fraction */
    FIELD_BOOLEAN,
    FIELD_WORD, /* one of `words` */
    FIELD_CURRENCY,
    FIELD_ADDRESS,    /* a public IP address */
    FIELD_IDENTIFIER, /* normalised, and hashed unless its kind says otherwise */
    FIELD_IDS,        /* array of strings */
    FIELD_NUMBERS,    /* array of numbers */
    FIELD_CONTENTS,   /* array of objects, by {each: ...} */
    FIELD_FREE,       /* text, number or boolean: whatever the event has */
};

/* The object a field stands in. In the order they are written. */
enum field_group {
    GROUP_ITEM, /* the item itself */
    GROUP_USER,
    GROUP_PROPERTIES,
    GROUP_MILEAGE, /* inside properties */
    GROUP_PAGE,
    GROUP_APP,
    GROUP_AD,
    GROUP_LEAD,
    GROUP_DEVICE,
    GROUP_COUNT,
};

struct tiktok_field {
    const char *name; /* dotted; of contents: the bare key */
    enum field_group group;
    enum field_kind kind;
    uint8_t sources; /* bit 1 << enum event_source; 0: in no default */
    enum identifier identifier;
    bool is_list;             /* identifier: string or array of strings */
    const char *const *words; /* FIELD_WORD, NULL at the end */
};

/** What is wanted, for people: "a number", "one of ...". */
const char *field_kind_word(enum field_kind kind);

/** Is it what people write, or a code (base/absent.h)? */
enum text_kind tiktok_field_text_kind(const struct tiktok_field *field);

const struct tiktok_field *tiktok_field_find(struct span name);
const struct tiktok_field *tiktok_content_field_find(struct span key);
/** All of them in the order they are written, to be walked by index; NULL behind the last. */
const struct tiktok_field *tiktok_field_at(size_t index);
/** The same of the fields of one object in properties.contents. */
const struct tiktok_field *tiktok_content_field_at(size_t index);
/** The known name that @name most likely means, or NULL. */
const char *tiktok_field_suggest(struct span name);
const char *tiktok_content_field_suggest(struct span key);
/** The key of @field inside its object. */
struct span tiktok_field_key(const struct tiktok_field *field);
/** "user", "properties.mileage"; empty for the item itself. */
struct span tiktok_group_name(enum field_group group);
enum field_group tiktok_group_parent(enum field_group group);

/** A word of the API's vocabulary, that is: safe to repeat from an error text. */
bool tiktok_field_is_word(struct span word);
/** Upper-case ISO 4217 code that TikTok supports. */
bool tiktok_currency_is_known(const char code[3]);

#endif /* DESTINATIONS_TIKTOK_FIELDS_H */
