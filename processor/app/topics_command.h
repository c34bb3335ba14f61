/**
 * topics_command - `detour topics -c FILE`: shows the topics that a configuration needs, and
 * creates those that are missing.
 *
 * One thread. Exit code 1: a topic is missing; 2: wrong usage; 3: no broker answers.
 */
#ifndef APP_TOPICS_COMMAND_H
#define APP_TOPICS_COMMAND_H

#include <jansson.h>
#include <stdio.h>

#include "config/command.h"
#include "kafka/topics.h"

extern const struct command topics_command;

/** A table of at most 80 columns for people (longer names excepted). */
void topics_print(FILE *out, const struct topic_report *report);
/** An array of the same; the caller owns it. */
json_t *topics_json(const struct topic_report *report);

#endif /* APP_TOPICS_COMMAND_H */
