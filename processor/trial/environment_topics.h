/** environment_topics - the sandbox's topics on a real Kafka, made at its start and removed at its
 * end.
 */
#ifndef TRIAL_ENVIRONMENT_TOPICS_H
#define TRIAL_ENVIRONMENT_TOPICS_H

#include "base/err.h"
#include "config/config.h"

/** *@may_exist: there may be topics to remove, also on failure. */
NODISCARD enum err_code environment_topics_create(const struct config *config, bool *may_exist,
                                                  struct err *err);
/** Best effort; says on stderr what is left behind. */
void environment_topics_remove(const struct config *config, const char *prefix, const char *group);

#endif /* TRIAL_ENVIRONMENT_TOPICS_H */
