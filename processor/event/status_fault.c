#include "event/status_fault.h"

/* By status. What stands in none of these rows is nobody's among 4xx and from 600 on. */
static const struct {
    int first, last;
    enum status_fault fault;
} rows[] = {
    {0, 199, STATUS_SERVICES}, /* an interim answer is none */
    {200, 299, STATUS_FINE},
    {300, 301, STATUS_OPERATORS}, /* moved for good: the URL is another */
    {302, 303, STATUS_SERVICES},  /* for now: a login page, a maintenance page */
    {304, 306, STATUS_OPERATORS},
    {307, 307, STATUS_SERVICES},
    {308, 308, STATUS_OPERATORS},
    {309, 399, STATUS_OPERATORS},
    {400, 400, STATUS_EVENTS},
    {401, 407, STATUS_OPERATORS}, /* credential, payment, URL, method, Accept, the proxy's */
    {408, 408, STATUS_SERVICES},
    {409, 409, STATUS_EVENTS},    /* an id it knows already */
    {410, 412, STATUS_OPERATORS}, /* gone; a length, a condition in our headers */
    {413, 413, STATUS_EVENTS},
    {414, 417, STATUS_OPERATORS}, /* the URL, the content type, headers: the same for all */
    {421, 421, STATUS_OPERATORS}, /* not the host for it */
    {422, 422, STATUS_EVENTS},
    {423, 423, STATUS_OPERATORS}, /* locked */
    {424, 425, STATUS_SERVICES},
    {426, 426, STATUS_OPERATORS}, /* another protocol */
    {428, 428, STATUS_OPERATORS},
    {429, 429, STATUS_RATES},
    {431, 431, STATUS_OPERATORS}, /* our headers do not depend on events */
    {451, 451, STATUS_OPERATORS},
    {495, 497, STATUS_OPERATORS}, /* nginx: our certificate, or none, or no TLS */
    {499, 499, STATUS_SERVICES},  /* nginx: somebody before it hung up */
    {500, 599, STATUS_SERVICES},
};

enum status_fault status_fault(int status, bool has_retry_after)
{
    if (status == 503 && has_retry_after) {
        return STATUS_RATES;
    }
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (status >= rows[i].first && status <= rows[i].last) {
            return rows[i].fault;
        }
    }
    return STATUS_NOBODYS;
}
