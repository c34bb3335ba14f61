/** check_online - what `detour check --online` asks the world. */
#ifndef APP_CHECK_ONLINE_H
#define APP_CHECK_ONLINE_H

#include "deliver/pipeline.h"
#include "kafka/topics.h"

/* One destination's credential. */
struct credential_check {
    struct span destination;
    bool is_accepted;
    char text[256]; /* what was found, in our words */
};

struct online_report {
    struct topic_report topics;
    struct credential_check *credentials; /* owned */
    size_t credential_count;
    bool is_unreachable; /* a broker, the registry or a destination did not answer */
};

/** Ask everything; what is wrong goes into @diags. */
void check_online(struct pipeline *pipeline, struct online_report *out, struct diags *diags);
void online_report_fini(struct online_report *report);

#endif /* APP_CHECK_ONLINE_H */
