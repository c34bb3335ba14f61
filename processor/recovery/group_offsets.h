/**
 * group_offsets - what a consumer group has committed for partitions of a topic, and what its
 * metadata says is settled beyond it.
 *
 * Asks the group's coordinator; does not join the group. The caller's thread waits up to 10 s.
 * ERR_NET: no answer; ERR_STATE: the group must not be read.
 */
#ifndef RECOVERY_GROUP_OFFSETS_H
#define RECOVERY_GROUP_OFFSETS_H

#include "config/config.h"
#include "offsets/metadata.h"

struct group_offset {
    int32_t partition; /* which is asked for */
    int64_t offset;    /* -1: none */
    struct metadata metadata;
    enum metadata_sort sort;
};

struct group_client;

/** A client that asks for @group. */
NODISCARD enum err_code group_client_open(const struct config *config, struct span group,
                                          struct group_client **out, struct err *err);
/** Fill @offsets, whose metadata is to be freed with group_offsets_fini(). */
NODISCARD enum err_code group_offsets_ask(struct group_client *client, struct span topic,
                                          struct group_offset *offsets, size_t count,
                                          struct err *err);
/** How many partitions @topic has; 0: it is not there. */
NODISCARD enum err_code group_client_partitions(struct group_client *client, struct span topic,
                                                size_t *out, struct err *err);
/** The first offset that @partition holds, and behind its last. */
NODISCARD enum err_code group_client_bounds(struct group_client *client, struct span topic,
                                            int32_t partition, int64_t *first, int64_t *end,
                                            struct err *err);
void group_offsets_fini(struct group_offset *offsets, size_t count);
void group_client_close(struct group_client *client); /* may be NULL */

#endif /* RECOVERY_GROUP_OFFSETS_H */
