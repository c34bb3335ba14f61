/* Any bytes as an answer: nothing is delivered without an integer code 0, and nothing of the
 * answer gets into what is logged or written into headers but an id and known field names. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "destinations/tiktok/answer.h"
#include "fuzz_check.h"

enum { EVENTS = 4 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const struct span ids[EVENTS] = {{"m-1", 3}, {"m-2", 3}, {"twice", 5}, {"twice", 5}};

/* What the body says, read once more without our code. */
static bool says_delivered(struct span body)
{
    json_t *root = json_loadb(body.ptr, body.len, JSON_REJECT_DUPLICATES, NULL);
    const json_t *code = json_object_get(root, "code");
    bool is_zero = json_is_integer(code) && json_integer_value(code) == 0;

    json_decref(root);
    return is_zero;
}

static void check_text(const char *text, size_t bytes)
{
    size_t len = strnlen(text, bytes);

    CHECK(len < bytes);
    for (size_t i = 0; i < len; i++) {
        CHECK(text[i] >= ' ' && text[i] <= '~');
    }
}

/* An item is named by the service's own words: by what stands before any quotation mark. */
static bool names_item_unquoted(struct span body)
{
    json_t *root = json_loadb(body.ptr, body.len, JSON_REJECT_DUPLICATES, NULL);
    const char *message = json_string_value(json_object_get(root, "message"));
    bool is_good = message != NULL;

    if (is_good) {
        size_t quote = strcspn(message, "\"'");
        size_t index = strcspn(message, "0123456789");

        is_good = index < quote && index < strcspn(message, ":");
    }
    json_decref(root);
    return is_good;
}

static void check(struct span body, const struct answer *answer, const struct item_result *each)
{
    CHECK(answer->verdict < VERDICT_COUNT);
    check_text(answer->text, sizeof(answer->text));
    check_text(answer->request_id, sizeof(answer->request_id));
    if (answer->scope == SCOPE_ITEM) {
        CHECK(answer->item < EVENTS);
        CHECK(answer->verdict == VERDICT_REJECTED);
        CHECK(names_item_unquoted(body));
    }
    if (answer->scope == SCOPE_EACH) {
        CHECK(answer->code == 20001);
        for (size_t i = 0; i < EVENTS; i++) {
            CHECK(each[i].verdict < VERDICT_COUNT);
        }
    } else if (answer->verdict == VERDICT_DELIVERED) {
        CHECK(says_delivered(body));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct tiktok_options options;
    static const struct config_destination plain = {.name = {"tiktok", 6}, .own = &options};
    static const int statuses[] = {200, 0, 302, 400, 401, 413, 429, 500, 503};
    static struct tiktok_codes *codes;
    struct item_result each[EVENTS];
    struct answer_batch batch = {.event_ids = ids, .count = EVENTS, .each = each};
    struct answer answer;
    struct span body;
    struct diags diags;

    if (codes == NULL) {
        diags_init(&diags);
        codes = tiktok_codes_compile(&plain, &diags);
        diags_fini(&diags);
    }
    if (len == 0) {
        return 0;
    }
    body = (struct span){(const char *)data + 1, len - 1};
    memset(each, 0xa5, sizeof(each));
    tiktok_answer_read(codes, statuses[data[0] % COUNT_OF(statuses)], body, &batch, &answer);
    check(body, &answer, each);
    return 0;
}
