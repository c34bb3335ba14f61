/**
 * absent - is a text only a missing value, written out?
 *
 * Pages, tag managers, exports and JavaScript write missing values as text: `undefined`, `null`,
 * `N/A`, or the placeholder of an ad platform that nobody filled in (`__CLICKID__`, `{{ttclid}}`).
 * This is the one notion of it, for everything that is taken out of an event: map:, body:, utm:,
 * event:, event_source_id. Conditions of a match do not use it: they are literal.
 *
 * Two kinds of text, since a person may be called Nil and a product None:
 *
 *    TEXT_CODE - ids, URLs, user agents, currencies, numbers: no real one is called `none`
 *    TEXT_FREE - names, places, titles, what somebody searched for: only what no person writes
 *
 * Pure; almost every text is decided by its first character.
 */
#ifndef BASE_ABSENT_H
#define BASE_ABSENT_H

#include "base/buf.h"

enum text_kind { TEXT_CODE, TEXT_FREE };

/** True also of no text, an empty one and blanks. */
bool text_is_absent(struct span text, enum text_kind kind);
/** The rules as Markdown (docs/mapping.md). */
void absent_document(struct buf *out);

#endif /* BASE_ABSENT_H */
