/** document - docs/mapping.md, written from the tables of this room and base/absent. */
#ifndef DESTINATIONS_TIKTOK_DOCUMENT_H
#define DESTINATIONS_TIKTOK_DOCUMENT_H

#include "base/buf.h"

/** The default map and every field there is, as Markdown. */
void mapping_document(struct buf *out);

#endif /* DESTINATIONS_TIKTOK_DOCUMENT_H */
