#include "export/upload_form.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/number.h"

enum { CELL_BYTES = 64 };

enum column_kind {
    COLUMN_EVENT,  /* the event's name, as the form has it */
    COLUMN_TIME,   /* seconds, as ISO 8601 */
    COLUMN_TEXT,   /* a text; of a list the first one */
    COLUMN_NUMBER, /* a number */
};

/* What of the item stands in a column. */
struct upload_column {
    const char *name;
    const char *object; /* NULL: the item itself; "contents": the only product */
    const char *member;
    enum column_kind kind;
    bool is_identifier; /* it says whose event it is: one of these has to be there */
    bool is_personal;   /* hidden by --mask */
};

struct upload_form {
    const char *name;
    const struct upload_column *columns;
    size_t column_count;
    bool has_names; /* it takes the events of the table below and no others */
};

/* As the form of the offline event set writes the events that the API calls so. The last two are
 * the API's former names, which the service converts. */
static const struct {
    const char *api, *form;
} event_names[] = {
    {"Purchase", "Purchase"},
    {"Contact", "Contact"},
    {"Subscribe", "Subscribe"},
    {"Lead", "Lead"},
    {"AddPaymentInfo", "Add Payment Info"},
    {"AddToCart", "Add to Cart"},
    {"AddToWishlist", "Add to Wishlist"},
    {"CompleteRegistration", "Complete Registration"},
    {"Download", "Download"},
    {"InitiateCheckout", "Initiate Checkout"},
    {"Search", "Search"},
    {"ViewContent", "View Content"},
    {"CompletePayment", "Purchase"},
    {"SubmitForm", "Lead"},
};

#define COLUMN(column, from, what, is)                                                             \
    {                                                                                              \
        .name = (column), .object = (from), .member = (what), .kind = (is)                         \
    }
#define IDENTIFIER(column, from, what)                                                             \
    {                                                                                              \
        .name = (column), .object = (from), .member = (what), .kind = COLUMN_TEXT,                 \
        .is_identifier = true, .is_personal = true                                                 \
    }

static const struct upload_column offline_columns[] = {
    COLUMN("event_type", NULL, "event", COLUMN_EVENT),
    IDENTIFIER("email", "user", "email"),
    IDENTIFIER("phone", "user", "phone"),
    COLUMN("timestamp", NULL, "event_time", COLUMN_TIME),
    COLUMN("event_id", NULL, "event_id", COLUMN_TEXT),
    COLUMN("order_id", "properties", "order_id", COLUMN_TEXT),
    COLUMN("shop_id", "properties", "shop_id", COLUMN_TEXT),
    COLUMN("event_channel", "properties", "event_channel", COLUMN_TEXT),
    COLUMN("content_id", "contents", "content_id", COLUMN_TEXT),
    COLUMN("content_type", "properties", "content_type", COLUMN_TEXT),
    COLUMN("content_category", "contents", "content_category", COLUMN_TEXT),
    COLUMN("content_name", "contents", "content_name", COLUMN_TEXT),
    COLUMN("brand", "contents", "brand", COLUMN_TEXT),
    COLUMN("price", "contents", "price", COLUMN_NUMBER),
    COLUMN("quantity", "contents", "quantity", COLUMN_NUMBER),
    COLUMN("currency", "properties", "currency", COLUMN_TEXT),
    COLUMN("value", "properties", "value", COLUMN_NUMBER),
};

/* The event id is no column of the sample file; the service needs it where the same events may
 * come by the API as well. */
static const struct upload_column crm_columns[] = {
    COLUMN("Event_type", NULL, "event", COLUMN_EVENT),
    COLUMN("Timestamp", NULL, "event_time", COLUMN_TIME),
    IDENTIFIER("lead_id", "lead", "lead_id"),
    IDENTIFIER("Email", "user", "email"),
    IDENTIFIER("Phone", "user", "phone"),
    {.name = "click_id",
     .object = "user",
     .member = "ttclid",
     .kind = COLUMN_TEXT,
     .is_personal = true},
    COLUMN("event_id", NULL, "event_id", COLUMN_TEXT),
};

static const struct upload_form offline = {.name = "offline",
                                           .columns = offline_columns,
                                           .column_count = COUNT_OF(offline_columns),
                                           .has_names = true};
static const struct upload_form crm = {
    .name = "crm", .columns = crm_columns, .column_count = COUNT_OF(crm_columns)};

