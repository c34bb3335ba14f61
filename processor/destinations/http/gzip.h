/** gzip - a body compressed in place (RFC 1952). */
#ifndef DESTINATIONS_HTTP_GZIP_H
#define DESTINATIONS_HTTP_GZIP_H

#include "base/buf.h"

/** Replace all of @body. What does not get smaller is still wrapped: a header said that it is. */
void gzip_buf(struct buf *body);

#endif /* DESTINATIONS_HTTP_GZIP_H */
