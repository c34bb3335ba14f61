#include "trial/fetch.h"

#include <curl/curl.h>

static size_t take(char *bytes, size_t one, size_t count, void *context)
{
    struct buf *out = context;

    buf_add(out, bytes, one * count);
    return out->is_overflowed ? 0 : one * count;
}

enum err_code fetch(const char *method, const char *url, const char *body, uint64_t timeout_ms,
                    struct buf *out, struct err *err)
{
    CURL *curl = curl_easy_init();
    CURLcode rc;
    long status = 0;

    buf_clear(out);
    if (curl == NULL) {
        return FAIL(err, ERR_IO, "no HTTP client");
    }
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, out);
    if (body != NULL) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    }
    rc = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(curl);
    if (rc != CURLE_OK) {
        return FAIL(err, ERR_NET, "%s %s: %s", method, url, curl_easy_strerror(rc));
    }
    if (status != 200) {
        return FAIL(err, ERR_NET, "%s %s: HTTP status %ld", method, url, status);
    }
    return ERR_OK;
}
