/** document - docs/mapping.md, written from the tables of this room and base/absent. */
#ifndef TIKTOK_DOCUMENT_H
#define TIKTOK_DOCUMENT_H

#include "base/buf.h"

/** The default map and every field there is, as Markdown. */
void mapping_document(struct buf *out);

#endif /* TIKTOK_DOCUMENT_H */
