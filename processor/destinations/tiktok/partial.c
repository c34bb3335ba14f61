#include "destinations/tiktok/partial.h"

#include <string.h>

#include "destinations/tiktok/message.h"

/* Not a verdict of any answer: nothing has been said of this event yet. */
static const enum verdict unsaid = VERDICT_COUNT;

/* Entries that are looked at: more than a few for each event of the batch is no list of them. */
enum { ENTRIES_MORE = 64, ENTRIES_EACH = 4 };

/* The lists that have been seen guessed; false when there is none. */
static bool next_list(const json_t *root, size_t *at, const json_t **list)
{
    static const struct {
        bool is_in_data;
        const char *name;
    } places[] = {
        {true, "failed_events"}, {true, "partial_failure"}, {true, "error_details"},
        {true, "errors"},        {false, "errors"},
    };

    while (*at < COUNT_OF(places)) {
        const json_t *holder = places[*at].is_in_data ? json_object_get(root, "data") : root;
        const json_t *found = json_object_get(holder, places[*at].name);

        ++*at;
        if (json_is_array(found)) {
            *list = found;
            return true;
        }
    }
    return false;
}

/* The position of the one event with this id; count when there is none or more than one. */
static size_t find_id(const struct answer_batch *batch, struct span id)
{
    size_t found = batch->count;

    for (size_t i = 0; i < batch->count; i++) {
        if (span_eq(batch->event_ids[i], id)) {
            if (found != batch->count) {
                return batch->count;
            }
            found = i;
        }
    }
    return found;
}

/* Which event an entry speaks of; count when that is not beyond doubt. */
static size_t find_event(const struct answer_batch *batch, const json_t *entry)
{
    const json_t *index = json_object_get(entry, "index");
    const json_t *id = json_object_get(entry, "event_id");
    size_t by_index = batch->count;
    size_t by_id = batch->count;

    if (json_is_integer(index) && json_integer_value(index) >= 0 &&
        (uint64_t)json_integer_value(index) < batch->count) {
        by_index = (size_t)json_integer_value(index);
    }
    if (json_is_string(id)) {
        by_id = find_id(batch, (struct span){json_string_value(id), json_string_length(id)});
    }
    if (index != NULL && id != NULL) {
        /* Ids repeat when an event was produced twice: then the index tells them apart. */
        struct span text = {json_string_value(id), json_is_string(id) ? json_string_length(id) : 0};
        bool is_same = by_index < batch->count && json_is_string(id) &&
                       span_eq(batch->event_ids[by_index], text);

        return is_same ? by_index : batch->count;
    }
    return index != NULL ? by_index : by_id;
}

/* The path that an entry's own message begins with. */
static void read_field(const json_t *entry, char out[ANSWER_FIELD_BYTES])
{
    const json_t *message = json_object_get(entry, "message");
    struct message_hint hint;

    if (json_is_string(message)) {
        message_read((struct span){json_string_value(message), json_string_length(message)}, 0,
                     &hint);
        memcpy(out, hint.field, sizeof(hint.field));
    }
}

static struct item_result read_result(const struct tiktok_codes *codes, const json_t *entry)
{
    const json_t *code = json_object_get(entry, "code");
    struct item_result out = {.verdict = VERDICT_REJECTED};

    read_field(entry, out.field);
    if (json_is_integer(code)) {
        json_int_t number = json_integer_value(code);

        if (number <= INT32_MIN || number > INT32_MAX) {
            return (struct item_result){.verdict = VERDICT_UNKNOWN};
        }
        out.code = (int32_t)number;
        out.verdict = tiktok_code_meaning(codes, out.code).verdict;
        if (out.verdict == VERDICT_DELIVERED) {
            out.verdict = VERDICT_RETRY; /* among the failed, yet "OK": not told */
        }
    }
    return out;
}

/* False when an entry cannot be told: then any event nobody speaks of may be meant. */
static bool read_entry(const struct tiktok_codes *codes, const json_t *entry,
                       const struct answer_batch *batch)
{
    struct item_result result;
    size_t at;

    if (!json_is_object(entry)) {
        return false;
    }
    at = find_event(batch, entry);
    if (at == batch->count) {
        return false;
    }
    result = read_result(codes, entry);
    if (batch->each[at].verdict != unsaid && batch->each[at].verdict != result.verdict) {
        result = (struct item_result){.verdict = VERDICT_RETRY};
    }
    batch->each[at] = result;
    return true;
}

size_t partial_read(const struct tiktok_codes *codes, const json_t *root,
                    const struct answer_batch *batch)
{
    const json_t *list;
    size_t place = 0;
    size_t entries = 0;
    size_t untold = 0;
    bool is_complete = true;

    for (size_t i = 0; i < batch->count; i++) {
        batch->each[i] = (struct item_result){.verdict = unsaid};
    }
    while (next_list(root, &place, &list)) {
        size_t most = batch->count * ENTRIES_EACH + ENTRIES_MORE;

        is_complete = is_complete && json_array_size(list) <= most;
        for (size_t i = 0; i < MIN_OF(json_array_size(list), most); i++) {
            is_complete = read_entry(codes, json_array_get(list, i), batch) && is_complete;
            entries++;
        }
    }
    /* A list of failures that names none contradicts "partial": nothing is told by it. */
    is_complete = is_complete && entries > 0;
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->each[i].verdict == unsaid) {
            batch->each[i].verdict = is_complete ? VERDICT_DELIVERED : VERDICT_RETRY;
            untold += !is_complete;
        }
    }
    return untold;
}
