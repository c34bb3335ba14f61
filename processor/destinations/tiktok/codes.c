#include "destinations/tiktok/codes.h"

#include <stdlib.h>

#include "base/mem.h"
#include "destinations/tiktok/options.h"

enum { UNLISTED_SERVER_FROM = 50000 };

/* Who is at fault decides what to do. */
enum fault {
    FAULT_NONE,
    FAULT_EVENT,    /* an event of the batch: isolate it */
    FAULT_SERVICE,  /* passes: back off */
    FAULT_RATE,     /* asks for less */
    FAULT_OPERATOR, /* credential, configuration, path: nobody's event; a person must act */
    FAULT_PARTIAL,
};

/* By code, for the binary search. */
static const struct code_row {
    int32_t first, last;
    enum fault fault;
    const char *name;
} rows[] = {
    {0, 0, FAULT_NONE, "OK"},
    {20001, 20001, FAULT_PARTIAL, "PARTIAL_OK"},
    {40000, 40000, FAULT_EVENT, "INVALID_PARAMS"},
    {40001, 40001, FAULT_OPERATOR, "PERMISSION_ERROR"},
    {40002, 40002, FAULT_EVENT, "PARAM_ERROR"},
    {40003, 40003, FAULT_OPERATOR, "FORBIDDEN"},
    {40006, 40006, FAULT_OPERATOR, "VERSION_ERROR"},
    {40007, 40007, FAULT_OPERATOR, "NOT_EXIST"},
    {40008, 40008, FAULT_EVENT, "NOT_IMPL"},
    {40009, 40009, FAULT_OPERATOR, "UNSUPPORTED_IN_SANDBOX"},
    {40010, 40010, FAULT_OPERATOR, "UNSUPPORTED_DOMAIN"},
    {40011, 40011, FAULT_EVENT, "ID_LIMIT_EXCEED"},
    {40012, 40012, FAULT_EVENT, "NO_UPDATE"},
    {40013, 40013, FAULT_OPERATOR, "SANDBOX_ADV_NOT_EXIST"},
    {40016, 40016, FAULT_RATE, "BIZ_FC_ERROR"},
    {40050, 40050, FAULT_EVENT, "DUPLICATED_REQUEST"},
    {40051, 40051, FAULT_OPERATOR, "INVALID_API_VERSION"},
    {40061, 40061, FAULT_EVENT, "INVALID_BATCH_SIZE"},
    {40062, 40062, FAULT_EVENT, "PII_NOT_HASHED"},
    {40063, 40063, FAULT_OPERATOR, "INVALID_PARTNER_NAME"},
    {40100, 40100, FAULT_RATE, "REQUEST_TOO_FREQUENT"},
    {40101, 40101, FAULT_OPERATOR, "INVALID_PARTNER"},
    {40102, 40102, FAULT_OPERATOR, "ACCESS_TOKEN_EXPIRE"},
    {40103, 40103, FAULT_OPERATOR, "REFRESH_TOKEN_EXPIRE"},
    {40104, 40104, FAULT_OPERATOR, "EMPTY_ACCESS_TOKEN"},
    {40105, 40105, FAULT_OPERATOR, "INVALID_ACCESS_TOKEN"},
    {40106, 40106, FAULT_OPERATOR, "INVALID_CORE_USER"},
    {40107, 40107, FAULT_OPERATOR, "INVALID_REFRESH_TOKEN"},
    {40108, 40110, FAULT_OPERATOR, "OAUTH_ERROR"},
    {40112, 40112, FAULT_OPERATOR, "OAUTH_ERROR"},
    {40113, 40113, FAULT_OPERATOR, "APP_FORBIDDEN"},
    {40114, 40114, FAULT_OPERATOR, "ADVERTISER_LOGOUT"},
    {40115, 40115, FAULT_OPERATOR, "AUTH_TIMESTAMP_EXPIRED"},
    {40116, 40116, FAULT_OPERATOR, "BAD_SIGNATURE"},
    {40117, 40117, FAULT_OPERATOR, "APP_METHOD_FORBIDDEN"},
    {40118, 40118, FAULT_OPERATOR, "NOT_IN_WHITELIST"},
    {40119, 40119, FAULT_OPERATOR, "NOT_SAME_IDENTITY"},
    {40124, 40124, FAULT_OPERATOR, "DEVELOPER_REJECTED"},
    {40125, 40125, FAULT_OPERATOR, "DEVELOPER_NO_PERMISSION"},
    {40130, 40130, FAULT_OPERATOR, "SCOPE_NOT_AUTHORIZED"},
    {40131, 40131, FAULT_OPERATOR, "USER_OAUTH_FAILED"},
    {40132, 40132, FAULT_RATE, "REQUEST_FREQUENCY_LIMITED"},
    {40133, 40133, FAULT_RATE, "ADVERTISER_TOO_FREQUENT"},
    {40200, 40200, FAULT_SERVICE, "TASK_ERROR"},
    {40201, 40201, FAULT_SERVICE, "TASK_NOT_READY"},
    {40202, 40202, FAULT_SERVICE, "WRITE_CONFLICT"},
    {40300, 40302, FAULT_OPERATOR, "ADVERTISER_ERROR"},
    {40309, 40309, FAULT_OPERATOR, "REQUIRE_LOGIN"},
    {40400, 40400, FAULT_OPERATOR, "ROUTE_NOT_FOUND"},
    {40700, 40700, FAULT_EVENT, "RPC_VALIDATION_ERROR"},
    {41000, 41000, FAULT_OPERATOR, "BLOCKED"},
    {41001, 41001, FAULT_OPERATOR, "INTERFACE_OFFLINE"},
    {41002, 41002, FAULT_EVENT, "FIELDS_OFFLINE"},
    {50000, 50000, FAULT_SERVICE, "SYS_ERROR"},
    {50002, 50002, FAULT_SERVICE, "SYS_TIMEOUT"},
    {51000, 51000, FAULT_SERVICE, "RPC_ERROR"},
    {51001, 51009, FAULT_SERVICE, "INTERNAL_SERVICE_ERROR"},
    {51010, 51010, FAULT_SERVICE, "INTERNAL_TIME_OUT"},
    {51011, 51011, FAULT_SERVICE, "INTERNAL_SERVICE_ERROR"},
    {51012, 51012, FAULT_SERVICE, "PIXEL_ERROR"},
    {51013, 51053, FAULT_SERVICE, "INTERNAL_SERVICE_ERROR"},
    {51054, 51054, FAULT_SERVICE, "CRM_ERROR"},
    {51055, 51099, FAULT_SERVICE, "INTERNAL_SERVICE_ERROR"},
    {52000, 52003, FAULT_SERVICE, "STORAGE_ERROR"},
    {52100, 52103, FAULT_SERVICE, "STORAGE_ERROR"},
    {52201, 52204, FAULT_SERVICE, "STORAGE_ERROR"},
    {53102, 53103, FAULT_SERVICE, "SERIALISATION_ERROR"},
    {60001, 60001, FAULT_SERVICE, "MAINTENANCE"},
    {61000, 61000, FAULT_RATE, "TOO_MANY_REQUESTS_BL"},
    {70001, 70001, FAULT_OPERATOR, "INVALID_BIZ_AUTH_TYPE"},
};

