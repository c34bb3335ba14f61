#include "export/export_totals.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"

#define NO_CURRENCY SPAN("(none)")

void export_totals_fini(struct export_totals *totals)
{
    for (size_t i = 0; i < totals->value_count; i++) {
        free(totals->values[i].currency);
    }
    text_counts_fini(&totals->outages);
    *totals = (struct export_totals){0};
}

static void add_money(struct export_totals *totals, struct span currency, struct money money)
{
    size_t at = 0;

    while (at < totals->value_count && !span_is(currency, totals->values[at].currency)) {
        at++;
    }
    if (at == TOTALS_CURRENCIES_MAX) {
        totals->unsummed++;
        return;
    }
    if (at == totals->value_count) {
        totals->values[totals->value_count++] =
            (struct totals_value){.currency = mem_text(currency)};
    }
    if (!money_add(&totals->values[at].sum, money)) {
        totals->unsummed++;
    }
}

static void add_value(struct export_totals *totals, const struct made_row *row)
{
    struct span currency = row->currency;
    struct money money;

    if (currency.len == 0 || !utf8_is_valid(currency.ptr, currency.len) ||
        memchr(currency.ptr, '\0', currency.len) != NULL) {
        currency = NO_CURRENCY;
    }
    if (row->has_value && money_of_double(row->value, &money)) {
        add_money(totals, currency, money);
    } else {
        totals->unsummed++;
    }
}

void export_totals_add(struct export_totals *totals, const struct made_row *row, struct span outage)
{
    totals->selected++;
    if (row->left != LEFT_NOTHING) {
        totals->left[row->left]++;
        return;
    }
    totals->exported++;
    totals->again += row->is_again ? 1 : 0;
    totals->changed += row->was_changed ? 1 : 0;
    totals->products += row->has_products ? 1 : 0;
    add_value(totals, row);
    if (outage.len > 0 && !row->is_again) {
        text_counts_add(&totals->outages, outage);
    }
}

void export_totals_join(struct export_totals *all, const struct export_totals *more)
{
    all->selected += more->selected;
    all->exported += more->exported;
    all->again += more->again;
    all->changed += more->changed;
    all->products += more->products;
    all->unsummed += more->unsummed;
    for (size_t i = 0; i < LEFT_COUNT; i++) {
        all->left[i] += more->left[i];
    }
    for (size_t i = 0; i < more->value_count; i++) {
        add_money(all, span_of(more->values[i].currency), more->values[i].sum);
    }
}

json_t *export_totals_left(const struct export_totals *totals)
{
    json_t *out = json_object();

    for (int i = LEFT_NOTHING + 1; i < LEFT_COUNT; i++) {
        if (totals->left[i] > 0) {
            json_object_set_new(out, left_out_word((enum left_out)i),
                                json_integer((json_int_t)totals->left[i]));
        }
    }
    return out;
}

json_t *export_totals_value(const struct export_totals *totals)
{
    json_t *out = json_object();

    for (size_t i = 0; i < totals->value_count; i++) {
        char text[MONEY_TEXT_BYTES];

        (void)money_text(totals->values[i].sum, text);
        json_object_set_new(out, totals->values[i].currency, json_string(text));
    }
    return out;
}

json_t *export_totals_counts(struct export_totals *totals)
{
    json_t *outages = json_object();
    size_t count = 0;
    struct text_count *sorted = text_counts_sorted(&totals->outages, &count);

    for (size_t i = 0; i < count && i < TOTALS_OUTAGES_MAX; i++) {
        json_object_setn_new(outages, sorted[i].text.ptr, sorted[i].text.len,
                             json_integer((json_int_t)sorted[i].count));
    }
    free(sorted);
    return json_pack("{s:I, s:I, s:I, s:o, s:o, s:o}", "selected", (json_int_t)totals->selected,
                     "exported", (json_int_t)totals->exported, "again", (json_int_t)totals->again,
                     "left_out", export_totals_left(totals), "value", export_totals_value(totals),
                     "outages", outages);
}
