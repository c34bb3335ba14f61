/**
 * guard - may invented events go where this configuration delivers to?
 *
 * A destination is safe when it is on this machine (a loopback address), or one whose
 * service is told that these are trials (test_event_code of type tiktok). Topics are not asked
 * about: they receive what is produced onto Kafka anyway.
 */
#ifndef TRIAL_GUARD_H
#define TRIAL_GUARD_H

#include "config/config.h"

/** ERR_USAGE: names the destinations that would receive events of @topic, and the ways out. */
NODISCARD enum err_code guard_generate(const struct config *config, struct span topic,
                                       struct err *err);

#endif /* TRIAL_GUARD_H */
