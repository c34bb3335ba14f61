/**
 * topic_reader - reads the alternate and the dead-letter topic as they are written, and tells
 * the audit which source record each of theirs came from, and why.
 *
 * Reads on its own, not in a group, from the beginning. A gap in the offsets means that
 * the broker dropped records before they were read: then nothing can be proved. One thread.
 */
#ifndef TRIAL_TOPIC_READER_H
#define TRIAL_TOPIC_READER_H

#include "base/err.h"
#include "config/config.h"
#include "trial/audit.h"

struct topic_reader;

/** Keeps @audit and the two names. ERR_NET when the topics cannot be read. */
NODISCARD enum err_code topic_reader_open(const struct config *config, const char *alternate,
                                          const char *dead_letter, struct audit *audit,
                                          struct topic_reader **out, struct err *err);
/** Take what is there, a bounded amount. */
void topic_reader_turn(struct topic_reader *reader);
/** Read on to the present end of both topics. ERR_NET when that is not reached within
 * @timeout_ms, ERR_DATA when the broker dropped records unread. */
NODISCARD enum err_code topic_reader_finish(struct topic_reader *reader, uint64_t timeout_ms,
                                            struct err *err);
void topic_reader_close(struct topic_reader *reader);

#endif /* TRIAL_TOPIC_READER_H */
