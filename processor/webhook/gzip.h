/** gzip - a body compressed in place (RFC 1952). */
#ifndef WEBHOOK_GZIP_H
#define WEBHOOK_GZIP_H

#include "base/buf.h"

/** Replace all of @body. What does not get smaller is still wrapped: a header said that it is. */
void gzip_buf(struct buf *body);

#endif /* WEBHOOK_GZIP_H */
