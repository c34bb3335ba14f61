/**
 * probe - is the token accepted? Asked by a request without events: it delivers nothing, and is
 * answered only after the token was looked at.
 */
#ifndef DESTINATIONS_TIKTOK_PROBE_H
#define DESTINATIONS_TIKTOK_PROBE_H

#include "destinations/driver.h"
#include "destinations/tiktok/answer.h"
#include "destinations/tiktok/map.h"

void tiktok_probe_write(const struct tiktok_map *map, const struct config_destination *config,
                        struct buf *out);
/** @reply is an HTTP answer. */
void tiktok_probe_read(const struct tiktok_codes *codes, const struct destination *to,
                       const struct http_reply *reply, struct probe_result *out);

#endif /* DESTINATIONS_TIKTOK_PROBE_H */
