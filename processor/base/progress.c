#include "base/progress.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/columns.h"
#include "base/terminal.h"

enum { DRAW_MS = 200, RATE_MS = 1000, LINE_BYTES_MAX = 1024, LINE_COLUMNS = 79 };

void progress_begin(struct progress *progress, const char *label, enum progress_unit unit,
                    uint64_t total)
{
    *progress = (struct progress){.label = label,
                                  .unit = unit,
                                  .total = total,
                                  .began_ms = clock_mono_ms(),
                                  .is_live = terminal_is_live(stderr)};
}

void progress_bar(double share, unsigned cells, struct buf *out)
{
    unsigned full = (unsigned)(MAX_OF(0.0, MIN_OF(share, 1.0)) * cells);

    buf_add_char(out, '[');
    for (unsigned i = 0; i < cells; i++) {
        buf_add_char(out, i < full ? '#' : ' ');
    }
    buf_add_char(out, ']');
}

static void add_amount(const struct progress *progress, uint64_t amount, struct buf *out)
{
    char text[COLUMNS_DURATION_BYTES];

    if (progress->unit == PROGRESS_MS) {
        buf_add_text(out, columns_duration((int64_t)amount, text));
    } else {
        columns_number(out, amount, 0);
    }
}

/* In the first second a rate would say more about the start than about the work. */
static void add_rate(const struct progress *progress, uint64_t done, uint64_t elapsed_ms,
                     struct buf *out)
{
    char left[COLUMNS_DURATION_BYTES];
    double rate = (double)done * 1000.0 / (double)elapsed_ms;

    if (elapsed_ms < RATE_MS) {
        return;
    }
    if (progress->unit == PROGRESS_COUNT) {
        buf_add_text(out, "  ");
        columns_number(out, (uint64_t)(rate + 0.5), 0);
        buf_add_text(out, "/s");
    }
    if (done > 0 && done < progress->total) {
        int64_t left_ms = (int64_t)((double)(progress->total - done) * 1000.0 / rate);

        buf_printf(out, "  %s left", columns_duration(left_ms + 999, left));
    }
}

void progress_line(const struct progress *progress, uint64_t done, uint64_t elapsed_ms,
                   const char *more, struct buf *out)
{
    buf_printf(out, "%s ", progress->label);
    if (progress->total > 0) {
        double share = (double)done / (double)progress->total;

        progress_bar(share, PROGRESS_CELLS, out);
        buf_printf(out, " %3.0f%%  ", MIN_OF(share, 1.0) * 100.0);
    }
    add_amount(progress, done, out);
    if (progress->total > 0) {
        buf_add_text(out, " of ");
        add_amount(progress, progress->total, out);
    }
    add_rate(progress, done, elapsed_ms, out);
    if (more != NULL) {
        buf_printf(out, "  %s", more);
    }
}

void progress_turn(struct progress *progress, uint64_t done, const char *more)
{
    uint64_t now_ms;
    struct buf line;
    struct buf cut; /* a longer line would go on in a second one, which is not redrawn */

    if (!progress->is_live) {
        return;
    }
    now_ms = clock_mono_ms();
    if (progress->drawn_ms != 0 && now_ms - progress->drawn_ms < DRAW_MS) {
        return;
    }
    buf_init(&line, LINE_BYTES_MAX);
    buf_init(&cut, LINE_BYTES_MAX);
    progress_line(progress, done, now_ms - progress->began_ms, more, &line);
    columns_cut(&cut, buf_span(&line), LINE_COLUMNS);
    fprintf(stderr, "\r\033[K%s", buf_text(&cut));
    fflush(stderr);
    buf_fini(&cut);
    buf_fini(&line);
    progress->drawn_ms = now_ms;
}

void progress_clear(struct progress *progress)
{
    if (progress->drawn_ms != 0) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
        progress->drawn_ms = 0;
    }
}
