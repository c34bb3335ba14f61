#include "match/pattern.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/mem.h"

enum {
    DEPTH_MAX = PATTERN_STEPS_MAX, /* these two hold where the machine has no JIT */
    HEAP_KIB_MAX = 1024,
    STACK_BYTES_MIN = 32 * 1024, /* of compiled code; grows as a search needs it */
    STACK_BYTES_MAX = 1024 * 1024,
    MESSAGE_BYTES = 256,
};

struct pattern {
    pcre2_code *code; /* owned */
};

/* What a search writes to. */
struct scratch {
    pcre2_match_data *data;      /* owned */
    pcre2_match_context *limits; /* owned */
    pcre2_jit_stack *stack;      /* owned; NULL: PCRE2 takes 32 KiB of the thread's own */
};

static pthread_key_t scratch_key;
static pthread_once_t scratch_once = PTHREAD_ONCE_INIT;
static _Atomic uint64_t undecided;

static void free_scratch(void *pointer)
{
    struct scratch *scratch = pointer;

    pcre2_match_data_free(scratch->data);
    pcre2_match_context_free(scratch->limits);
    pcre2_jit_stack_free(scratch->stack);
    free(scratch);
}

static void make_key(void)
{
    INVARIANT(pthread_key_create(&scratch_key, free_scratch) == 0);
}

static struct scratch *make_scratch(void)
{
    struct scratch *scratch = mem_new(struct scratch);

    scratch->data = pcre2_match_data_create(1, NULL); /* where the match lies is of no interest */
    scratch->limits = pcre2_match_context_create(NULL);
    INVARIANT(scratch->data != NULL);
    INVARIANT(scratch->limits != NULL);
    scratch->stack = pcre2_jit_stack_create(STACK_BYTES_MIN, STACK_BYTES_MAX, NULL);
    pcre2_jit_stack_assign(scratch->limits, NULL, scratch->stack);
    (void)pcre2_set_match_limit(scratch->limits, PATTERN_STEPS_MAX);
    (void)pcre2_set_depth_limit(scratch->limits, DEPTH_MAX);
    (void)pcre2_set_heap_limit(scratch->limits, HEAP_KIB_MAX);
    INVARIANT(pthread_setspecific(scratch_key, scratch) == 0);
    return scratch;
}

static struct scratch *thread_scratch(void)
{
    struct scratch *scratch;

    INVARIANT(pthread_once(&scratch_once, make_key) == 0);
    scratch = pthread_getspecific(scratch_key);
    return scratch != NULL ? scratch : make_scratch();
}

static pcre2_code *compile(struct span text, int *code, size_t *offset)
{
    const uint32_t options = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_DOTALL |
                             PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C;
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    pcre2_code *out;

    INVARIANT(context != NULL);
    (void)pcre2_set_parens_nest_limit(context, PATTERN_GROUPS_MAX);
    out = pcre2_compile((PCRE2_SPTR)text.ptr, text.len, options, code, offset, context);
    pcre2_compile_context_free(context);
    return out;
}

enum err_code pattern_compile(struct span text, struct pattern **out, struct err *err)
{
    PCRE2_UCHAR message[MESSAGE_BYTES];
    pcre2_code *code;
    size_t offset = 0;
    int error = 0;

    if (text.len == 0) {
        return FAIL(err, ERR_CONFIG, "it is empty");
    }
    if (text.len > PATTERN_BYTES_MAX) {
        return FAIL(err, ERR_CONFIG, "it is longer than %d bytes", PATTERN_BYTES_MAX);
    }
    code = compile(text, &error, &offset);
    if (code == NULL) {
        (void)pcre2_get_error_message(error, message, sizeof(message));
        return FAIL(err, ERR_CONFIG, "%s, behind byte %zu of it", (const char *)message, offset);
    }
    /* Where the machine has no JIT, pcre2_match() interprets: slower, the same answers. */
    (void)pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
    *out = mem_new(struct pattern);
    (*out)->code = code;
    return ERR_OK;
}

void pattern_free(struct pattern *pattern)
{
    if (pattern != NULL) {
        pcre2_code_free(pattern->code);
        free(pattern);
    }
}

int pattern_find(const struct pattern *pattern, struct span text)
{
    PCRE2_SPTR start = (PCRE2_SPTR)(text.ptr == NULL ? "" : text.ptr);
    int rc = PCRE2_ERROR_MATCHLIMIT;

    if (text.len <= PATTERN_SUBJECT_BYTES_MAX) {
        const struct scratch *scratch = thread_scratch();

        rc = pcre2_match(pattern->code, start, text.len, 0, 0, scratch->data, scratch->limits);
    }
    if (rc >= 0) { /* 0: found, and groups in it */
        return 1;
    }
    if (rc == PCRE2_ERROR_NOMATCH) {
        return 0;
    }
    atomic_fetch_add_explicit(&undecided, 1, memory_order_relaxed);
    return -1;
}

uint64_t pattern_count_undecided(void)
{
    return atomic_load_explicit(&undecided, memory_order_relaxed);
}
