/** options - the rows of options.h that only sections of type http have, and their checks. */
#ifndef DESTINATIONS_HTTP_OPTIONS_H
#define DESTINATIONS_HTTP_OPTIONS_H

#include "config/options.h"

enum { HTTP_SECTIONS = 7 };
extern const struct config_section http_sections[HTTP_SECTIONS];

option_check_fn check_header_name;
/** What only shows when the whole section is read: auth, TLS, headers that are not theirs to set, a
 * format that does not go with the batch. */
void http_options_check(struct loader *loader, struct config_destination *destination);

#endif /* DESTINATIONS_HTTP_OPTIONS_H */
