#include "trial/guard.h"

#include "config/url.h"
#include "destinations/driver.h"

/* Names and sentence fit one error. */
enum { NAMES_BYTES_MAX = 200 };

static bool is_safe(const struct config_destination *to, struct url *url)
{
    const struct driver *driver = driver_of(to);
    struct err ignored;

    *url = (struct url){0};
    if (to->type->is_topic || (driver->is_trial != NULL && driver->is_trial(to))) {
        return true;
    }
    return url_read(to->url, url, &ignored) == ERR_OK && url_is_loopback(url);
}

/* Nobody who runs this configuration reads another topic. A pattern may mean any. */
static bool is_read(const struct config *config, struct span topic)
{
    for (size_t i = 0; i < config->kafka.topic_count; i++) {
        if (span_eq(config->kafka.topics[i], topic) ||
            span_starts(config->kafka.topics[i], SPAN("^"))) {
            return true;
        }
    }
    return false;
}

enum err_code guard_generate(const struct config *config, struct span topic, struct err *err)
{
    size_t count = 0;
    struct buf names;
    enum err_code rc = ERR_OK;

    buf_init(&names, NAMES_BYTES_MAX); /* more of them add nothing */
    for (size_t i = 0; i < config->destination_count; i++) {
        const struct config_destination *to = &config->destinations[i];
        struct url url;

        if (!is_safe(to, &url)) { /* the host alone: a URL may hold a secret */
            buf_printf(&names, "%s" SPAN_FMT " (%s, " SPAN_FMT ")", count++ == 0 ? "" : ", ",
                       SPAN_ARG(to->name), to->type->name, SPAN_ARG(span_of(url.host)));
        }
    }
    if (count > 0 && is_read(config, topic)) {
        rc = FAIL(
            err, ERR_USAGE,
            "these events are invented, and would be delivered to %s%s. Nothing was produced. "
            "Deliver to `detour simulate tiktok` on a loopback address, set test_event_code of "
            "a tiktok destination, or say --yes to send them all the same",
            buf_text(&names), names.is_overflowed ? " and others" : "");
    }
    buf_fini(&names);
    return rc;
}
