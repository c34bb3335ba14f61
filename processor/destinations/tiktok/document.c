#include "destinations/tiktok/document.h"

#include "destinations/tiktok/defaults.h"
#include "destinations/tiktok/fields.h"

static const char head[] =
    "# What is sent to TikTok\n\n"
    "`make docs` writes this page from the tables in the code; `detour check` prints the same for "
    "one configuration:\nper destination which field is sent from what, which default the schema "
    "lacks, and which recommended field is missing.\n\n"
    "## Where a field comes from\n\n"
    "| written | means |\n| --- | --- |\n"
    "| `user.email` | the value at this path of the reader schema |\n"
    "| `page.url?ttclid` | the query parameter of the URL at this path, decoded once |\n"
    "| `[page.url?ttclid, user.ttclid]` | the first that is present and usable |\n"
    "| `{value: product}` | this constant, whatever it says |\n"
    "| `{each: lines, fields: {content_id: sku}}` | an array of objects, one for each element |\n"
    "| `null` | the field is not sent, though the default map has it |\n\n"
    "Query parameters are found behind `&amp;` too, in another case where none has the exact name, "
    "in the query of a\nhash router (`/#/shop?ttclid=...`), and in the fragment of a URL "
    "without a query (`/shop#utm_source=...`). Of repeated ones the\nfirst that is no missing "
    "value counts.\n\n"
    "## The default map\n\n"
    "It fits schemas/conversion_event.avsc. `map:` changes single fields of it. A path that the "
    "schema lacks is not sent,\nand `check` says so.\n\n"
    "| field | from |\n| --- | --- |\n";

static const char missing[] =
    "\nAlways sent: `event` (from `event.type`, by the names under `events:`), `event_time` "
    "(`event.time`, else the record's\ntimestamp) and `event_id` (`event.id`, else derived from "
    "topic, partition and offset).\n\n"
    "## Missing values\n\n"
    "One rule for `map:`, `body:`, `utm:`, `event:` and `event_source_id`. What it names is not "
    "sent, is no event id, and gives way\nto the next of its list. Conditions of a route's `match` "
    "are literal and do not use it; the whole event as JSON (no `body:`)\nis as it was.\n\n";

static const char forms[] =
    "\nFree text is what people write: names, places, titles, descriptions, search words, custom "
    "properties, `utm_term` and\n`utm_content`, and in a `body:` every path (a query parameter is "
    "a "
    "code). All else is a code.\n\n"
    "## Identifiers\n\n"
    "- **E-mail**: trimmed, lower case; a name before it, `mailto:`, quotation marks and a dot at "
    "the end are taken off.\n"
    "- **Telephone**: E.164. A label (`tel:`), an extension (`ext. 5`, `x5`, `;ext=5`) and other "
    "scripts' digits are read. A\n  national number needs `user.country` or `default_country`. "
    "One that begins with the country's own code, has no plus and\n  is long enough is read as "
    "international; where that cannot be told it is left out.\n"
    "- **IP address**: the leftmost public one, without its port: `203.0.113.7:51234`, "
    "`[2001:db8::1]:443`, X-Forwarded-For,\n  Forwarded.\n"
    "- 64 hexadecimal digits pass as a hash; 32 (another hash) are left out.\n\n"
    "## All fields\n\n"
    "For which event sources a field is sent by default; `map:` can ask for any of them.\n\n"
    "| field | takes | sources | treated |\n| --- | --- | --- | --- |\n";

static const char *treatment(const struct tiktok_field *field)
{
    if (field->kind == FIELD_IDENTIFIER) {
        return field->identifier == IDENTIFIER_PLACE || field->identifier == IDENTIFIER_COUNTRY
                   ? "normalised"
               : field->is_list ? "normalised and hashed; one or an array"
                                : "normalised and hashed";
    }
    return field->kind == FIELD_ADDRESS ? "public only" : "";
}

static void add_sources(struct buf *out, unsigned sources)
{
    static const char *const words[] = {[SOURCE_WEB] = "web",
                                        [SOURCE_APP] = "app",
                                        [SOURCE_OFFLINE] = "offline",
                                        [SOURCE_CRM] = "crm"};
    bool is_first = true;

    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if ((sources & 1u << i) != 0) {
            buf_printf(out, "%s%s", is_first ? "" : ", ", words[i]);
            is_first = false;
        }
    }
}

static void add_field(struct buf *out, const struct tiktok_field *field, const char *prefix)
{
    buf_printf(out, "| `%s%s` | ", prefix, field->name);
    if (field->kind == FIELD_WORD) {
        for (size_t i = 0; field->words[i] != NULL; i++) {
            buf_printf(out, "%s`%s`", i == 0 ? "" : ", ", field->words[i]);
        }
    } else if (field->kind == FIELD_CONTENTS) {
        buf_add_text(out, "an array of objects, by `{each: ...}`");
    } else {
        buf_add_text(out, field_kind_word(field->kind));
    }
    buf_add_text(out, " | ");
    add_sources(out, field->sources);
    buf_printf(out, " | %s |\n", treatment(field));
}

void mapping_document(struct buf *out)
{
    const struct map_default *row;
    const struct tiktok_field *field;

    buf_add_text(out, head);
    for (size_t i = 0; (row = map_default_at(i)) != NULL; i++) {
        const char *more = span_is(span_of(row->field), "properties.value") ? "`event.value`: "
                           : span_is(span_of(row->field), "properties.currency")
                               ? "`event.currency`: "
                               : "";

        buf_printf(out, "| `%s` | %s`%s`%s |\n", row->field, more, row->from,
                   span_is(span_of(row->field), "user.ttclid")
                       ? "; the first is the URL that `map:` names as `page.url`"
                   : span_is(span_of(row->field), "properties.content_type")
                       ? ", where there are contents"
                       : "");
    }
    buf_add_text(out, missing);
    absent_document(out);
    buf_add_text(out, forms);
    for (size_t i = 0; (field = tiktok_field_at(i)) != NULL; i++) {
        add_field(out, field, "");
    }
    for (size_t i = 0; (field = tiktok_content_field_at(i)) != NULL; i++) {
        add_field(out, field, "properties.contents[].");
    }
    buf_add_text(out,
                 "| `properties.NAME` | a text, number or boolean | web, app, offline, crm | a "
                 "property of your own |\n");
}
