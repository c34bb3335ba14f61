/**
 * watermarks - first and last offset of partitions, asked of their leaders (kafka room only).
 *
 * rd_kafka_query_watermark_offsets() of librdkafka before 2.3 heeds no timeout: a question to a
 * leader that died meanwhile is waited for until that broker comes back, and the thread with it.
 * The request for offsets by time asks the same, and ends in time.
 *
 * Threads: any; the caller waits up to the timeout. Errors: librdkafka's codes.
 *
 * Owns nothing: the caller's client is used.
 */
#ifndef KAFKA_WATERMARKS_H
#define KAFKA_WATERMARKS_H

#include <librdkafka/rdkafka.h>

#include "base/base.h"

/** The end of @partition as the client's isolation level sees it. */
NODISCARD rd_kafka_resp_err_t watermarks_end(rd_kafka_t *rk, const char *topic, int32_t partition,
                                             int64_t *end, uint64_t wait_ms);
/** Its first offset as well. */
NODISCARD rd_kafka_resp_err_t watermarks_ask(rd_kafka_t *rk, const char *topic, int32_t partition,
                                             int64_t *low, int64_t *high, uint64_t wait_ms);

#endif /* KAFKA_WATERMARKS_H */
