/** sim_texts - what the Events API and its gateway say, word for word where it is known. */
#ifndef TRIAL_SIM_TEXTS_H
#define TRIAL_SIM_TEXTS_H

#include "base/base.h"

extern const char sim_gateway_page[];
/** The service's text for @code; never NULL. */
const char *sim_code_text(int32_t code);

#endif /* TRIAL_SIM_TEXTS_H */
