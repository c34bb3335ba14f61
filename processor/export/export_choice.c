#include "export/export_choice.h"

#include <stdlib.h>

#include "base/mem.h"

enum { TEXT_BYTES_MAX = 4096 };

/* The other ids of the outages that were asked for. */
static bool use_outages(struct export_choice *choice, struct dlq *dlq)
{
    struct err err;
    enum err_code rc =
        outage_ids_read(dlq->config, &dlq->arguments->filter.outages, &choice->outages, &err);

    for (size_t i = 0; i < choice->outages.count; i++) {
        filter_add_outage(&dlq->filter, choice->outages.items[i]);
    }
    return rc == ERR_OK || dlq_fail(dlq, rc, err.text);
}

/* which destination */

static bool can_be(const struct config_destination *to, bool is_table)
{
    return !to->type->is_topic && (!is_table || span_is(span_of(to->type->name), "tiktok"));
}

static bool refuse(struct dlq *dlq, const char *why, bool is_table)
{
    struct buf text;
    bool is_first = true;

    buf_init(&text, TEXT_BYTES_MAX);
    buf_printf(&text, "%s; ", why);
    for (size_t i = 0; i < dlq->config->destination_count; i++) {
        const struct config_destination *to = &dlq->config->destinations[i];

        if (can_be(to, is_table)) {
            buf_printf(&text, "%s" SPAN_FMT, is_first ? "--destination can be " : ", ",
                       SPAN_ARG(to->name));
            is_first = false;
        }
    }
    if (is_first) {
        buf_add_text(&text, is_table ? "a table (csv) is TikTok's, and the configuration has no "
                                       "destination of type tiktok"
                                     : "the configuration has no destination that gets requests");
    }
    (void)dlq_fail(dlq, ERR_USAGE, buf_text(&text));
    buf_fini(&text);
    return false;
}

/* The only one that there can be; NULL: none, or several. */
static const struct config_destination *only_one(const struct config *config, bool is_table)
{
    const struct config_destination *found = NULL;

    for (size_t i = 0; i < config->destination_count; i++) {
        const struct config_destination *to = &config->destinations[i];

        if (can_be(to, is_table)) {
            if (found != NULL) {
                return NULL;
            }
            found = to;
        }
    }
    return found;
}

/* Of the filter it is taken away: there it would ask which destination refused the record, which
 * is another one where a chain has several. */
static bool choose_destination(struct export_choice *choice, struct dlq *dlq, bool is_table)
{
    struct filter_list *asked = &dlq->filter.destinations;
    const struct config_destination *to = NULL;

    if (asked->count > 1) {
        return refuse(dlq, "an export is for one destination, and --destination names several",
                      is_table);
    }
    choice->is_told = asked->count == 1;
    if (choice->is_told) {
        to = config_find(dlq->config, asked->items[0]);
    } else if (choice->outages.destination.ptr != NULL) {
        to = config_find(dlq->config, choice->outages.destination);
    } else {
        to = only_one(dlq->config, is_table);
    }
    asked->count = 0;
    if (to == NULL) {
        return refuse(dlq, "whose events? the selection does not say it", is_table);
    }
    if (!can_be(to, is_table)) {
        return refuse(dlq, "this destination has no such export", is_table);
    }
    choice->to = &dlq->pipeline->destinations[pipeline_index(dlq->pipeline, to)];
    return true;
}

/* which topics */

static void add_topic(struct export_choice *choice, struct span topic)
{
    for (size_t i = 0; i < choice->topic_count; i++) {
        if (span_is(topic, choice->topics[i])) {
            return;
        }
    }
    if (choice->topic_count < CHOICE_TOPICS_MAX) {
        choice->topics[choice->topic_count++] = mem_text(topic);
    }
}

/* The alternates behind the destination in a chain. */
static void add_alternates(struct export_choice *choice, const struct config_leg *leg)
{
    bool is_behind = false;

    for (size_t i = 0; i < leg->count; i++) {
        if (is_behind && leg->chain[i]->type->is_topic) {
            add_topic(choice, leg->chain[i]->topic);
        }
        is_behind = is_behind || leg->chain[i] == choice->to->config;
    }
}

static void choose_topics(struct export_choice *choice, const struct dlq *dlq)
{
    const struct config *config = dlq->config;

    if (dlq->arguments->from != NULL) {
        add_topic(choice, span_of(dlq->arguments->from));
        return;
    }
    for (size_t i = 0; i < config->route_count; i++) {
        for (size_t k = 0; k < config->routes[i].leg_count; k++) {
            add_alternates(choice, &config->routes[i].legs[k]);
        }
    }
    add_topic(choice, config->dead_letter->topic);
}

bool export_choose(struct export_choice *choice, struct dlq *dlq, bool is_table)
{
    *choice = (struct export_choice){0};
    if (!use_outages(choice, dlq) || !choose_destination(choice, dlq, is_table)) {
        return false;
    }
    choose_topics(choice, dlq);
    return true;
}

void export_choice_fini(struct export_choice *choice)
{
    for (size_t i = 0; i < choice->topic_count; i++) {
        free(choice->topics[i]);
    }
    outage_ids_fini(&choice->outages);
    *choice = (struct export_choice){0};
}
