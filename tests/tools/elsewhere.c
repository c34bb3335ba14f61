/*
 * elsewhere - another wall clock and other names for a program under test (LD_PRELOAD).
 *
 * ELSEWHERE names a file that is read again whenever it is asked, with lines of
 *     offset SECONDS              the wall clock is so far off; monotonic clocks are true
 *     host NAME ADDRESS [DELAY]   NAME resolves to ADDRESS, or does not when it is "-", after DELAY
 * seconds Built by the integration tests: cc -shared -fPIC -o elsewhere.so elsewhere.c
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

static void *next_of(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);

    if (found == NULL) {
        abort();
    }
    return found;
}

static FILE *open_file(void)
{
    const char *path = getenv("ELSEWHERE");

    return path == NULL ? NULL : fopen(path, "r");
}

/* Once a millisecond is enough: programs ask for the time far more often. */
static long offset_s(void)
{
    static _Thread_local struct timespec looked;
    static _Thread_local long offset;
    int (*get)(clockid_t, struct timespec *) = next_of("clock_gettime");
    struct timespec now;
    char line[256];
    FILE *file;

    (void)get(CLOCK_MONOTONIC, &now);
    if (now.tv_sec == looked.tv_sec && now.tv_nsec / 1000000 == looked.tv_nsec / 1000000) {
        return offset;
    }
    looked = now;
    file = open_file();
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        (void)sscanf(line, "offset %ld", &offset);
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return offset;
}

static int is_wall(clockid_t clock)
{
    return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
}

int clock_gettime(clockid_t clock, struct timespec *at)
{
    static int (*get)(clockid_t, struct timespec *);
    int rc;

    if (get == NULL) {
        get = next_of("clock_gettime");
    }
    rc = get(clock, at);
    if (rc == 0 && is_wall(clock)) {
        at->tv_sec += offset_s();
    }
    return rc;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone)
{
    struct timespec now;

    (void)zone;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *at)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (at != NULL) {
        *at = now.tv_sec;
    }
    return now.tv_sec;
}

int timespec_get(struct timespec *at, int base)
{
    return base == TIME_UTC && clock_gettime(CLOCK_REALTIME, at) == 0 ? base : 0;
}

/* The kernel's clock is the true one: what is waited for by the shifted clock is shifted back. A
 * condition made for the monotonic clock carries times long before any wall clock's. */
static struct timespec true_time(const struct timespec *until)
{
    int (*get)(clockid_t, struct timespec *) = next_of("clock_gettime");
    struct timespec out = *until;
    struct timespec now;

    (void)get(CLOCK_REALTIME, &now);
    if (until->tv_sec > now.tv_sec / 2) {
        out.tv_sec -= offset_s();
    }
    return out;
}

int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict lock,
                           const struct timespec *restrict until)
{
    int (*wait)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *) =
        dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2"); /* not the older, other one */
    struct timespec at = true_time(until);

    if (wait == NULL) {
        abort();
    }
    return wait(condition, lock, &at);
}

int cnd_timedwait(cnd_t *restrict condition, mtx_t *restrict lock,
                  const struct timespec *restrict until)
{
    int (*wait)(cnd_t *, mtx_t *, const struct timespec *) = next_of("cnd_timedwait");
    struct timespec at = true_time(until);

    return wait(condition, lock, &at);
}

int getaddrinfo(const char *restrict node, const char *restrict service,
                const struct addrinfo *restrict hints, struct addrinfo **restrict out)
{
    int (*resolve)(const char *, const char *, const struct addrinfo *, struct addrinfo **) =
        next_of("getaddrinfo");
    char line[256];
    char name[128];
    char address[64] = "";
    unsigned delay_s = 0;
    FILE *file = node == NULL ? NULL : open_file();

    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        unsigned delay_here_s = 0;
        char address_here[64];

        if (sscanf(line, "host %127s %63s %u", name, address_here, &delay_here_s) >= 2 &&
            strcmp(name, node) == 0) {
            (void)snprintf(address, sizeof(address), "%s", address_here);
            delay_s = delay_here_s;
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    if (address[0] == '\0') {
        return resolve(node, service, hints, out);
    }
    (void)sleep(delay_s);
    return address[0] == '-' ? EAI_NONAME : resolve(address, service, hints, out);
}
