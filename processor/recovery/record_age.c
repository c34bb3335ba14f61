#include "recovery/record_age.h"

enum { HOUR_MS = 3600 * 1000 };

/* By the original record's time. */
static const struct {
    int64_t below_ms;
    const char *word;
} ages[] = {
    {HOUR_MS, "under 1h"},
    {6 * (int64_t)HOUR_MS, "1h to 6h"},
    {24 * (int64_t)HOUR_MS, "6h to 1d"},
    {48 * (int64_t)HOUR_MS, "1d to 2d"},
    {168 * (int64_t)HOUR_MS, "2d to 7d"},
    {INT64_MAX, "7d or more"},
};

struct span record_age(const struct record *record, int64_t now_ms)
{
    int64_t at_ms = record->letter.source_timestamp_ms >= 0 ? record->letter.source_timestamp_ms
                                                            : record->view.timestamp_ms;
    size_t at = 0;

    if (at_ms < 0) {
        return SPAN_NONE;
    }
    while (at + 1 < COUNT_OF(ages) && now_ms - at_ms >= ages[at].below_ms) {
        at++;
    }
    return span_of(ages[at].word);
}
