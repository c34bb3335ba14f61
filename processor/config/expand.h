/**
 * expand - ${NAME} and ${NAME:-default} within one text, from the environment.
 *
 * NAME alone must be set; with a default, unset and empty both give the default. Defaults
 * do not nest. $${ stands for a literal ${. The result is text, never YAML: what a variable
 * holds cannot add keys or lists to the file.
 *
 * It owns nothing and has no state; one thread, since it reads the environment.
 */
#ifndef CONFIG_EXPAND_H
#define CONFIG_EXPAND_H

#include "base/buf.h"
#include "base/err.h"

/** Whether @text holds anything that expand() would change. */
bool expand_is_needed(struct span text);
/** Append @text to @out with everything replaced; ERR_CONFIG says which variable and what to do.
 * ERR_LIMIT when @out is full. *@is_replaced: at least one value came from the environment. */
NODISCARD enum err_code expand(struct span text, struct buf *out, bool *is_replaced,
                               struct err *err);

#endif /* CONFIG_EXPAND_H */
