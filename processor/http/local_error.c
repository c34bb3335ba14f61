#include "http/local_error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* What a look-up takes at once: two of libcurl to be woken by, two of the C library. */
enum { DESCRIPTOR_PAIRS = 2 };

static bool is_descriptor_errno(int number)
{
    return number == EMFILE || number == ENFILE;
}

/* 0 when there are descriptors to go on with, or why there are none. Neither a look-up nor TLS
 * says that it failed for want of one. */
static int why_no_descriptors(void)
{
    int fds[DESCRIPTOR_PAIRS][2];
    size_t count = 0;
    int why = 0;

    while (count < DESCRIPTOR_PAIRS && why == 0) {
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds[count]) == 0) {
            count++;
        } else {
            why = errno;
        }
    }
    while (count > 0) {
        count--;
        (void)close(fds[count][0]);
        (void)close(fds[count][1]);
    }
    return is_descriptor_errno(why) ? why : 0;
}

static void say_descriptors(int why, char *text, size_t bytes)
{
    struct rlimit limit = {0};

    if (why == ENFILE) {
        (void)snprintf(text, bytes, "this machine has no file descriptor left: raise fs.file-max");
        return;
    }
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    (void)snprintf(text, bytes,
                   "no file descriptor is left of the %llu this process may have: raise its limit "
                   "(ulimit -n, LimitNOFILE=)",
                   (unsigned long long)limit.rlim_cur);
}

static void say_memory(const char *what, char *text, size_t bytes)
{
    (void)snprintf(text, bytes,
                   "no memory for a request (%s): give the process more, or lower in_flight", what);
}

/* 0 when @path can be read. */
static int why_unreadable(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int why = fd < 0 ? errno : 0;

    if (fd >= 0) {
        (void)close(fd);
    }
    return why;
}

static void say_file(const char *option, const char *path, char *text, size_t bytes)
{
    int why_none = why_no_descriptors();
    int why = why_unreadable(path);

    if (why_none != 0) {
        say_descriptors(why_none, text, bytes);
    } else if (why != 0) {
        (void)snprintf(text, bytes, "%s %s cannot be read: %s: mend it, or what detour may read",
                       option, path, strerror(why));
    } else {
        (void)snprintf(text, bytes, "%s %s holds nothing that can be used: PEM is wanted", option,
                       path);
    }
}

static void say_authorities(const struct local_error_signs *signs, const struct http_target *target,
                            char *text, size_t bytes)
{
    if (target->ca_file != NULL) {
        say_file("ca_file", target->ca_file, text, bytes);
    } else if (signs->system_ca != NULL) {
        say_file("the system's file of certificates", signs->system_ca, text, bytes);
    } else {
        (void)snprintf(text, bytes,
                       "this machine has no certificates to verify with: install "
                       "ca-certificates, or name a ca_file");
    }
}

static void say_own_certificate(const struct http_target *target, char *text, size_t bytes)
{
    if (target->certificate == NULL || target->key == NULL) {
        (void)snprintf(text, bytes, "tls.certificate or tls.key cannot be used");
    } else if (why_unreadable(target->certificate) != 0) {
        say_file("tls.certificate", target->certificate, text, bytes);
    } else if (why_unreadable(target->key) != 0) {
        say_file("tls.key", target->key, text, bytes);
    } else {
        (void)snprintf(text, bytes,
                       "tls.certificate %s and tls.key %s cannot be used together: PEM is wanted, "
                       "of one pair, the key not encrypted",
                       target->certificate, target->key);
    }
}

static bool find_descriptors(const struct local_error_signs *signs, char *text, size_t bytes)
{
    int why = 0;

    if (signs->result == CURLE_COULDNT_CONNECT) {
        why = signs->socket_errno;
    } else if (signs->result == CURLE_COULDNT_RESOLVE_HOST) {
        why = why_no_descriptors();
    }
    if (is_descriptor_errno(why)) {
        say_descriptors(why, text, bytes);
    } else if (why == ENOMEM || why == ENOBUFS) {
        say_memory("a socket", text, bytes);
    } else {
        return false;
    }
    return true;
}

bool local_error_find(const struct local_error_signs *signs, const struct http_target *target,
                      char *text, size_t bytes)
{
    if (signs->result == CURLE_SSL_CACERT_BADFILE) {
        say_authorities(signs, target, text, bytes);
    } else if (signs->result == CURLE_SSL_CERTPROBLEM) {
        say_own_certificate(target, text, bytes);
    } else if ((signs->result == CURLE_OUT_OF_MEMORY || signs->result == CURLE_FAILED_INIT) &&
               !signs->is_sent) {
        /* Once something was sent it may be the answer: libcurl calls it "out of memory" too when
         * a header is longer than it takes, and no destination may stop us with one. */
        say_memory(curl_easy_strerror(signs->result), text, bytes);
    } else {
        return find_descriptors(signs, text, bytes);
    }
    return true;
}
