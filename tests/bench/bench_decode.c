/*
 * bench_decode - what decoding one event costs, in thread CPU time, beside a plain copy of it.
 *
 * Events of schemas/conversion_event.avsc with typical content, drawn from a seed; one after
 * another from 4 MiB of them, so that the message is not always in the first cache. The least of
 * several rounds is printed: everything else is the machine's noise.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/embedded.h"
#include "base/mem.h"
#include "base/rng.h"
#include "schema/decoder.h"

enum { EVENTS = 4096, ROUNDS = 40, EVENT_BYTES_MAX = 4096, ARENA_BYTES_MAX = 1024 * 1024 };

static struct span events[EVENTS];
static struct buf all;

/* One event: most fields of most events are there, one to three products, some text not ASCII. */
static void add_event_json(struct rng *rng, struct buf *json)
{
    static const char *const cities[] = {"Berlin", "Zürich", "San Francisco", "Łódź"};
    uint64_t n = rng_below(rng, 1000000000);
    size_t products = 1 + rng_below(rng, 3);

    buf_clear(json);
    buf_printf(json,
               "{\"event\":\"Order Completed\",\"event_id\":\"evt-%09lu-a81c\",\"timestamp\":%lu,"
               "\"user\":{\"email\":\"person%lu@example.com\",\"phone\":\"+49170%07lu\","
               "\"external_id\":\"%lu\",\"city\":\"%s\",\"country\":\"de\",\"ttclid\":"
               "\"E.C.P.%lu_abcdefghijklmnopqrstuvwxyz0123456789\",\"ip\":\"203.0.113.%lu\","
               "\"user_agent\":\"Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) "
               "AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148\"},",
               n, 1700000000000 + n, n, n % 10000000, n, cities[n % COUNT_OF(cities)], n, n % 256);
    buf_printf(json,
               "\"page\":{\"url\":\"https://shop.example/checkout/done?utm_source=tiktok&utm_"
               "campaign=spring_%lu\",\"referrer\":\"https://shop.example/checkout\"},"
               "\"properties\":{\"value\":%lu.%02lu,\"currency\":\"EUR\",\"order_id\":\"o-%lu\","
               "\"num_items\":%zu,\"products\":[",
               n % 100, n % 500, n % 100, n, products);
    for (size_t i = 0; i < products; i++) {
        buf_printf(json,
                   "%s{\"sku\":\"sku-%lu\",\"name\":\"A pair of shoes\",\"category\":\"Shoes\","
                   "\"price\":%lu.5,\"quantity\":1}",
                   i == 0 ? "" : ",", n % 10000 + i, n % 200);
    }
    buf_add_text(json, "]},\"consent\":{\"ads\":true},\"context\":{\"pixel\":\"CPIXEL123\"}}");
}

static void make_events(const struct type *type)
{
    struct rng rng = {.state = 7};
    size_t ends[EVENTS + 1] = {0};
    struct arena arena;
    struct value value;
    struct buf json;
    struct err err;

    arena_init(&arena, ARENA_BYTES_MAX);
    buf_init(&json, EVENT_BYTES_MAX);
    buf_init(&all, (size_t)EVENTS * EVENT_BYTES_MAX);
    for (size_t i = 0; i < EVENTS; i++) {
        add_event_json(&rng, &json);
        if (value_from_json(buf_span(&json), type, &arena, &value, &err) != ERR_OK) {
            fprintf(stderr, "bench_decode: %s\n", err.text);
            exit(EXIT_FAILURE);
        }
        value_encode(&value, type, &all);
        ends[i + 1] = all.len;
        arena_reset(&arena);
    }
    for (size_t i = 0; i < EVENTS; i++) {
        events[i] = span_sub(buf_span(&all), ends[i], ends[i + 1]);
    }
    arena_fini(&arena);
    buf_fini(&json);
}

static double decode_ns(const struct decoder *decoder, struct arena *arena)
{
    uint64_t start = clock_thread_cpu_ns();
    struct value value;

    for (size_t i = 0; i < EVENTS; i++) {
        if (decoder_run(decoder, events[i], arena, &value, NULL) != ERR_OK) {
            fprintf(stderr, "bench_decode: an event was refused\n");
            exit(EXIT_FAILURE);
        }
        arena_reset(arena);
    }
    return (double)(clock_thread_cpu_ns() - start) / EVENTS;
}

static double copy_ns(char *to)
{
    uint64_t start = clock_thread_cpu_ns();

    for (size_t i = 0; i < EVENTS; i++) {
        memcpy(to, events[i].ptr, events[i].len);
        __asm__ volatile("" : : "r"(to) : "memory"); /* the copy is wanted */
    }
    return (double)(clock_thread_cpu_ns() - start) / EVENTS;
}

int main(void)
{
    char *copy = mem_array(EVENT_BYTES_MAX, char);
    struct decoder *decoder = NULL;
    struct schema *schema = NULL;
    double best_decode = 1e9;
    double best_copy = 1e9;
    struct arena arena;
    struct err err;

    arena_init(&arena, ARENA_BYTES_MAX);
    if (schema_parse(span_of(embedded_conversion_event_avsc), NULL, 0, &schema, &err) != ERR_OK ||
        decoder_compile(schema, schema, &decoder, &err) != ERR_OK) {
        fprintf(stderr, "bench_decode: %s\n", err.text);
        return EXIT_FAILURE;
    }
    make_events(schema->root);
    for (int round = 0; round < ROUNDS; round++) {
        best_decode = MIN_OF(best_decode, decode_ns(decoder, &arena));
        best_copy = MIN_OF(best_copy, copy_ns(copy));
    }
    printf("decode: %zu bytes an event, %.0f ns; memcpy %.1f ns, %.1f times that\n",
           all.len / EVENTS, best_decode, best_copy, best_decode / best_copy);
    free(copy);
    arena_fini(&arena);
    buf_fini(&all);
    decoder_free(decoder);
    schema_free(schema);
    return EXIT_SUCCESS;
}
