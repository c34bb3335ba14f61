/* bench_tiktok - what one event costs as a TikTok item, beside copying the same bytes.
 *
 * CPU time of this thread, the least of several repeats, over distinct events (a cache that
 * remembers the last one would lie) that fit the second-level cache (each was just decoded). */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/embedded.h"
#include "base/rng.h"
#include "destinations/table.h"
#include "destinations/tiktok/map.h"
#include "destinations/tiktok/options.h"
#include "schema/decoder.h"

enum { EVENTS = 200, REPEATS = 200, NAME_BYTES = 64 };

struct bench {
    struct schema *schema;
    struct tiktok_map *map;
    struct tiktok_scratch *scratch;
    struct arena events;
    struct arena arena;
    struct buf out;
    struct value *roots;
    struct span *ids;
    size_t count;
};

static void die(const char *what, const struct err *err)
{
    (void)fprintf(stderr, "bench_tiktok: %s: %s\n", what, err->text);
    exit(1);
}

static void write_record(struct buf *json, struct rng *rng, size_t i)
{
    unsigned long long a = (unsigned long long)rng_below(rng, 1000000000);

    buf_clear(json);
    buf_printf(json,
               "{\"event\": \"Order Completed\", \"event_id\": \"ord-%zu\", \"timestamp\": %llu, "
               "\"user\": {\"email\": \"Person.%llu@shop.example\", \"phone\": \"+4915%09llu\", "
               "\"external_id\": \"cust-%llu\", \"ttp\": \"2tp%llu\", \"ip\": \"198.51.%u.%u\", "
               "\"user_agent\": \"Mozilla/5.0 (iPhone; CPU iPhone OS 18_3 like Mac OS X) "
               "AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148\", \"locale\": \"de-DE\"}, "
               "\"page\": {\"url\": \"https://shop.example/checkout/done?utm_source=tiktok&"
               "utm_medium=paid&utm_campaign=spring&ttclid=E.C.P.%llu\", \"referrer\": "
               "\"https://shop.example/checkout\"}, \"properties\": {\"value\": %llu.%02u, "
               "\"currency\": \"EUR\", \"order_id\": \"%llu\", \"num_items\": 3, \"products\": "
               "[{\"sku\": \"SKU-%llu\", \"name\": \"Trail cap\", \"category\": \"Hats\", "
               "\"brand\": \"Northpeg\", \"price\": 24.95, \"quantity\": 2}, {\"sku\": \"%llu\", "
               "\"name\": \"Sticker set\", \"price\": 9.5, \"quantity\": 1}]}}",
               i, 1773223200000 + a % 100000, a, a, a / 3, a * 7, (unsigned)(a % 200),
               (unsigned)(a / 200 % 200), a * 13, a % 900, (unsigned)(a % 100), a / 5, a % 9000,
               a % 1000);
}

static void make_events(struct bench *bench)
{
    struct rng rng = {.state = 42};
    struct buf json;
    struct err err = {0};

    buf_init(&json, 1 << 16);
    bench->roots = calloc(EVENTS, sizeof(bench->roots[0]));
    bench->ids = calloc(EVENTS, sizeof(bench->ids[0]));
    for (size_t i = 0; i < EVENTS; i++) {
        char id[NAME_BYTES];
        int len = snprintf(id, sizeof(id), "ord-%zu", i);

        write_record(&json, &rng, i);
        if (value_from_json(arena_copy(&bench->events, buf_span(&json)), bench->schema->root,
                            &bench->events, &bench->roots[i], &err) != ERR_OK) {
            die("record", &err);
        }
        bench->ids[i] = arena_copy(&bench->events, (struct span){id, (size_t)len});
    }
    buf_fini(&json);
}

static void open_bench(struct bench *bench)
{
    static struct name_pair names[] = {{{"Order Completed", 15}, {"Purchase", 8}, {0}}};
    static struct tiktok_options options = {.event_source_id = {"C1", 2}};
    struct config_destination destination = {.name = {"tiktok", 6},
                                             .type = &tiktok_driver.section,
                                             .own = &options,
                                             .events = names,
                                             .event_count = 1};
    static const struct schema *schemas[1];
    static struct readers readers = {schemas, 1};
    struct diags diags;
    struct err err = {0};

    diags_init(&diags);
    arena_init(&bench->events, (size_t)256 << 20);
    arena_init(&bench->arena, (size_t)1 << 20);
    buf_init(&bench->out, (size_t)64 << 20);
    if (schema_parse(span_of(embedded_conversion_event_avsc), NULL, 0, &bench->schema, &err) !=
        ERR_OK) {
        die("schema", &err);
    }
    schemas[0] = bench->schema;
    bench->map = tiktok_map_compile(&destination, &readers, &diags);
    if (bench->map == NULL) {
        (void)fprintf(stderr, "bench_tiktok: %s\n", diags.items[0].message);
        exit(1);
    }
    diags_fini(&diags);
    bench->scratch = tiktok_scratch_new();
    make_events(bench);
}

static void write_all(struct bench *bench)
{
    struct err err = {0};

    buf_clear(&bench->out);
    for (size_t i = 0; i < EVENTS; i++) {
        struct event_view view = {
            .root = &bench->roots[i],
            .facts = {.type = SPAN("Order Completed"), .time_ms = 1773223200000 + (int64_t)i}};

        struct rendering item = {.view = &view,
                                 .event_id = bench->ids[i],
                                 .arena = &bench->arena,
                                 .scratch = bench->scratch};

        if (tiktok_item_write(bench->map, &item, &bench->out, &err) != ERR_OK ||
            item.fields_left_out != 0) {
            die("item", &err);
        }
        arena_reset(&bench->arena);
    }
}

static double measure_items(struct bench *bench)
{
    uint64_t best = UINT64_MAX;

    for (int i = 0; i < REPEATS; i++) {
        uint64_t start = clock_thread_cpu_ns();
        uint64_t ns;

        write_all(bench);
        ns = clock_thread_cpu_ns() - start;
        best = MIN_OF(best, ns);
    }
    return (double)best / EVENTS;
}

/* The same bytes in the same pieces, only copied. */
static double measure_copy(const struct bench *bench)
{
    size_t each = bench->out.len / EVENTS;
    uint64_t best = UINT64_MAX;
    struct buf copy;

    buf_init(&copy, (size_t)64 << 20);
    for (int i = 0; i < REPEATS; i++) {
        uint64_t start = clock_thread_cpu_ns();
        uint64_t ns;

        buf_clear(&copy);
        for (size_t at = 0; at + each <= bench->out.len; at += each) {
            buf_add(&copy, bench->out.ptr + at, each);
        }
        ns = clock_thread_cpu_ns() - start;
        best = MIN_OF(best, ns);
    }
    buf_fini(&copy);
    return (double)best / EVENTS;
}

int main(void)
{
    struct bench bench = {0};
    double item_ns;
    double copy_ns;

    open_bench(&bench);
    item_ns = measure_items(&bench);
    copy_ns = measure_copy(&bench);
    printf("item   %8.0f ns  %zu bytes, 3 hashes, 2 products\n", item_ns, bench.out.len / EVENTS);
    printf("memcpy %8.0f ns\n", copy_ns);
    tiktok_map_free(bench.map);
    tiktok_scratch_free(bench.scratch);
    schema_free(bench.schema);
    arena_fini(&bench.events);
    arena_fini(&bench.arena);
    buf_fini(&bench.out);
    free(bench.roots);
    free(bench.ids);
    return 0;
}
