#include "recovery/whole.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "recovery/part_sets.h"

enum { BYTES_MAX = 64 * 1024 * 1024, BEFORE_MS = 3600 * 1000 };

enum whole_piece { WHOLE_HEADERS, WHOLE_KEY, WHOLE_VALUE, WHOLE_PIECES };

/* One part that came. */
struct whole_part {
    char *bytes; /* owned */
    size_t len;
    enum whole_piece piece;
    bool has_come;
    bool is_null; /* of a value that is none */
};

struct whole_parts {
    struct whole_part *parts; /* owned; by part - 1 */
    uint32_t count, have;
    size_t bytes;
};

/* base64 */

static int digit_of(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c == '\0' ? NULL : strchr(digits, c);

    return at == NULL ? -1 : (int)(at - digits);
}

/* False: @text is none. */
static bool add_base64(struct span text, struct buf *out)
{
    uint32_t bits = 0;
    unsigned have = 0;

    while (text.len > 0 && text.ptr[text.len - 1] == '=') {
        text.len--;
    }
    for (size_t i = 0; i < text.len; i++) {
        int digit = digit_of(text.ptr[i]);

        if (digit < 0) {
            return false;
        }
        bits = bits << 6 | (uint32_t)digit;
        have += 6;
        if (have >= 8) {
            have -= 8;
            buf_add_char(out, (char)(bits >> have & 0xff));
        }
    }
    return true;
}

static struct span json_text(const json_t *value)
{
    return json_is_string(value)
               ? (struct span){json_string_value(value), json_string_length(value)}
               : SPAN_NONE;
}

static bool add_header(const json_t *item, rd_kafka_headers_t *out)
{
    struct span name = json_text(json_object_get(item, "name"));
    struct span name_base64 = json_text(json_object_get(item, "name_base64"));
    const json_t *value = json_object_get(item, "value");
    struct buf bytes;
    struct buf name_bytes;
    bool is_good;

    buf_init(&bytes, BYTES_MAX);
    buf_init(&name_bytes, BYTES_MAX);
    is_good = value != NULL && (json_is_null(value) || json_is_string(value)) &&
              (name.ptr != NULL || name_base64.ptr != NULL) &&
              add_base64(json_text(value), &bytes) && add_base64(name_base64, &name_bytes);
    if (is_good) {
        name = name.ptr != NULL ? name : span_of(buf_text(&name_bytes));
        (void)rd_kafka_header_add(out, name.ptr, (ssize_t)name.len,
                                  json_is_null(value) ? NULL : buf_text(&bytes),
                                  (ssize_t)bytes.len);
    }
    buf_fini(&name_bytes);
    buf_fini(&bytes);
    return is_good;
}

rd_kafka_headers_t *whole_headers_of(struct span json)
{
    json_t *list = json.ptr == NULL ? NULL : json_loadb(json.ptr, json.len, JSON_ALLOW_NUL, NULL);
    rd_kafka_headers_t *out = rd_kafka_headers_new(json_array_size(list));
    bool is_good = json_is_array(list);
    const json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        is_good = is_good && add_header(item, out);
    }
    json_decref(list);
    if (!is_good) {
        rd_kafka_headers_destroy(out);
        return NULL;
    }
    return out;
}

/* collecting */

static enum whole_piece piece_of(const struct dead_letter *letter)
{
    return span_is(letter->part_of, "headers") ? WHOLE_HEADERS
           : span_is(letter->part_of, "key")   ? WHOLE_KEY
                                               : WHOLE_VALUE;
}

static enum err_code take(struct whole_parts *parts, const struct record *record, struct err *err)
{
    struct whole_part *part = &parts->parts[record->letter.part - 1];

    if (part->has_come) {
        return ERR_OK;
    }
    if (parts->bytes + record->view.value.len > BYTES_MAX) {
        return FAIL(err, ERR_LIMIT, "its parts are larger than 64 MiB together");
    }
    part->bytes = mem_text(record->view.value);
    part->len = record->view.value.len;
    part->piece = piece_of(&record->letter);
    part->has_come = true;
    part->is_null = record->view.value.ptr == NULL;
    parts->bytes += part->len;
    parts->have++;
    return ERR_OK;
}

