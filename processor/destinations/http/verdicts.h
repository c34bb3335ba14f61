/**
 * verdicts - what an answer of such a destination means: the rules of `verdicts:` in order, then
 * defaults.
 *
 *     {status: 2xx, json: {/ok: true}, is: delivered}
 *     {status: [429, 500..599], header: {X-Reason: "=~ ^quota"}, is: throttled}
 *
 * What stands behind a header or a JSON pointer is written as in `match` of a route; any of a
 * list. JSON is compared by type (0 is not "0"), and null counts as missing. A rule that asks for
 * JSON does not fit an answer that is none.
 *
 * The defaults, by whose doing a status is (event/status_fault.h): 2xx delivered; an event's
 * rejected, by halves; the service's retry; the operator's hold; nobody's unknown. Where a rule
 * says which 2xx are delivered by more than their status, another 2xx is unknown: nobody has a rule
 * for it, and what is unknown is never delivered. An HTML page is no receipt: retry.
 */
#ifndef DESTINATIONS_HTTP_VERDICTS_H
#define DESTINATIONS_HTTP_VERDICTS_H

#include "destinations/http/options.h"
#include "event/answer.h"
#include "http/client.h"

struct verdicts;
struct rule; /* destinations/http/rule.h */

/** All errors into @diags, and NULL then. Keeps texts of the configuration. */
struct verdicts *verdicts_compile(const struct http_options *options, struct diags *diags);
void verdicts_free(struct verdicts *verdicts);
/** Whether a rule looks at headers of the answer. */
bool verdicts_ask_headers(const struct verdicts *verdicts);
void verdicts_read(const struct verdicts *verdicts, const struct http_reply *reply,
                   struct answer *out);

#endif /* DESTINATIONS_HTTP_VERDICTS_H */
