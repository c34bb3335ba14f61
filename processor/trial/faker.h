/**
 * faker - a value of any Avro type: what the configuration knows a field by comes from the session,
 * everything else follows from the type alone.
 *
 * Follows the type graph with bounds: below FAKER_DEPTH levels, or when it has become large, unions
 * take null and lists stay empty; a value of more than FAKER_ITEMS parts is refused.
 */
#ifndef TRIAL_FAKER_H
#define TRIAL_FAKER_H

#include "base/arena.h"
#include "base/err.h"
#include "schema/schema.h"
#include "schema/value.h"
#include "trial/session.h"

enum { FAKER_DEPTH = 24, FAKER_ITEMS = 50000 };

/** The value lives as long as what is in @arena and @session does. ERR_LIMIT when the schema's
 * smallest value is too large. */
NODISCARD enum err_code faker_value(const struct field_hints *hints, struct session *session,
                                    struct arena *arena, const struct type *type, struct value *out,
                                    struct err *err);

#endif /* TRIAL_FAKER_H */
