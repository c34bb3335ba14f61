/* What it costs to find an event's routes in tables of 10 and of 10,000 routes, for an event type
 * or for a tenant each; the second may cost at most twice the first. Then what one regular
 * expression costs, per text it looks at. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "match/pattern.h"
#include "route/route_table.h"
#include "schema/decoder.h"

enum { EVENTS = 64, ROUNDS = 20000, REPEATS = 5 };

static const char schema_text[] = "{\"type\":\"record\",\"name\":\"shop.Order\",\"fields\":["
                                  "{\"name\":\"event\",\"type\":\"string\"},"
                                  "{\"name\":\"price\",\"type\":[\"null\",\"double\"]},"
                                  "{\"name\":\"country\",\"type\":\"string\"}]}";

struct bench {
    struct readers readers;
    struct config config;
    struct diags diags;
    struct yaml_doc *doc;
    struct route_table *table;
    struct event_paths paths;
    struct arena arena;
    struct message_view message;
    struct value roots[EVENTS];
    struct event_view views[EVENTS];
};

/* Routes by type or tenant (in country) and price, one for a country of any type, and a last one
 * for the rest. */
static void open_table(struct bench *bench, size_t routes, bool is_by_tenant)
{
    static char path[] = "bench.yaml";
    struct buf yaml;

    buf_init(&yaml, 16 << 20);
    for (size_t i = 0; i + 2 < routes; i++) {
        buf_printf(&yaml, "- {%s: [Type%zu, Other%zu], price: '>= 100'}\n",
                   is_by_tenant ? "country" : "event", i, i);
    }
    buf_add_text(&yaml, "- {country: [US, CA]}\n- {}\n");
    bench->doc = yaml_parse(path, buf_span(&yaml), true, &bench->diags);
    INVARIANT(bench->doc != NULL);
    bench->config = (struct config){.path = path};
    bench->config.event.type = SPAN("event");
    bench->config.route_count = routes;
    bench->config.routes = mem_array(routes, struct config_route);
    for (size_t i = 0; i < routes; i++) {
        bench->config.routes[i].name = SPAN("r");
        bench->config.routes[i].match = yaml_root(bench->doc)->items[i];
    }
    event_paths_compile(&bench->config, &bench->readers, &bench->paths, &bench->diags);
    bench->table = route_table_compile(&bench->config, &bench->readers, &bench->diags);
    INVARIANT(bench->table != NULL);
    buf_fini(&yaml);
}

/* Events spread over the types of the table, half of them dear enough for their route. */
static void open_events(struct bench *bench, size_t routes)
{
    bench->message = (struct message_view){.timestamp_ms = 1767225600000};
    for (size_t i = 0; i < EVENTS; i++) {
        struct event_view *view = &bench->views[i];
        char *json =
            mem_format("{\"event\":\"Type%zu\",\"price\":%zu,\"country\":\"Type%zu\"}",
                       i * 2654435761u % (routes - 2), i % 2 * 200, i * 2654435761u % (routes - 2));

        *view = (struct event_view){.message = &bench->message, .root = &bench->roots[i]};
        INVARIANT(value_from_json(span_of(json), bench->readers.schemas[0]->root, &bench->arena,
                                  &bench->roots[i], NULL) == ERR_OK);
        INVARIANT(event_facts(&bench->paths, &bench->readers, view, &bench->arena, NULL) == ERR_OK);
        free(json);
    }
}

/* The best of a few runs: nanoseconds of CPU per event. */
static double measure(struct bench *bench)
{
    double best = 1e9;
    uint64_t found = 0;

    for (size_t repeat = 0; repeat < REPEATS; repeat++) {
        uint64_t start = clock_thread_cpu_ns();
        double ns;

        for (size_t i = 0; i < ROUNDS; i++) {
            struct route_result result;

            route_match(bench->table, &bench->views[i % EVENTS], &bench->arena, &result);
            found += result.count;
        }
        ns = (double)(clock_thread_cpu_ns() - start) / ROUNDS;
        best = MIN_OF(best, ns);
    }
    INVARIANT(found == (uint64_t)ROUNDS * REPEATS);
    return best;
}

static double run(size_t routes, bool is_by_tenant)
{
    struct bench bench = {0};
    struct schema *schema = NULL;
    const struct schema *schemas[1];
    uint64_t start = clock_mono_us();
    double ns;

    INVARIANT(schema_parse(SPAN(schema_text), NULL, 0, &schema, NULL) == ERR_OK);
    schemas[0] = schema;
    bench.readers = (struct readers){schemas, 1};
    diags_init(&bench.diags);
    arena_init(&bench.arena, 16 << 20);
    open_table(&bench, routes, is_by_tenant);
    start = clock_mono_us() - start;
    open_events(&bench, routes);
    ns = measure(&bench);
    printf("%6zu routes by %s: %6.1f ns per event (table compiled in %.1f ms)\n", routes,
           is_by_tenant ? "tenant" : "type", ns, (double)start / 1000);
    route_table_free(bench.table);
    event_paths_fini(&bench.paths);
    free(bench.config.routes);
    yaml_free(bench.doc);
    arena_fini(&bench.arena);
    diags_fini(&bench.diags);
    schema_free(schema);
    return ns;
}

static const struct {
    const char *pattern, *text;
} searches[] = {
    {"^Type[0-9]+$", "Type1234"},
    {"^(Purchase|CompletePayment|PlaceAnOrder)$", "AddToCart"},
    {"^https://([a-z]+\\.)?shop\\.example/", "https://www.shop.example/products/4711?utm_source=a"},
    {"[?&]utm_source=(tiktok|meta)",
     "https://www.shop.example/products/4711?color=blue&size=42&utm_medium=cpc&utm_source=tiktok"},
    {"@(test|example)\\.", "jane.doe.with.a.long.name@customers.shop.test.example.net"},
    {"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
     "00000000-0000-4000-8000-000000000001"},
    {"gr(\xc3\xbc|ue)n", "ein tiefgr\xc3\xbcnes Kleid"},
};

/* Nanoseconds of CPU for one search, the best of a few runs. */
static double search(const char *expression, struct span text)
{
    struct pattern *pattern = NULL;
    double best = 1e9;

    INVARIANT(pattern_compile(span_of(expression), &pattern, NULL) == ERR_OK);
    for (size_t repeat = 0; repeat < REPEATS; repeat++) {
        uint64_t start = clock_thread_cpu_ns();
        double ns;

        for (size_t i = 0; i < ROUNDS; i++) {
            INVARIANT(pattern_find(pattern, text) >= 0);
        }
        ns = (double)(clock_thread_cpu_ns() - start) / ROUNDS;
        best = MIN_OF(best, ns);
    }
    pattern_free(pattern);
    return best;
}

int main(void)
{
    double worst = 0;

    for (int is_by_tenant = 0; is_by_tenant < 2; is_by_tenant++) {
        double few = run(10, is_by_tenant != 0);
        double ratio = run(10000, is_by_tenant != 0) / few;

        printf("ratio %.2f (at most 2)\n", ratio);
        worst = MAX_OF(worst, ratio);
    }
    for (size_t i = 0; i < COUNT_OF(searches); i++) {
        printf("%6.1f ns  %s\n", search(searches[i].pattern, span_of(searches[i].text)),
               searches[i].pattern);
    }
    return worst <= 2 ? 0 : 1;
}
