#include "trial/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/span.h"
#include "trial/interrupt.h"

enum { NAP_MS = 20, TAIL_BYTES = 2048, ARGUMENTS_MAX = 32, KILL_MS = 5000 };

/* In the new process: only calls that are safe between fork and exec. */
NORETURN static void become(const char *const *argv, int in, int log_fd, pid_t parent)
{
    const char *words[ARGUMENTS_MAX + 2] = {"detour"};
    sigset_t none;

    for (size_t i = 0; i < ARGUMENTS_MAX && argv[i] != NULL; i++) {
        words[i + 1] = argv[i];
    }
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (getppid() == parent && dup2(in, STDIN_FILENO) >= 0 && dup2(log_fd, STDOUT_FILENO) >= 0 &&
        dup2(log_fd, STDERR_FILENO) >= 0) {
        execv("/proc/self/exe", (char *const *)(uintptr_t)words);
    }
    _exit(127);
}

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
}

enum err_code child_start(struct child *child, const char *name, const char *log_path,
                          const char *const *argv, struct err *err)
{
    int in[2] = {-1, -1};
    int log_fd = open(log_path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    pid_t parent = getpid();
    enum err_code rc = ERR_OK;

    *child = (struct child){.name = name, .stdin_fd = -1};
    child->log_path = mem_text(span_of(log_path));
    if (log_fd < 0 || pipe2(in, O_CLOEXEC) != 0) {
        rc = FAIL(err, ERR_IO, "%s cannot be started: %s", name, strerror(errno));
    } else {
        child->pid = fork();
        if (child->pid == 0) {
            become(argv, in[0], log_fd, parent);
        }
        if (child->pid < 0) {
            child->pid = 0;
            rc = FAIL(err, ERR_IO, "%s cannot be started: %s", name, strerror(errno));
        }
    }
    close_fd(&log_fd);
    close_fd(&in[0]);
    if (rc != ERR_OK) {
        close_fd(&in[1]);
        return rc;
    }
    child->stdin_fd = in[1];
    return ERR_OK;
}

/* The log as it is now; at most its first 64 KiB, what is looked for comes early. */
static char *read_log(const struct child *child)
{
    enum { LOG_BYTES = 64 << 10 };
    char *text = mem_zero(LOG_BYTES + 1, 1);
    int fd = open(child->log_path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, LOG_BYTES);

    text[got < 0 ? 0 : got] = '\0';
    close_fd(&fd);
    return text;
}

static bool find_word(const char *text, const char *marker, char out[CHILD_WORD_BYTES])
{
    const char *at = strstr(text, marker);
    size_t len;

    if (at == NULL) {
        return false;
    }
    at += strlen(marker);
    len = strcspn(at, " \"\n");
    if (at[len] == '\0' || len >= CHILD_WORD_BYTES) { /* the line is still being written */
        return false;
    }
    memcpy(out, at, len);
    out[len] = '\0';
    return true;
}

enum err_code child_word(struct child *child, const char *marker, uint64_t timeout_ms,
                         char out[CHILD_WORD_BYTES], struct err *err)
{
    uint64_t until_ms = clock_mono_ms() + timeout_ms;

    for (;;) {
        char *text = read_log(child);
        bool is_found = find_word(text, marker, out);

        free(text);
        if (is_found) {
            return ERR_OK;
        }
        if (child_has_ended(child)) {
            return FAIL(err, ERR_STATE, "%s ended before it was ready", child->name);
        }
        if (interrupt_is_pending()) {
            return FAIL(err, ERR_STATE, "stopped before %s was ready", child->name);
        }
        if (clock_mono_ms() >= until_ms) {
            return FAIL(err, ERR_NET, "%s was not ready within %llu ms", child->name,
                        (unsigned long long)timeout_ms);
        }
        poll(NULL, 0, NAP_MS);
    }
}

bool child_has_ended(struct child *child)
{
    if (child->pid > 0 && waitpid(child->pid, &child->status, WNOHANG) == child->pid) {
        child->has_ended = true;
        child->pid = 0;
    }
    return child->has_ended;
}

int child_exit_code(const struct child *child)
{
    return child->has_ended && WIFEXITED(child->status) ? WEXITSTATUS(child->status) : -1;
}

static bool wait_for_end(struct child *child, uint64_t timeout_ms)
{
    uint64_t until_ms = clock_mono_ms() + timeout_ms;

    while (!child_has_ended(child) && clock_mono_ms() < until_ms) {
        poll(NULL, 0, NAP_MS);
    }
    return child->has_ended;
}

bool child_stop(struct child *child, int signal, uint64_t timeout_ms)
{
    bool is_in_time;

    if (child->pid <= 0 || child_has_ended(child)) {
        return true;
    }
    close_fd(&child->stdin_fd);
    kill(child->pid, signal);
    is_in_time = wait_for_end(child, timeout_ms);
    if (!is_in_time) {
        kill(child->pid, SIGKILL);
        (void)wait_for_end(child, KILL_MS);
    }
    return is_in_time;
}

void child_tail(const struct child *child, FILE *out)
{
    char text[TAIL_BYTES + 1];
    int fd = open(child->log_path, O_RDONLY | O_CLOEXEC);
    off_t end = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
    ssize_t got = -1;
    char *line;

    if (end >= 0 && lseek(fd, end > TAIL_BYTES ? end - TAIL_BYTES : 0, SEEK_SET) >= 0) {
        got = read(fd, text, TAIL_BYTES);
    }
    close_fd(&fd);
    text[got < 0 ? 0 : got] = '\0';
    line = end > TAIL_BYTES ? strchr(text, '\n') : text; /* no half line at the top */
    line = line == NULL ? text : line;
    fprintf(out, "the end of what %s wrote:\n", child->name);
    for (char *rest = NULL, *word = strtok_r(line, "\n", &rest); word != NULL;
         word = strtok_r(NULL, "\n", &rest)) {
        fprintf(out, "    %s\n", word);
    }
}

void child_fini(struct child *child)
{
    if (child->pid > 0) {
        (void)child_stop(child, SIGKILL, KILL_MS);
    }
    if (child->log_path != NULL) {
        close_fd(&child->stdin_fd);
    }
    free(child->log_path);
    *child = (struct child){.stdin_fd = -1};
}
