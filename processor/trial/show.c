#include "trial/show.h"

#include <stdarg.h>
#include <string.h>

#include "base/clock.h"
#include "base/columns.h"
#include "base/progress.h"
#include "base/terminal.h"

enum {
    BAR_CELLS = 30,
    DRAW_MS = 250,
    LINE_MS = 5000,
    STATE_LINES = 12,
    NAME_COLUMNS = 28,
    BLOCK_BYTES_MAX = 16 << 10,
};

#define GREEN "\033[32m"
#define YELLOW "\033[33m"
#define DIM "\033[2m"
#define PLAIN "\033[0m"

static const struct {
    const char *label, *where;
} numbers[SHOW_NUMBERS] = {
    [SHOW_PRODUCED] = {"produced", ""},
    [SHOW_DELIVERED] = {"delivered", "to TikTok"},
    [SHOW_DIVERTED] = {"diverted", "to the UTM topic"},
    [SHOW_DEAD_LETTERED] = {"dead-lettered", "to the dead-letter topic"},
    [SHOW_DROPPED] = {"dropped", "without consent"},
    [SHOW_IN_FLIGHT] = {"in flight", ""},
};

void show_init(struct show *show, FILE *out)
{
    *show = (struct show){.out = out,
                          .began_ms = clock_mono_ms(),
                          .is_live = terminal_is_live(out),
                          .is_colour = terminal_is_coloured(out)};
}

void show_clear(struct show *show)
{
    if (show->block_lines > 0) {
        fprintf(show->out, "\033[%uA\033[J", show->block_lines);
        show->block_lines = 0;
    }
}

static const char *colour(const struct show *show, const char *code)
{
    return show->is_colour ? code : "";
}

void show_line(struct show *show, const char *format, ...)
{
    uint64_t ms = clock_mono_ms() - show->began_ms;
    va_list args;

    show_clear(show);
    fprintf(show->out, "%s%5llu.%llus%s  ", colour(show, DIM), (unsigned long long)(ms / 1000),
            (unsigned long long)(ms % 1000 / 100), colour(show, PLAIN));
    va_start(args, format);
    vfprintf(show->out, format, args);
    va_end(args);
    fputc('\n', show->out);
    fflush(show->out);
}

static void add_phase(const struct show *show, const struct show_now *now, struct buf *out)
{
    bool is_well = watch_is_closed(now->watch) && !now->watch->is_throttled;

    buf_printf(out, "\n  %s", colour(show, is_well ? GREEN : YELLOW));
    columns_left(out, span_of(now->phase), 14);
    buf_printf(out, "%s  ", colour(show, PLAIN));
    if (now->phase_ms > 0) {
        progress_bar((double)now->phase_elapsed_ms / (double)now->phase_ms, BAR_CELLS, out);
        buf_add_text(out, "  ");
    }
    buf_printf(out, "%llus\n", (unsigned long long)(now->phase_elapsed_ms / 1000));
}

static void add_numbers(const struct show *show, const struct show_now *now, uint64_t at_ms,
                        struct buf *out)
{
    double seconds = (double)(at_ms - show->drawn_ms) / 1000.0;

    for (size_t i = 0; i < SHOW_NUMBERS; i++) {
        double more = (double)now->numbers[i] - (double)show->drawn[i];

        buf_add_text(out, "  ");
        columns_left(out, span_of(numbers[i].label), 13);
        columns_number(out, now->numbers[i], 10);
        if (i < SHOW_IN_FLIGHT) {
            buf_printf(out, "  %6.0f/s   %s", more / seconds, numbers[i].where);
        }
        buf_add_char(out, '\n');
    }
}

static void add_part(const struct show *show, const struct watch_part *part, size_t indent,
                     const char *more, struct buf *out)
{
    buf_printf(out, "  %*s", (int)indent, "");
    columns_left(out, span_of(part->name), NAME_COLUMNS - indent);
    buf_printf(out, " %s%-9s%s %4.0f %%  %s%s\n",
               colour(show, part->state == BREAKER_CLOSED ? GREEN : YELLOW),
               breaker_state_word(part->state), colour(show, PLAIN), part->share * 100.0,
               part->cause, more);
}

/* The destination, then its cells. */
static void add_states(const struct show *show, const struct watch *watch, struct buf *out)
{
    size_t shown = MIN_OF(watch->cell_count, (size_t)STATE_LINES - 1);

    add_part(show, &watch->self, 0,
             watch->is_throttled ? " throttled"
             : watch->is_held    ? " held"
                                 : "",
             out);
    for (size_t i = 0; i < shown; i++) {
        add_part(show, &watch->cells[i], 2, "", out);
    }
    if (watch->cell_count > shown) {
        buf_printf(out, "    and %zu more\n", watch->cell_count - shown);
    }
}

static void draw_block(struct show *show, const struct show_now *now, uint64_t at_ms)
{
    struct buf block;

    buf_init(&block, BLOCK_BYTES_MAX);
    add_phase(show, now, &block);
    add_numbers(show, now, at_ms, &block);
    add_states(show, now->watch, &block);
    show_clear(show);
    fputs(buf_text(&block), show->out);
    fflush(show->out);
    for (size_t i = 0; i < block.len; i++) {
        show->block_lines += block.ptr[i] == '\n';
    }
    buf_fini(&block);
}

static void write_line(struct show *show, const struct show_now *now)
{
    struct buf line;

    buf_init(&line, BLOCK_BYTES_MAX);
    for (size_t i = 0; i < SHOW_NUMBERS; i++) {
        buf_printf(&line, "%s%s %llu", i == 0 ? "" : ", ", numbers[i].label,
                   (unsigned long long)now->numbers[i]);
    }
    buf_add_text(&line, "; ");
    watch_summary(now->watch, &line);
    show_line(show, "%s: %s", now->phase, buf_text(&line));
    buf_fini(&line);
}

void show_turn(struct show *show, const struct show_now *now)
{
    uint64_t at_ms = clock_mono_ms();

    if (at_ms - show->drawn_ms < (show->is_live ? DRAW_MS : LINE_MS)) {
        return;
    }
    if (show->is_live) {
        draw_block(show, now, at_ms);
    } else if (show->drawn_ms > 0) {
        write_line(show, now);
    }
    show->drawn_ms = at_ms;
    memcpy(show->drawn, now->numbers, sizeof(show->drawn));
}