struct override {
    int32_t code;
    enum verdict verdict;
};

struct tiktok_codes {
    struct override *overrides; /* owned, by code */
    size_t count;
    bool is_source_from_event;
};

static int compare_override(const void *a, const void *b)
{
    int32_t left = ((const struct override *)a)->code;
    int32_t right = ((const struct override *)b)->code;

    return (left > right) - (left < right);
}

/* False with a diagnostic when @word is not what a code may mean. */
static bool read_meaning(const struct yaml_node *node, enum verdict *out, struct diags *diags)
{
    static const char *const words[] = {"rejected", "retry", "throttled", "hold", "unknown"};
    static const enum verdict verdicts[] = {VERDICT_REJECTED, VERDICT_RETRY, VERDICT_THROTTLED,
                                            VERDICT_HOLD, VERDICT_UNKNOWN};
    const char *near;

    if (node->kind != YAML_SCALAR) {
        diag_error(diags, node->place,
                   "a code means one of rejected, retry, throttled, hold, unknown");
        return false;
    }
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (span_is(node->text, words[i])) {
            *out = verdicts[i];
            return true;
        }
    }
    if (span_is(node->text, "delivered")) {
        diag_error(diags, node->place,
                   "only code 0 is delivered; this one can be rejected, retry, "
                   "throttled, hold or unknown");
        return false;
    }
    near = suggest(node->text, words, COUNT_OF(words));
    diag_error(diags, node->place,
               "not what a code can mean (rejected, retry, throttled, hold, unknown)%s",
               did_you_mean(near).text);
    return false;
}

static void read_override(struct tiktok_codes *codes, const struct yaml_pair *pair,
                          struct diags *diags)
{
    struct override entry = {0};
    int64_t code;

