#include "http/fetch.h"

#include "http/client.h"

/* What is asked for, and what came of it. */
struct question {
    const char *method, *url;
    struct buf *out;
    struct err *err;
    enum err_code rc;
};

static void take_reply(void *context, const struct http_reply *reply)
{
    struct question *question = context;

    buf_add_span(question->out, reply->body);
    if (reply->status == 0 || reply->is_oversized) {
        question->rc = FAIL(question->err, ERR_NET, "%s %s: %s", question->method, question->url,
                            reply->error);
    } else if (reply->status != 200) {
        question->rc = FAIL(question->err, ERR_NET, "%s %s: HTTP status %d", question->method,
                            question->url, reply->status);
    }
}

enum err_code http_fetch(const char *method, const char *url, const char *body, uint64_t timeout_ms,
                         struct buf *out, struct err *err)
{
    const struct http_target target = {.url = url,
                                       .method = method,
                                       .is_private_allowed = true,
                                       .connect_ms = timeout_ms,
                                       .first_byte_ms = timeout_ms,
                                       .total_ms = timeout_ms,
                                       .answer_bytes = out->max};
    struct question question = {method, url, out, err, ERR_OK};
    const struct http_request request = {.target = &target,
                                         .body = body == NULL ? SPAN_NONE : span_of(body),
                                         .done = take_reply,
                                         .context = &question};
    struct http_client *client = NULL;
    enum err_code rc = http_client_new(&client, err);

    buf_clear(out);
    if (rc == ERR_OK) {
        rc = http_post(client, &request, err);
    }
    if (rc == ERR_OK) {
        (void)http_finish(client, -1);
        rc = question.rc;
    }
    http_client_free(client);
    return rc;
}
