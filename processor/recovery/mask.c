#include "recovery/mask.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/utf8.h"

enum { NAME_BYTES_MAX = 64, PHONE_DIGITS_LEAST = 7 };

/* Words of a field's name in lower case. A field is personal where one of the words of its name,
 * or two neighbours together, is one of these. */
static const char *const personal_words[] = {
    "email",     "mail",     "phone",    "tel",      "telephone", "mobile",   "msisdn",
    "address",   "street",   "zip",      "zipcode",  "postal",    "postcode", "city",
    "ip",        "agent",    "birth",    "birthday", "birthdate", "dob",      "gender",
    "firstname", "lastname", "fullname", "surname",  "username",  "nickname", "user",
    "customer",  "person",   "profile",  "contact",  "recipient", "buyer",    "visitor",
    "member",    "billing",  "shipping", "external", "ssn",       "iban",     "card",
    "token",     "password", "secret",   "cookie",   "session",   "idfa",     "idfv",
    "gaid",      "ttp",      "ttclid",   "gclid",    "fbclid",    "fbp",      "fbc",
    "locale",    "search",   "query",    "latitude", "longitude", "lat",      "lon",
    "lng",       "geo",      "passport", "license",  "signature", "comment",  "note",
    "message",
};

struct mask {
    const struct pipeline *pipeline; /* borrowed */
    char **paths;                    /* owned; dotted, of what a map sends about the user */
    size_t path_count;
};

/* names */

static bool is_separator(char c)
{
    return c == '_' || c == '-' || c == '.' || c == ' ' || c == '$' || c == '@';
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_word(const char *word, size_t len)
{
    for (size_t i = 0; i < COUNT_OF(personal_words); i++) {
        if (strlen(personal_words[i]) == len && memcmp(personal_words[i], word, len) == 0) {
            return true;
        }
    }
    return false;
}

/* "billingAddress", "first_name", "EMAIL": word by word, and two neighbours together. */
bool mask_is_personal_name(struct span name)
{
    char words[NAME_BYTES_MAX];
    size_t starts[NAME_BYTES_MAX + 1];
    size_t count = 0;
    size_t len = 0;

    for (size_t i = 0; i < name.len && len < sizeof(words); i++) {
        char c = name.ptr[i];
        bool is_new =
            i == 0 || is_separator(name.ptr[i - 1]) || (is_upper(c) && !is_upper(name.ptr[i - 1]));

        if (is_separator(c)) {
            continue;
        }
        if (is_new) {
            starts[count++] = len;
        }
        words[len++] = is_upper(c) ? (char)(c - 'A' + 'a') : c;
    }
    starts[count] = len;
    for (size_t i = 0; i < count; i++) {
        if (is_word(words + starts[i], starts[i + 1] - starts[i]) ||
            (i + 1 < count && is_word(words + starts[i], starts[i + 2] - starts[i]))) {
            return true;
        }
    }
    return false;
}

/* texts */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_email(struct span text)
{
    size_t at = span_find(text, '@', 0);

    return at > 0 && at + 1 < text.len;
}

static bool is_phone(struct span text)
{
    size_t digits = 0;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        digits += is_digit(c);
        if (!is_digit(c) && c != '+' && c != ' ' && c != '-' && c != '(' && c != ')' && c != '/' &&
            c != '.') {
            return false;
        }
    }
    return digits >= PHONE_DIGITS_LEAST;
}

static bool is_ip_address(struct span text)
{
    size_t dots = 0;
    size_t colons = 0;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool is_hex = is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');

        dots += c == '.';
        colons += c == ':';
        if (!is_hex && c != '.' && c != ':') {
            return false;
        }
    }
    return colons >= 2 || (dots == 3 && colons == 0);
}

bool mask_is_personal_text(struct span text)
{
    return is_email(text) || is_phone(text) || is_ip_address(text);
}

static size_t find_text(struct span text, const char *part)
{
    const char *found = text.len == 0 ? NULL : memmem(text.ptr, text.len, part, strlen(part));

    return found == NULL ? text.len : (size_t)(found - text.ptr);
}

/* Where what may be personal begins in a URL; the text's length when it is none. */
static size_t url_end(struct span text)
{
    size_t end;

    if (find_text(text, "://") == text.len && text.len > 0 && text.ptr[0] != '/') {
        return text.len;
    }
    end = MIN_OF(span_find(text, '?', 0), span_find(text, '#', 0));
    return MIN_OF(end, text.len);
}

/* the map of a destination */

