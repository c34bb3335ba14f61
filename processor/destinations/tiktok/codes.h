/**
 * codes - TikTok's return codes and what each means (reference 4.3).
 *
 * One table of defaults; `codes:` of the destination changes single entries. Nothing but 0 is
 * ever delivered. Read by answer.c only.
 */
#ifndef DESTINATIONS_TIKTOK_CODES_H
#define DESTINATIONS_TIKTOK_CODES_H

#include "destinations/tiktok/answer.h"

enum {
    CODE_OK = 0,
    CODE_PARTIAL_OK = 20001,
    CODE_NO_PERMISSION = 40001, /* of this token on this source */
    CODE_PARAM_ERROR = 40002,
};

struct code_meaning {
    enum verdict verdict;
    enum answer_scope scope; /* EACH for 20001, SPLIT where an event is at fault, GROUP where the
 source id of the events is not the token's, else BATCH */
    const char *name;        /* for people; static */
    bool names_event;        /* its message may name the item and the field that are at fault */
};

struct code_meaning tiktok_code_meaning(const struct tiktok_codes *codes, int32_t code);

/** {path: ...}: the source id is the events' own, so that a wrong one is their fault. */
bool tiktok_codes_is_source_from_event(const struct tiktok_codes *codes);

#endif /* DESTINATIONS_TIKTOK_CODES_H */
