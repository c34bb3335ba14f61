/**
 * driver - what differs between the types of destinations: how a section of the configuration is
 * compiled, how an event becomes an item or a record, what a request looks like, what an answer
 * means, how the credential is asked about.
 *
 * Everything else (queues, batches, retries, rate limits, the circuit breaker, dead letters) is
 * delivery's and the same for all types. A driver is a folder below destinations/ and one constant
 * table of functions, listed in table.c. docs/development.md shows how to add one.
 *
 * Events go to a service over HTTP, or to a Kafka topic (section.is_topic). For a service they are
 * put into batches: render() makes an item of each, begin(), separate() and end() put the items
 * into one body, headers() signs it, read() says what the answer means for the batch. For a topic
 * there is one record for each event: the original one, or what render() makes of it.
 *
 * Ownership: a struct destination is compiled once, immutable then, and shared by all workers
 * without a lock. It borrows the configuration and the readers, which outlive it. What a worker
 * needs for itself while it renders is made by scratch_new(). Secrets are read for each request
 * and wiped by the caller of headers().
 *
 * Errors: those of the configuration go into diags with their place. render() says ERR_DATA (the
 * event breaks the contract) or ERR_LIMIT (too large). read() always has a verdict.
 *
 * A function that is marked "or NULL" may be missing.
 */
#ifndef DESTINATIONS_DRIVER_H
#define DESTINATIONS_DRIVER_H

#include "event/answer.h"
#include "event/event_view.h"
#include "event/field_list.h"
#include "http/client.h"

struct catalog;
struct driver;

/* A destination of the configuration, compiled. */
struct destination {
    const struct driver *driver;
    const struct config_destination *config;
    const struct readers *readers;
    void *own;           /* the driver's; made by compile(), freed by free() */
    char *url;           /* owned; whole, terminated; NULL: no requests */
    char *topic;         /* owned; terminated; NULL: no records */
    bool sends_original; /* its records are the source's own: nothing is rendered */
};

/* One event that is to be rendered, and what may be used for that. */
struct rendering {
    const struct event_view *view;
    struct span event_id;     /* the event's own or the derived one; never empty */
    struct span first;        /* the destination it was meant for: a record says so */
    struct span reason;       /* why it is not delivered there; "" when this is the first one */
    struct span outage;       /* whose outage sent it here; SPAN_NONE: none did */
    struct arena *arena;      /* until the next event */
    void *scratch;            /* of scratch_new() */
    uint32_t fields_left_out; /* set by render(): present in the event, but unusable */
};

/* What the review of a destination may look at, beside the destination. */
struct review {
    const struct event_paths *paths;
    const struct type_names *types; /* every event type there is; NULL: any */
};

/* What an answer to a probe says of the credential. */
enum probe_state { PROBE_ACCEPTED, PROBE_REFUSED, PROBE_STRANGE };

struct probe_result {
    enum probe_state state; /* STRANGE: whoever answered is not the service */
    struct place place;     /* REFUSED: of the credential in the configuration */
    char text[256];         /* what was found and what to do, in our words */
};

/* What the service answers; asked by those who stand in for it: rehearsals and simulations. */
enum saying_kind {
    SAYS_TAKEN,      /* it has all events of the batch */
    SAYS_PARTIAL,    /* it has all but those that is_refused() names; only with has_codes */
    SAYS_CODE,       /* `code`; only with has_codes */
    SAYS_THROTTLED,  /* it asks for less */
    SAYS_CREDENTIAL, /* it refuses the credential */
};

struct saying {
    enum saying_kind kind;
    int32_t code;
    size_t count; /* events of the batch */
    bool (*is_refused)(const void *context, size_t index);
    const void *context;
};

struct driver {
    /* the section of the configuration: its name in `type:`, its own rows and checks */
    struct config_type section;

    /** Is all there that compile() needs? Asked where other errors are in the file; or NULL: yes.
     */
    bool (*is_complete)(const struct config_destination *config);
    /** Fill in own, and url or topic. All errors into @diags; false then. */
    bool (*compile)(struct destination *to, struct diags *diags);
    void (*free)(void *own);
    /** Register what is written with the registry, once, before the workers start; or NULL.
     * ERR_NET when it is not reachable. */
    enum err_code (*connect)(struct destination *to, struct catalog *catalog, bool has_registry,
                             struct err *err);
    /** For `check`: what is sent of an event, and warnings of what is recommended and missing. */
    void (*review)(const struct destination *to, const struct review *with, struct field_list *out,
                   struct diags *diags);
    /** The name that the service itself gives to events, nearest to @name, or @name's own; NULL:
     * none is near. Or NULL: it has no names of its own. */
    const char *(*known_name)(struct span name);
    /** What holds where `map:` of the section says nothing, for the generator of events; the caller
     * frees it. Or NULL: there is no such map. */
    struct yaml_doc *(*default_map)(const struct config_destination *config, struct diags *diags);
    /** What is sent is marked as a trial and moves nothing at the service; or NULL: never. */
    bool (*is_trial)(const struct config_destination *config);

    /* an event */

    /** What one worker needs to render; or NULL: nothing. */
    void *(*scratch_new)(void);
    void (*scratch_free)(void *scratch);
    /** Append the item or the record to @out, which is as it was on failure. ERR_DATA: the event
     * breaks the contract; ERR_LIMIT: it would pass the maximum of @out. */
    enum err_code (*render)(const struct destination *to, struct rendering *event, struct buf *out,
                            struct err *err);
    /** What, besides the event type, the events of a batch have to share; or NULL: nothing. */
    struct span (*group)(const struct destination *to, const struct event_view *view,
                         struct arena *arena);

    /* a request; services only, as all that follows */

    void (*begin)(const struct destination *to, struct span group, struct buf *out);
    void (*separate)(const struct destination *to, struct buf *out);
    void (*end)(const struct destination *to, struct buf *out);
    /** Append each header as a terminated "Name: value" line, terminators included; secrets, and
     * a signature of @body, as well. @wall_ms: for a signature with a time. */
    void (*headers)(const struct destination *to, struct span body, int64_t wall_ms,
                    struct buf *out);
    /** The secret number @index that requests carry; NULL past the last. All are watched for
     * changes, and named to the operator when the credential is refused. */
    struct secret *(*secret)(const struct config_destination *config, size_t index);
    /** Method, certificate and whether headers of answers are kept; or NULL: a plain POST. */
    void (*aim)(const struct destination *to, struct http_target *target);

    /* an answer */

    /** What @reply means for @batch. */
    void (*read)(const struct destination *to, const struct http_reply *reply,
                 const struct answer_batch *batch, struct answer *out);

    /* in place of the service */

    bool has_codes; /* its answers carry codes of its own, whatever the HTTP status */
    /** Append the body of the answer that means @saying, and give its HTTP status. */
    int (*say)(const struct saying *saying, struct buf *out);

    /* a probe of the credential, for `check --online` */

    /** Append the body of a request that delivers nothing; or NULL: there is none. */
    void (*probe)(const struct destination *to, struct buf *out);
    /** What an HTTP answer to it says. */
    void (*read_probe)(const struct destination *to, const struct http_reply *reply,
                       struct probe_result *out);
};

static inline const struct driver *driver_of(const struct config_destination *config)
{
    return CONTAINER_OF(config->type, struct driver, section);
}

#endif /* DESTINATIONS_DRIVER_H */