static const struct upload_form *const forms[] = {&offline, &crm};

const struct upload_form *upload_form_find(struct span name)
{
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        if (span_is(name, forms[i]->name)) {
            return forms[i];
        }
    }
    return NULL;
}

const char *upload_form_name(const struct upload_form *form)
{
    return form->name;
}

void upload_form_head(const struct upload_form *form, struct csv_row *row)
{
    for (size_t i = 0; i < form->column_count; i++) {
        csv_text(row, span_of(form->columns[i].name));
    }
    csv_end(row);
}

/* values */

/* Where the members of @name are: the only product, an object of the item, or the item. */
static const json_t *object_of(const json_t *item, const char *name)
{
    const json_t *contents;

    if (name == NULL) {
        return item;
    }
    if (strcmp(name, "contents") != 0) {
        return json_object_get(item, name);
    }
    contents = json_object_get(json_object_get(item, "properties"), "contents");
    return json_array_size(contents) == 1 ? json_array_get(contents, 0) : NULL;
}

static const json_t *value_of(const json_t *item, const struct upload_column *column)
{
    const json_t *value = json_object_get(object_of(item, column->object), column->member);

    return json_is_array(value) ? json_array_get(value, 0) : value;
}

static struct span text_of(const json_t *value)
{
    return json_is_string(value)
               ? (struct span){json_string_value(value), json_string_length(value)}
               : SPAN_NONE;
}

static struct span event_name(const struct upload_form *form, const json_t *item)
{
    struct span name = text_of(json_object_get(item, "event"));

    for (size_t i = 0; i < COUNT_OF(event_names) && form->has_names; i++) {
        if (span_is(name, event_names[i].api)) {
            return span_of(event_names[i].form);
        }
    }
    return form->has_names ? SPAN_NONE : name;
}

static bool has_identifier(const struct upload_form *form, const json_t *item)
{
    for (size_t i = 0; i < form->column_count; i++) {
        if (form->columns[i].is_identifier && text_of(value_of(item, &form->columns[i])).len > 0) {
            return true;
        }
    }
    return false;
}

/* No letters: 1e+20 is written out. */
static void add_number(struct csv_row *row, const json_t *value)
{
    char text[512] = "";
    size_t len = 0;

    if (json_is_integer(value)) {
        len = (size_t)snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(value));
    } else if (json_is_real(value)) {
        len = number_text(json_real_value(value), text);
        if (memchr(text, 'e', len) != NULL) {
            len = (size_t)snprintf(text, sizeof(text), "%.6f", json_real_value(value));
        }
    }
    csv_number(row, (struct span){text, len});
}

static void add_time(struct csv_row *row, const json_t *value)
{
    char iso[CLOCK_ISO_BYTES];

    if (!json_is_integer(value)) {
        csv_text(row, SPAN_NONE);
        return;
    }
    (void)clock_iso(json_integer_value(value) * 1000, iso);
    memcpy(strchr(iso, '.'), "Z", 2); /* whole seconds */
    csv_text(row, span_of(iso));
}

static void add_cell(const struct upload_form *form, const struct upload_column *column,
                     const json_t *item, const struct upload_row *out)
{
    const json_t *value = value_of(item, column);
    struct span text = text_of(value);

    switch (column->kind) {
    case COLUMN_EVENT:
        csv_text(out->row, event_name(form, item));
        return;
    case COLUMN_TIME:
        add_time(out->row, value);
        return;
    case COLUMN_NUMBER:
        add_number(out->row, value);
        return;
    case COLUMN_TEXT:
        break;
    }
    csv_text(out->row,
             out->is_masked && column->is_personal && text.len > 0 ? SPAN("[hidden]") : text);
}

enum upload_answer upload_form_write(const struct upload_form *form, const json_t *item,
                                     struct upload_row *out)
{
    const json_t *contents = json_object_get(json_object_get(item, "properties"), "contents");

    if (event_name(form, item).len == 0) {
        return UPLOAD_NO_NAME;
    }
    if (!has_identifier(form, item)) {
        return UPLOAD_NO_IDENTIFIER;
    }
    out->has_products = json_array_size(contents) > 1;
    for (size_t i = 0; i < form->column_count; i++) {
        add_cell(form, &form->columns[i], item, out);
    }
    csv_end(out->row);
    return UPLOAD_ROW;
}
