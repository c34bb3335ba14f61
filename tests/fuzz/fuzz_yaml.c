/* Any bytes as a configuration: an answer or errors with their place, bounded, nothing leaked. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"
#include "config/config.h"
#include "destinations/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void walk(const struct yaml_node *root)
{
    const struct yaml_node *open[64];
    size_t at[64] = {0};
    size_t depth = 0;

    open[depth++] = root;
    while (depth > 0) {
        const struct yaml_node *node = open[depth - 1];
        size_t next = at[depth - 1]++;
        uint64_t a;
        uint64_t b;
        double number;
        bool flag;

        if (node->kind == YAML_SCALAR) {
            INVARIANT(node->text.ptr[node->text.len] == '\0');
            (void)value_duration(node->text, &a);
            (void)value_size(node->text, &a);
            (void)value_percent(node->text, &number);
            (void)value_rate(node->text, &number);
            (void)value_duration_range(node->text, &a, &b);
            (void)yaml_as_bool(node, &flag);
        }
        if (node->kind == YAML_SCALAR || next == node->count) {
            depth--;
            continue;
        }
        INVARIANT(depth < COUNT_OF(open));
        open[depth] = node->kind == YAML_MAP ? node->pairs[next].value : node->items[next];
        at[depth] = 0;
        depth++;
    }
}

static void read_document(struct span text, bool is_literal)
{
    struct diags diags;
    struct yaml_doc *doc;

    diags_init(&diags);
    doc = yaml_parse("fuzz.yaml", text, is_literal, &diags);
    INVARIANT(doc != NULL || diags.error_count > 0);
    if (doc != NULL) {
        walk(yaml_root(doc));
    }
    yaml_free(doc);
    diags_fini(&diags);
}

/* The whole way of a configuration, from a file in memory. */
static void read_config(const uint8_t *bytes, size_t len)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    char path[64];
    struct diags diags;
    struct config *config;

    INVARIANT(fd >= 0);
    if (write(fd, bytes, len) == (ssize_t)len) {
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        diags_init(&diags);
        config = config_load(path, driver_types(), &diags);
        INVARIANT((config == NULL) == (diags.error_count > 0));
        config_free(config);
        config_free(config_load_partial(path, driver_types(), SECRETS_NEEDED, &diags));
        diags_fini(&diags);
    }
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct span text = {(const char *)bytes, len};

    setenv("NAME", "value", 1);
    read_document(text, true);
    read_document(text, false);
    read_config(bytes, len);
    return 0;
}
