#include "destinations/tiktok/options.h"

#include "config/loader.h"

#define AT(field) .offset = offsetof(struct config_destination, field)
#define OWN(field) .is_own = true, .offset = offsetof(struct tiktok_options, field)

enum { DAY_MS = 24 * 3600 * 1000 };

static void read_source_id(struct loader *loader, const struct config_option *option,
                           const struct yaml_node *node, struct place place, void *base)
{
    struct tiktok_options *options = base;
    const struct yaml_node *path;

    (void)place;
    if (node == NULL) {
        return;
    }
    options->event_source_place = node->place;
    if (node->kind != YAML_MAP) {
        (void)read_text(loader, node, "event_source_id", option->form, &options->event_source_id);
        return;
    }
    path = yaml_get(node, "path");
    if (path == NULL || node->count != 1) {
        diag_error(loader->diags, node->place, "event_source_id wants %s", option->form);
        return;
    }
    (void)read_text(loader, path, "event_source_id", "a path into the record",
                    &options->event_source_path);
    options->event_source_place = path->place;
}

static void check_country(struct loader *loader, const struct yaml_node *node)
{
    bool is_good = node->text.len == 2;

    for (size_t i = 0; i < node->text.len; i++) {
        char c = node->text.ptr[i];

        is_good = is_good && ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'));
    }
    if (!is_good) {
        diag_error(loader->diags, node->place,
                   "%s is not a country: two letters such as US, DE or JP", LOG_S(node->text));
    }
}

static const char *const source_words[] = {"web", "app", "offline", "crm", NULL};

static const struct config_option section[] = {
    {"url", "Scheme and host of the Events API; a path only if it is another than theirs.",
     OPTION_TEXT, 0, AT(url), .fallback = "https://business-api.tiktok.com"},
    {"event_source", "What kind of source the events are.", OPTION_CHOICE, 0, OWN(event_source),
     .choices = source_words, .fallback = "web"},
    {"event_source_id",
     "Pixel code, app id or event set id; {path: PATH} takes it from the event (an agency's many "
     "pixels).",
     OPTION_SPECIAL, 0, true, .is_own = true, .form = "text, or {path: PATH}",
     .read = read_source_id},
    {"access_token", "The Events API's long-term token.", OPTION_SECRET, 0, true,
     OWN(access_token)},
    {"test_event_code", "Sends everything to the Test Events tab instead.", OPTION_TEXT, 0,
     OWN(test_event_code)},
    {"partner_name", "The integrator's label TikTok gave you, if any.", OPTION_TEXT, 0,
     OWN(partner_name)},
    {"default_country",
     "Country (two letters) of phone numbers without a country code; without it they are left out.",
     OPTION_TEXT, 0, OWN(default_country), .check = check_country},
    {"events", "Our event names to theirs; what is not listed keeps its name.", OPTION_SPECIAL, 0,
     .form = "map: our name to theirs", .read = read_event_names},
    {"map", "Their field to where it comes from; changes single fields of the default map.",
     OPTION_MAP, 0, OWN(map)},
    {"codes", "Body code to verdict, over the default table: {50001: retry}.", OPTION_MAP, 0,
     OWN(codes)},

    {"max_age", "Older events take the next destination in the chain; 0s: no limit.",
     OPTION_DURATION, 0, AT(max_age_ms), .fallback = "6d", .max = 3650ull * DAY_MS},
};

static const struct config_option batch[] = {
    {"events", "Events of one request.", OPTION_COUNT, 0, AT(batch.events), .fallback = "1000",
     .min = 1, .max = 1000},
};

const struct config_section tiktok_sections[TIKTOK_SECTIONS] = {
    {"destinations.*", NULL, section, COUNT_OF(section)},
    {"destinations.*.batch", NULL, batch, COUNT_OF(batch)},
};

void tiktok_options_check(struct loader *loader, struct config_destination *destination)
{
    check_token(loader, tiktok_options_of(destination)->access_token,
                place_in(destination, NULL, "access_token"), "access_token");
}

void tiktok_options_free(void *own)
{
    secret_free(((struct tiktok_options *)own)->access_token);
}
