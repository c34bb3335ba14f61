/**
 * read_value - one value of the file by its row's type, bounds and words.
 *
 * Owns nothing; for the thread that loads the file. Errors go to the loader's diags.
 */
#ifndef CONFIG_READ_VALUE_H
#define CONFIG_READ_VALUE_H

#include "config/loader.h"

/** Onto @base at the row's offset; false (reported) leaves @base alone. Not for sections and
 * specials. */
bool read_value(struct loader *loader, const char *section, const struct config_option *option,
                const struct yaml_node *node, char *base);
/** "batch.linger", as a person would say it: the key with its section, without the star. */
const char *option_name(const char *section, const struct config_option *option, char out[96]);
/** "10ms..10m", or an empty text when anything goes. */
const char *option_bounds(const struct config_option *option, char out[80]);

#endif /* CONFIG_READ_VALUE_H */
