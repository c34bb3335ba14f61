#include "trial/show.h"

#include <stdarg.h>
#include <string.h>

#include "base/clock.h"
#include "base/progress.h"
#include "base/terminal.h"

enum {
    BAR_CELLS = 30,
    DRAW_MS = 250,
    LINE_MS = 5000,
    BLOCK_LINES = 8, /* without the states */
    STATE_LINES = 12,
    SUMMARY_BYTES = 1024,
};

#define GREEN "\033[32m"
#define YELLOW "\033[33m"
#define DIM "\033[2m"
#define PLAIN "\033[0m"

void show_init(struct show *show, FILE *out)
{
    *show = (struct show){.out = out, .began_ms = clock_mono_ms()};
    show->is_live = terminal_is_live(out);
    show->is_colour = terminal_is_coloured(out);
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

static void draw_bar(struct show *show, const struct show_now *now)
{
    double share = now->phase_ms == 0 ? 0.0 : (double)now->phase_elapsed_ms / (double)now->phase_ms;
    struct buf bar;

    if (now->phase_ms > 0) {
        buf_init(&bar, BAR_CELLS + 8);
        progress_bar(share, BAR_CELLS, &bar);
        fprintf(show->out, "  %s", buf_text(&bar));
        buf_fini(&bar);
    }
    fprintf(show->out, "  %llus\n", (unsigned long long)(now->phase_elapsed_ms / 1000));
}

static void draw_part(struct show *show, const struct watch_part *part, const char *indent,
                      const char *more)
{
    bool is_closed = part->state == BREAKER_CLOSED;

    fprintf(show->out, "  %s%-*s %s%-9s%s %4.0f %%  %s%s\n", indent, 28 - (int)strlen(indent),
            part->name, colour(show, is_closed ? GREEN : YELLOW), breaker_state_word(part->state),
            colour(show, PLAIN), part->share * 100.0, part->cause, more);
}

/* The destination, then its cells; how many lines that were. */
static unsigned draw_states(struct show *show, const struct watch *watch)
{
    unsigned lines = 1;

    draw_part(show, &watch->self, "",
              watch->is_throttled ? " throttled"
              : watch->is_held    ? " held"
                                  : "");
    for (size_t i = 0; i < watch->cell_count && lines < STATE_LINES; i++) {
        draw_part(show, &watch->cells[i], "  ", "");
        lines++;
    }
    if (watch->cell_count + 1 > lines) {
        fprintf(show->out, "    and %zu more\n", watch->cell_count + 1 - lines);
        lines++;
    }
    return lines;
}

static void draw_block(struct show *show, const struct show_now *now, uint64_t at_ms)
{
    double seconds = (double)(at_ms - show->drawn_ms) / 1000.0;
    double in_rate = (double)(now->produced - show->drawn_produced) / seconds;
    double out_rate = (double)(now->delivered - show->drawn_delivered) / seconds;
    bool is_well = watch_is_closed(now->watch) && !now->watch->is_throttled;

    show_clear(show);
    fprintf(show->out, "\n  %s%-14s%s", colour(show, is_well ? GREEN : YELLOW), now->phase,
            colour(show, PLAIN));
    draw_bar(show, now);
    fprintf(show->out, "  produced      %8llu  %6.0f/s\n", (unsigned long long)now->produced,
            in_rate);
    fprintf(show->out, "  delivered     %8llu  %6.0f/s   to TikTok\n",
            (unsigned long long)now->delivered, out_rate);
    fprintf(show->out, "  diverted      %8llu            to the UTM topic\n",
            (unsigned long long)now->diverted);
    fprintf(show->out, "  dead letters  %8llu            to the dead-letter topic\n",
            (unsigned long long)now->dead_lettered);
    fprintf(show->out, "  dropped       %8llu            without consent\n",
            (unsigned long long)now->dropped);
    fprintf(show->out, "  in flight     %8llu\n", (unsigned long long)now->in_flight);
    show->block_lines = BLOCK_LINES + draw_states(show, now->watch);
    fflush(show->out);
}

static void write_line(struct show *show, const struct show_now *now)
{
    struct buf states;

    buf_init(&states, SUMMARY_BYTES);
    watch_summary(now->watch, &states);
    show_line(show,
              "%s: produced %llu, delivered %llu, diverted %llu, dead-lettered %llu, dropped "
              "%llu, in flight %llu; %s",
              now->phase, (unsigned long long)now->produced, (unsigned long long)now->delivered,
              (unsigned long long)now->diverted, (unsigned long long)now->dead_lettered,
              (unsigned long long)now->dropped, (unsigned long long)now->in_flight,
              buf_text(&states));
    buf_fini(&states);
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
    show->drawn_produced = now->produced;
    show->drawn_delivered = now->delivered;
}
