/* A condition that no event satisfies, whatever else a match asks for. */
#include "route/reach.h"

static bool holds_when_missing(const struct condition *condition)
{
    struct seen seen = {.kind = SEEN_MISSING};

    return condition_holds(condition, &seen);
}

static bool holds_for(const struct condition *condition, struct span text)
{
    struct seen seen = {.kind = SEEN_TEXT, .text = text};

    return condition_holds(condition, &seen);
}

static bool holds_for_some_topic(const struct condition *condition, const struct config *config)
{
    bool is_found = config->kafka.topic_count == 0; /* none could be read */

    for (size_t i = 0; i < config->kafka.topic_count && !is_found; i++) {
        is_found = holds_for(condition, config->kafka.topics[i]);
    }
    return is_found;
}

/* With {record: name} a record's name is the event type of all its events. */
static bool holds_for_some_record(const struct condition *condition, const struct type *root)
{
    if (root->kind != TYPE_UNION) {
        return holds_for(condition, event_record_name(root, NULL));
    }
    for (size_t i = 0; i < root->branch_count; i++) {
        if (holds_for(condition, event_record_name(root->branches[i], NULL))) {
            return true;
        }
    }
    return false;
}

/* Can an event of @reader satisfy @condition? */
static bool can_hold(const struct subjects *subjects, const struct condition *condition,
                     size_t reader)
{
    const struct subject *subject = condition->subject;

    if (condition->op == OP_MISSING) {
        return !subject_is_certain(subject, reader);
    }
    switch (subject->kind) {
    case SUBJECT_TOPIC:
        return holds_for_some_topic(condition, subjects->config);
    case SUBJECT_EVENT:
        return !subjects->config->event.is_type_record_name ||
               holds_for_some_record(condition, subjects->readers->schemas[reader]->root);
    case SUBJECT_PATH:
    case SUBJECT_PARAMETER:
        return subject->types[reader] != NULL || holds_when_missing(condition);
    case SUBJECT_KEY:
    case SUBJECT_AGE:
    case SUBJECT_HEADER:
        break;
    }
    return true;
}

/* The condition that no event of @reader satisfies. Where that is its type, this record is not
 * meant at all. */
static const struct condition *find_failed(const struct subjects *subjects,
                                           const struct condition *const *conditions, size_t count,
                                           size_t reader)
{
    const struct condition *failed = NULL;

    for (size_t i = 0; i < count; i++) {
        if (can_hold(subjects, conditions[i], reader)) {
            continue;
        }
        if (conditions[i]->subject->kind == SUBJECT_EVENT) {
            return conditions[i];
        }
        failed = failed == NULL ? conditions[i] : failed;
    }
    return failed;
}

const struct condition *conditions_never_hold(const struct subjects *subjects,
                                              const struct condition *const *conditions,
                                              size_t count)
{
    const struct condition *blamed = NULL;

    for (size_t reader = 0; reader < subjects->readers->count; reader++) {
        const struct condition *failed = find_failed(subjects, conditions, count, reader);

        if (failed == NULL) {
            return NULL;
        }
        if (blamed == NULL || blamed->subject->kind == SUBJECT_EVENT) {
            blamed = failed;
        }
    }
    return blamed;
}

const char *never_reason(const struct condition *condition)
{
    if (condition->op == OP_MISSING) {
        return "it is never missing";
    }
    if (condition->subject->kind == SUBJECT_TOPIC) {
        return "no topic of kafka.topics is that";
    }
    return condition->subject->kind == SUBJECT_EVENT ? "no record is called so"
                                                     : "the records it takes have no such field";
}
