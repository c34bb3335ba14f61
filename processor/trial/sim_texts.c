#include "trial/sim_texts.h"

const char sim_gateway_page[] =
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

const char *sim_code_text(int32_t code)
{
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        if (texts[i].code == code) {
            return texts[i].text;
        }
    }
    return code >= 50000 ? "Internal error." : "Request refused.";
}
