/**
 * terminal - what may be drawn on a stream: on a terminal what is redrawn in place and, unless
 * NO_COLOR says no, in colour; into a file or a pipe plain lines alone. No state; any thread.
 */
#ifndef BASE_TERMINAL_H
#define BASE_TERMINAL_H

#include <stdio.h>

#include "base/base.h"

/** A terminal that can move its cursor (TERM is neither unset nor "dumb"). */
bool terminal_is_live(FILE *stream);
/** Such a terminal, and NO_COLOR is unset or empty. */
bool terminal_is_coloured(FILE *stream);

#endif /* BASE_TERMINAL_H */
