/**
 * constraint - what two conditions on the same subject say about each other.
 *
 * Both are asked at the places that tell their answers apart: the subject missing, each literal of
 * either, just below and just above it. Between two neighbouring literals nothing changes. Where
 * literals can be read in two ways (text or number) or are rounded (single precision), or where a
 * regular expression meets other texts than literals, the answer is MAYBE, and nothing is claimed.
 * For the analysis of a table when it is compiled; any thread.
 *
 * Owns nothing; nothing fails.
 */
#ifndef MATCH_CONSTRAINT_H
#define MATCH_CONSTRAINT_H

#include "match/condition.h"

/** No event satisfies both: proved. */
bool conditions_exclude(const struct condition *a, const struct condition *b);
/** Whatever satisfies @a satisfies @b: proved. */
bool condition_implies(const struct condition *a, const struct condition *b);

#endif /* MATCH_CONSTRAINT_H */
