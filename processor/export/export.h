/**
 * export - `detour export`: diverted or dead-lettered events as files, for an upload by hand.
 *
 * Main thread. Nothing is sent and nothing in a topic is changed; what is exported stands on the
 * ledger (docs/export.md).
 */
#ifndef EXPORT_EXPORT_H
#define EXPORT_EXPORT_H

#include "config/command.h"

extern const struct command export_command;

#endif /* EXPORT_EXPORT_H */
