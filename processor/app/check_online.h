/**
 * check_online - the requests of `detour check --online`: brokers, topics, rights, registry and
 * credentials.
 *
 * It blocks the calling thread; each request has a time-out. The caller owns the report. A refusal
 * is a diag; a service that does not answer sets is_unreachable (exit code 3).
 */
#ifndef APP_CHECK_ONLINE_H
#define APP_CHECK_ONLINE_H

#include <jansson.h>
#include <stdio.h>

#include "deliver/pipeline.h"
#include "kafka/topics.h"
#include "kafka/topics_rights.h"

/* One destination's credential. */
enum credential_state { CREDENTIAL_REFUSED, CREDENTIAL_ACCEPTED, CREDENTIAL_UNASKED };

struct credential_check {
    struct span destination;
    enum credential_state state;
    char text[256]; /* what was found, in our words */
};

struct online_report {
    struct topic_report topics;
    struct topic_rights rights;
    struct credential_check *credentials; /* owned */
    size_t credential_count;
    bool is_unreachable; /* a broker, the registry or a destination did not answer */
};

/** Ask everything; what is wrong goes into @diags. */
void check_online(struct pipeline *pipeline, struct online_report *out, struct diags *diags);
/** What was asked and what came back, in at most 80 columns where names allow it. */
void online_report_print(FILE *out, const struct online_report *report);
/** Add the same to @document: topics, permissions, credentials. */
void online_report_json(const struct online_report *report, json_t *document);
void online_report_fini(struct online_report *report);

#endif /* APP_CHECK_ONLINE_H */
