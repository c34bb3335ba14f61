#include "destinations/tiktok/say.h"

#include "base/json.h"

const char tiktok_gateway_page[] =
    "<html>\n<head><title>502 Bad Gateway</title></head>\n"
    "<body><center><h1>502 Bad Gateway</h1></center><hr><center>nginx</center></body>\n</html>\n";

static const struct {
    int32_t code;
    const char *text;
} texts[] = {
    {0, "OK"},
    {20001, "Partial success"},
    {40001, "No permission to operate this event source."},
    {40002, "Invalid value for data: not a valid object."},
    {40016, "Too many requests. Please retry in some time."},
    {40100, "Too many requests. Please retry in some time."},
    {40102, "Access token has expired."},
    {40104, "Access token is empty"},
    {40105, "Access token is incorrect or has been revoked."},
    {40132, "Requests made too frequently."},
    {40133, "Requests made too frequently."},
    {40400, "Route not found."},
    {50000, "System error. Please try again later."},
    {50002, "Request timed out"},
    {60001, "Service under maintenance."},
    {61000, "Too many requests. Please retry in some time."},
};

static const char *text_of(int32_t code)
{
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        if (texts[i].code == code) {
            return texts[i].text;
        }
    }
    return code >= 50000 ? "Internal error." : "Request refused.";
}

static void begin(const struct tiktok_saying *saying, struct buf *out)
{
    const char *text = saying->text != NULL ? saying->text : text_of(saying->code);

    buf_printf(out, "{\"code\": %d, \"message\": ", (int)saying->code);
    buf_add_json_string(out, span_of(text));
    buf_printf(out, ", \"request_id\": \"%s\", \"data\": {", saying->request_id);
}

void tiktok_say(const struct tiktok_saying *saying, struct buf *out)
{
    begin(saying, out);
    buf_add_text(out, "}}");
}

void tiktok_say_partial(const struct tiktok_saying *saying, struct buf *out)
{
    begin(saying, out);
    buf_add_text(out, "\"failed_events\": [");
}

void tiktok_say_refused(struct buf *out, size_t nth, size_t index, struct span event_id,
                        int32_t code)
{
    buf_printf(out, "%s{\"index\": %zu", nth == 0 ? "" : ", ", index);
    if (event_id.ptr != NULL) {
        buf_add_text(out, ", \"event_id\": ");
        buf_add_json_string(out, event_id);
    }
    buf_printf(out, ", \"code\": %d, \"message\": \"invalid content_id\"}", (int)code);
}

void tiktok_say_end(struct buf *out)
{
    buf_add_text(out, "]}}");
}
