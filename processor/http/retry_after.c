#include "http/client.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

enum { RETRY_AFTER_MAX_MS = 15 * 60 * 1000, DATE_BYTES = 64 };

bool http_retry_after(struct span value, int64_t now_wall_ms, uint64_t *ms)
{
    struct span text = span_trim(value);
    char date[DATE_BYTES];
    int64_t seconds;
    time_t when;

    if (text.len == 0 || text.len >= sizeof(date)) {
        return false;
    }
    if (text.ptr[0] >= '0' && text.ptr[0] <= '9') {
        for (size_t i = 0; i < text.len; i++) {
            if (text.ptr[i] < '0' || text.ptr[i] > '9') {
                return false;
            }
        }
        if (!span_to_i64(text, &seconds) || seconds > RETRY_AFTER_MAX_MS / 1000) {
            seconds = RETRY_AFTER_MAX_MS / 1000; /* 1e12 seconds is still an answer: the cap */
        }
        *ms = (uint64_t)seconds * 1000;
        return true;
    }
    if (!((text.ptr[0] >= 'A' && text.ptr[0] <= 'Z') ||
          (text.ptr[0] >= 'a' && text.ptr[0] <= 'z'))) {
        return false; /* "-5", "+3": curl_getdate would make something of them */
    }
    memcpy(date, text.ptr, text.len);
    date[text.len] = '\0';
    when = curl_getdate(date, NULL);
    if (when == (time_t)-1 || (int64_t)when * 1000 <= now_wall_ms) {
        return false;
    }
    *ms = MIN_OF((uint64_t)((int64_t)when * 1000 - now_wall_ms), (uint64_t)RETRY_AFTER_MAX_MS);
    return true;
}
