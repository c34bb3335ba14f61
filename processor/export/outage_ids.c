#include "export/outage_ids.h"

#include <stdlib.h>

#include "base/mem.h"
#include "recovery/ledger_reader.h"
#include "recovery/outage_list.h"

enum { NAMED_MAX = 10 };

static enum err_code tell_unknown(const struct outage_list *list, struct span id, struct err *err)
{
    struct buf text;
    enum err_code rc;

    buf_init(&text, ERR_TEXT_BYTES);
    buf_add_text(&text, list->count == 0 ? "there is none at all" : "the last ones are");
    for (size_t i = list->count; i > 0 && list->count - i < NAMED_MAX; i--) {
        buf_printf(&text, " " SPAN_FMT, SPAN_ARG(list->items[i - 1].parts[0]->id));
    }
    rc = FAIL(err, ERR_DATA, "no outage %.*s is on the ledger; %s", (int)MIN_OF(id.len, (size_t)60),
              id.ptr, buf_text(&text));
    buf_fini(&text);
    return rc;
}

static enum err_code find(const struct outage_list *list, struct span id, bool is_truncated,
                          struct outage_ids *out, struct err *err)
{
    const struct outage *outage = outage_list_find(list, id);

    if (outage == NULL) {
        return is_truncated ? ERR_OK : tell_unknown(list, id, err);
    }
    for (size_t i = 0; i < outage->part_count; i++) {
        out->items = mem_grow(out->items, out->count + 1, sizeof(out->items[0]));
        out->items[out->count++] = outage->parts[i]->id;
        out->destination = outage->parts[i]->destination;
    }
    return ERR_OK;
}

enum err_code outage_ids_read(const struct config *config, const struct command_texts *typed,
                              struct outage_ids *out, struct err *err)
{
    struct ledger_reader reader = {0};
    struct outage_list list;
    enum err_code rc;

    *out = (struct outage_ids){0};
    if (typed->count == 0 || !config_has_ledger(config)) {
        return ERR_OK;
    }
    out->books = books_new(NULL);
    rc = ledger_read(&reader, config, out->books, err);
    if (rc == ERR_OK) {
        outage_list_make(out->books, config->kafka.group, &list);
        for (size_t i = 0; i < typed->count && rc == ERR_OK; i++) {
            rc = find(&list, span_of(typed->items[i]), reader.is_truncated, out, err);
        }
        outage_list_fini(&list);
    }
    ledger_reader_fini(&reader);
    return rc;
}

void outage_ids_fini(struct outage_ids *ids)
{
    free(ids->items);
    books_free(ids->books);
    *ids = (struct outage_ids){0};
}