static enum err_code collect(struct topic_scan *scan, const struct record *one,
                             struct whole_parts *parts, struct err *err)
{
    enum err_code rc = ERR_OK;

    while (rc == ERR_OK && parts->have < parts->count) {
        rd_kafka_message_t *message = NULL;
        struct record record;
        enum scan_step step = topic_scan_next(scan, &message, err);

        if (step == SCAN_FAILED) {
            return err->code;
        }
        if (step == SCAN_END) {
            return FAIL(err, ERR_DATA, "%u of its %u parts are not in the topic (any more)",
                        parts->count - parts->have, parts->count);
        }
        if (step == SCAN_RECORD) {
            record_of(message, &record);
            rc = part_sets_are_one(&record.letter, &one->letter) ? take(parts, &record, err)
                                                                 : ERR_OK;
            rd_kafka_message_destroy(message);
        }
    }
    return rc;
}

static enum err_code read_parts(const struct config *config, const struct record *record,
                                struct whole_parts *parts, struct err *err)
{
    struct scan_range range = SCAN_ALL;
    struct topic_scan *scan = NULL;
    char *topic = mem_text(record->view.topic);
    enum err_code rc;

    if (record->view.timestamp_ms > BEFORE_MS) {
        range.since_ms = record->view.timestamp_ms - BEFORE_MS;
    }
    rc = topic_scan_open(config, topic, &range, &scan, err);
    if (rc == ERR_OK) {
        rc = collect(scan, record, parts, err);
    }
    topic_scan_close(scan);
    free(topic);
    return rc;
}

/* putting together */

static enum err_code join(const struct whole_parts *parts, const struct record *record,
                          struct whole *out, struct err *err)
{
    struct span pieces[WHOLE_PIECES] = {{NULL, 0}};
    bool has_value = false;
    size_t at = 0;

    out->bytes = mem_array(parts->bytes + record->view.key.len + 1, char);
    for (size_t piece = 0; piece < WHOLE_PIECES; piece++) {
        for (uint32_t i = 0; i < parts->count; i++) {
            const struct whole_part *part = &parts->parts[i];

            has_value = has_value || part->piece == WHOLE_VALUE;
            if (part->piece == piece && !part->is_null) {
                pieces[piece].ptr = pieces[piece].ptr == NULL ? out->bytes + at : pieces[piece].ptr;
                pieces[piece].len += part->len;
                memcpy(out->bytes + at, part->bytes, part->len);
                at += part->len;
            }
        }
    }
    out->value = pieces[WHOLE_VALUE];
    out->key = pieces[WHOLE_KEY];
    if (out->key.ptr == NULL && record->view.key.ptr != NULL) { /* each part has it */
        memcpy(out->bytes + at, record->view.key.ptr, record->view.key.len);
        out->key = (struct span){out->bytes + at, record->view.key.len};
    }
    out->headers = pieces[WHOLE_HEADERS].ptr != NULL
                       ? whole_headers_of(pieces[WHOLE_HEADERS])
                       : dead_letter_original(&record->letter, record->headers);
    if (out->headers == NULL || !has_value) {
        whole_fini(out);
        return FAIL(err, ERR_DATA, "its parts do not make a record");
    }
    return ERR_OK;
}

enum err_code whole_of(const struct config *config, const struct record *record, struct whole *out,
                       struct err *err)
{
    struct whole_parts parts = {.count = record->letter.part_count};
    enum err_code rc;

    *out = (struct whole){.key = record->view.key, .value = record->view.value};
    if (parts.count == 0) {
        out->headers = dead_letter_original(&record->letter, record->headers);
        return ERR_OK;
    }
    parts.parts = mem_array(parts.count, struct whole_part);
    rc = read_parts(config, record, &parts, err);
    if (rc == ERR_OK) {
        rc = join(&parts, record, out, err);
    }
    for (uint32_t i = 0; i < parts.count; i++) {
        free(parts.parts[i].bytes);
    }
    free(parts.parts);
    return rc;
}

void whole_fini(struct whole *whole)
{
    if (whole->headers != NULL) {
        rd_kafka_headers_destroy(whole->headers);
    }
    free(whole->bytes);
    *whole = (struct whole){0};
}
