/**
 * replay - `detour replay`: sends dead letters, or a stretch of a source topic, through the
 * pipeline again (docs/replay.md). A table of its options and a function (config/command.h).
 */
#ifndef REPLAY_REPLAY_H
#define REPLAY_REPLAY_H

#include "config/command.h"

extern const struct command replay_command;
extern const struct command replay_list_command;
extern const struct command replay_cancel_command;

#endif /* REPLAY_REPLAY_H */