static void add_path(struct mask *mask, struct span path)
{
    if (path.len == 0 || span_find(path, '?', 0) < path.len) { /* a parameter: url_end() hides it */
        return;
    }
    mask->paths = mem_grow(mask->paths, mask->path_count + 1, sizeof(*mask->paths));
    mask->paths[mask->path_count++] = mem_text(path);
}

/* "[page.url?ttclid, user.ttclid]": each path in the text of a field's sources. */
static void add_sources(struct mask *mask, struct span text)
{
    size_t from = 0;

    if (span_starts(text, SPAN("{value:"))) {
        return;
    }
    for (size_t i = 0; i <= text.len; i++) {
        char c = i < text.len ? text.ptr[i] : ',';

        if (c == ',' || c == '[' || c == ']' || c == ' ') {
            add_path(mask, span_sub(text, from, i));
            from = i + 1;
        }
    }
}

static bool is_about_the_user(const char *field)
{
    return strncmp(field, "user.", 5) == 0 || strncmp(field, "lead.", 5) == 0 ||
           strncmp(field, "device.", 7) == 0;
}

static void add_destination(struct mask *mask, const struct destination *to)
{
    const struct review with = {.paths = &mask->pipeline->paths};
    struct field_list fields = {0};
    struct diags diags;

    diags_init(&diags);
    to->driver->review(to, &with, &fields, &diags);
    for (size_t i = 0; i < fields.sent_count; i++) {
        if (is_about_the_user(fields.sent[i].field)) {
            add_sources(mask, span_of(fields.sent[i].text));
        }
    }
    field_list_fini(&fields);
    diags_fini(&diags);
}

struct mask *mask_new(const struct pipeline *pipeline)
{
    struct mask *mask = mem_new(struct mask);

    mask->pipeline = pipeline;
    for (size_t i = 0; i < pipeline->config->destination_count; i++) {
        add_destination(mask, &pipeline->destinations[i]);
    }
    return mask;
}

void mask_free(struct mask *mask)
{
    for (size_t i = 0; mask != NULL && i < mask->path_count; i++) {
        free(mask->paths[i]);
    }
    if (mask != NULL) {
        free(mask->paths);
    }
    free(mask);
}

/* asking */

/* Whether @dotted is @path or a record around it. */
static bool is_path_or_above(struct span dotted, const struct span *path, size_t depth)
{
    size_t at = 0;

    for (size_t i = 0; i < depth; i++) {
        if (path[i].len == 0) {
            continue; /* the root, an element of an array */
        }
        if (!span_starts(span_sub(dotted, at, dotted.len), path[i])) {
            return false;
        }
        at += path[i].len;
        if (at == dotted.len) {
            return true;
        }
        if (dotted.ptr[at++] != '.') {
            return false;
        }
    }
    return false;
}

static bool is_named_by_event(const struct config_event *event, const struct span *path,
                              size_t depth)
{
    const struct span named[] = {event->type, event->id, event->time, event->value,
                                 event->currency};
    size_t names = 0;

    for (size_t i = 0; i < depth; i++) {
        names += path[i].len > 0;
    }
    for (size_t i = 0; i < COUNT_OF(named); i++) {
        size_t dots = 0;

        for (size_t k = 0; k < named[i].len; k++) {
            dots += named[i].ptr[k] == '.';
        }
        if (named[i].len > 0 && dots + 1 == names && is_path_or_above(named[i], path, depth)) {
            return true;
        }
    }
    return false;
}

static bool is_personal_path(const struct mask *mask, const struct span *path, size_t depth)
{
    for (size_t i = 0; i < depth; i++) {
        if (mask_is_personal_name(path[i])) {
            return true;
        }
    }
    for (size_t i = 0; i < mask->path_count; i++) {
        if (is_path_or_above(span_of(mask->paths[i]), path, depth)) {
            return true;
        }
    }
    return false;
}

static bool replace(const void *context, const struct span *path, size_t depth, struct span text,
                    struct buf *out)
{
    const struct mask *mask = context;
    size_t end;

    if (is_named_by_event(&mask->pipeline->config->event, path, depth)) {
        return false;
    }
    if (is_personal_path(mask, path, depth) || mask_is_personal_text(text) ||
        !utf8_is_valid(text.ptr, text.len)) {
        buf_add_text(out, "\"[hidden]\"");
        return true;
    }
    end = url_end(text);
    if (text.ptr == NULL || end == text.len) {
        return false;
    }
    buf_add_json_string(out, span_sub(text, 0, end));
    buf_truncate(out, out->len - 1);
    buf_add_text(out, "?[hidden]\"");
    return true;
}

struct json_mask mask_json(const struct mask *mask)
{
    return (struct json_mask){.replace = replace, .context = mask};
}
