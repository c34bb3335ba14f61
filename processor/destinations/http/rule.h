/**
 * rule - one compiled rule of `verdicts:`. Inside this room only: rule.c reads rules, verdicts.c
 * applies them. Made at the start, owned by the compiled destination, then immutable: all workers
 * share them. An error in a rule is a diag with its place.
 */
#ifndef DESTINATIONS_HTTP_RULE_H
#define DESTINATIONS_HTTP_RULE_H

#include "destinations/http/options.h"
#include "destinations/http/pointer.h"
#include "event/verdict.h"
#include "match/condition.h"

enum { STATUS_MIN = 100, STATUS_MAX = 999, STATUS_WORDS = 15 };

/* One bit for each status. */
struct status_set {
    uint64_t words[STATUS_WORDS];
};

/* What a header, or what a pointer leads to, has to be: any of the conditions. */
struct test {
    struct subject subject; /* what conditions are said to be about */
    struct pointer pointer; /* JSON only */
    struct condition *any;  /* owned */
    size_t count;
};

struct rule {
    struct status_set status;
    struct test *headers; /* owned; all of them */
    size_t header_count;
    struct test *json; /* owned; all of them */
    size_t json_count;
    enum verdict verdict;
    struct place place;
};

bool status_has(const struct status_set *set, int status);
/** False with errors in @diags. */
bool rule_compile(const struct http_verdict *config, struct rule *out, struct diags *diags);
void rule_fini(struct rule *rule);

#endif /* DESTINATIONS_HTTP_RULE_H */
