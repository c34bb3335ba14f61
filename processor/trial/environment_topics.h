/** environment_topics - the sandbox's topics on a real Kafka, made at its start and removed at its
 * end.
 */
#ifndef TRIAL_ENVIRONMENT_TOPICS_H
#define TRIAL_ENVIRONMENT_TOPICS_H

#include "trial/environment.h"

/** environment->has_topics: there may be topics to remove, also on failure. */
NODISCARD enum err_code environment_topics_create(struct environment *environment, struct err *err);
/** Best effort; says on stderr what is left behind. */
void environment_topics_remove(const struct environment *environment);

#endif /* TRIAL_ENVIRONMENT_TOPICS_H */
