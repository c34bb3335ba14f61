/**
 * mask - which values of an event are personal data, and are not shown unless the operator says so.
 *
 * Hidden are: what a destination's map sends as data about the user; fields whose name, or the name
 * of a record around them, speaks of a person (email, phone, address, user, ...); texts that look
 * like an email address, a telephone number or an IP address wherever they stand. Of a URL the
 * query and the fragment are hidden. Shown in any case are the fields that `event:` names (type,
 * id, time, value, currency). It hides rather too much than too little, and is no proof.
 *
 * Ownership: borrows the pipeline. Immutable once made; any thread.
 */
#ifndef RECOVERY_MASK_H
#define RECOVERY_MASK_H

#include "deliver/pipeline.h"

struct mask;

struct mask *mask_new(const struct pipeline *pipeline);
void mask_free(struct mask *mask); /* may be NULL */
/** For value_to_masked_json(). */
struct json_mask mask_json(const struct mask *mask);
/** Whether @text looks like an email address, a telephone number or an IP address. */
bool mask_is_personal_text(struct span text);
/** Whether a field of this name speaks of a person. */
bool mask_is_personal_name(struct span name);

#endif /* RECOVERY_MASK_H */
