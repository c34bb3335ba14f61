/**
 * status_fault - whose doing an HTTP status is, where nothing else of the answer says so.
 *
 * One table for all destinations (docs/delivery.md shows it). Only what an event can cause may
 * reject one; what no event can cause holds the destination, or is a failure of its own.
 *
 * Pure; any thread.
 */
#ifndef EVENT_STATUS_FAULT_H
#define EVENT_STATUS_FAULT_H

#include "base/base.h"

enum status_fault {
    STATUS_FINE,
    STATUS_EVENTS,    /* of an event, or of the request for one's sake: 400, 409, 413, 422 */
    STATUS_SERVICES,  /* its own, and passes */
    STATUS_RATES,     /* it asks for less */
    STATUS_OPERATORS, /* credential, URL, method, headers, a proxy: the same for every event */
    STATUS_NOBODYS,   /* nobody knows */
};

/** @status: of the final answer; 0 (none) is SERVICES. */
enum status_fault status_fault(int status, bool has_retry_after);

#endif /* EVENT_STATUS_FAULT_H */