    if (!span_to_i64(pair->key, &code) || code <= INT32_MIN || code > INT32_MAX) {
        diag_error(diags, pair->place, "codes: takes return codes, whole numbers such as 50001");
        return;
    }
    if (code == CODE_OK) {
        diag_error(diags, pair->place, "code 0 is delivered; that cannot be changed");
        return;
    }
    entry.code = (int32_t)code;
    if (!read_meaning(pair->value, &entry.verdict, diags)) {
        return;
    }
    for (size_t i = 0; i < codes->count; i++) {
        if (codes->overrides[i].code == entry.code) {
            diag_error(diags, pair->place, "code %d stands here twice", (int)entry.code);
            return;
        }
    }
    codes->overrides[codes->count++] = entry;
}

struct tiktok_codes *tiktok_codes_compile(const struct config_destination *destination,
                                          struct diags *diags)
{
    PRE(destination != NULL);
    PRE(diags != NULL);

    const struct tiktok_options *options = tiktok_options_of(destination);
    struct tiktok_codes *codes = mem_new(struct tiktok_codes);
    const struct yaml_node *node = options->codes;

    codes->is_source_from_event = options->event_source_path.len > 0;
    if (node == NULL || yaml_is_null(node)) {
        return codes;
    }
    if (node->kind != YAML_MAP) {
        diag_error(diags, node->place,
                   "codes: is a map from a return code to what it means, such "
                   "as {50001: retry}");
        return codes;
    }
    codes->overrides = mem_array(node->count + 1, struct override);
    for (size_t i = 0; i < node->count; i++) {
        read_override(codes, &node->pairs[i], diags);
    }
    qsort(codes->overrides, codes->count, sizeof(codes->overrides[0]), compare_override);
    return codes;
}

void tiktok_codes_free(struct tiktok_codes *codes)
{
    if (codes != NULL) {
        free(codes->overrides);
        free(codes);
    }
}

bool tiktok_codes_is_source_from_event(const struct tiktok_codes *codes)
{
    return codes->is_source_from_event;
}

static int compare_row(const void *key, const void *row)
{
    int32_t code = *(const int32_t *)key;
    const struct code_row *r = row;

    return code < r->first ? -1 : code > r->last ? 1 : 0;
}

static struct code_meaning meaning_of_fault(enum fault fault)
{
    switch (fault) {
    case FAULT_NONE:
        return (struct code_meaning){.verdict = VERDICT_DELIVERED, .scope = SCOPE_BATCH};
    case FAULT_PARTIAL:
        return (struct code_meaning){.verdict = VERDICT_DELIVERED, .scope = SCOPE_EACH};
    case FAULT_EVENT:
        return (struct code_meaning){.verdict = VERDICT_REJECTED, .scope = SCOPE_SPLIT};
    case FAULT_SERVICE:
        return (struct code_meaning){.verdict = VERDICT_RETRY, .scope = SCOPE_BATCH};
    case FAULT_RATE:
        return (struct code_meaning){.verdict = VERDICT_THROTTLED, .scope = SCOPE_BATCH};
    case FAULT_OPERATOR:
        return (struct code_meaning){.verdict = VERDICT_HOLD, .scope = SCOPE_BATCH};
    }
    return (struct code_meaning){.verdict = VERDICT_UNKNOWN, .scope = SCOPE_SPLIT};
}

struct code_meaning tiktok_code_meaning(const struct tiktok_codes *codes, int32_t code)
{
    const struct code_row *row = bsearch(&code, rows, COUNT_OF(rows), sizeof(rows[0]), compare_row);
    const struct override key = {.code = code};
    const struct override *override = codes->count == 0
                                          ? NULL
                                          : bsearch(&key, codes->overrides, codes->count,
                                                    sizeof(codes->overrides[0]), compare_override);
    struct code_meaning out;

    if (row != NULL) {
        out = meaning_of_fault(row->fault);
    } else if (code >= UNLISTED_SERVER_FROM) {
        out = meaning_of_fault(FAULT_SERVICE);
    } else {
        out = (struct code_meaning){.verdict = VERDICT_UNKNOWN, .scope = SCOPE_SPLIT};
    }
    if (override != NULL) {
        bool is_one_events =
            override->verdict == VERDICT_REJECTED || override->verdict == VERDICT_UNKNOWN;

        out.verdict = override->verdict;
        out.scope = is_one_events ? SCOPE_SPLIT : SCOPE_BATCH;
    }
    if (code == CODE_NO_PERMISSION && out.verdict == VERDICT_HOLD && codes->is_source_from_event) {
        out.scope = SCOPE_GROUP; /* the token may be right, and only this pixel not its own */
    }
    out.name = row == NULL ? "not a known code" : row->name;
    out.names_event = out.verdict == VERDICT_REJECTED && out.scope == SCOPE_SPLIT;
    return out;
}
