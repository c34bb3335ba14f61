/** dlq_show_inside - what the files of `detour dlq show` share: dlq_show.c finds and reads dead
 * letters, dlq_show_text.c prints one for people, dlq_show_json.c for programs. */
#ifndef RECOVERY_DLQ_SHOW_INSIDE_H
#define RECOVERY_DLQ_SHOW_INSIDE_H

#include "recovery/dlq_session.h"
#include "recovery/mask.h"
#include "recovery/whole.h"

enum { SHOW_HEX_BYTES = 64, SHOW_BYTES_MAX = 256 * 1024 * 1024 };

struct show_arguments {
    struct dlq_arguments dlq;
    const char *place;
    bool is_revealed;
};

struct show {
    struct dlq dlq;
    const struct show_arguments *arguments;
    struct mask *mask; /* owned */
    json_t *array;     /* owned; NULL: text is printed */
    uint64_t shown;
};

/* A dead letter as it was found, and what could be read of it. */
struct shown_letter {
    const struct dlq_letter *letter;
    const struct whole *whole;
    const struct read_event *event;
    const char *why; /* what could not be read; "" all could */
};

/** The event as JSON, without personal data unless it is revealed. */
void show_write_event(const struct show *show, const struct read_event *event, struct buf *out);
void show_print(const struct show *show, const struct shown_letter *shown);
/** Append it to show->array. */
void show_add_json(struct show *show, const struct shown_letter *shown);

#endif /* RECOVERY_DLQ_SHOW_INSIDE_H */
