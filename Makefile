# detour: every habit is a target. `make help` lists them.
SHELL := /bin/bash
ifeq ($(origin CC),default)
CC := gcc
endif
BUILD ?= build
SAN ?=
PREFIX ?= /usr/local
DESTDIR ?=
FUZZ_SECONDS ?= 60
VERSION := $(shell cat VERSION 2>/dev/null || echo 0.0.0)
ROOMS ?= base config schema event offsets match http route kafka health ledger destinations deliver observe recovery trial app replay export rehearse

# Looked up when first used and once only: on a fresh machine `deps` has to run before there is a pkg-config.
PKGS := rdkafka libcurl avro-c yaml-0.1 jansson libmicrohttpd libcrypto zlib libpcre2-8
PKG_CFLAGS = $(eval PKG_CFLAGS := $$(shell pkg-config --cflags $(PKGS)))$(PKG_CFLAGS)
PKG_LIBS = $(eval PKG_LIBS := $$(shell pkg-config --libs $(PKGS)) -lm -lpthread)$(PKG_LIBS)

WARN := -Wall -Wextra -Werror -Wshadow -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wformat=2 -Wformat-security -Wundef -Wvla -Wwrite-strings \
	-Wswitch-enum -Wimplicit-fallthrough -Wnull-dereference -Wdouble-promotion
HARDEN := -fstack-protector-strong -fstack-clash-protection -fPIE -fcf-protection
OPT ?= -O2 -g
CFLAGS_ALL = -std=c17 -D_GNU_SOURCE -Iprocessor $(OPT) $(WARN) $(HARDEN) $(CHECK_CFLAGS) \
	-DDETOUR_VERSION='"$(VERSION)"' $(PKG_CFLAGS) $(CFLAGS)
LDFLAGS_ALL = -pie -Wl,-z,relro,-z,now $(CHECK_LDFLAGS) $(LDFLAGS)
comma := ,
ifneq ($(SAN),)
BUILD := $(BUILD)/san-$(subst $(comma),-,$(SAN))
CHECK_CFLAGS := -fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all
CHECK_LDFLAGS := -fsanitize=$(subst fuzzer-no-link$(comma),,$(SAN))
else
CHECK_CFLAGS := -D_FORTIFY_SOURCE=2
endif
# What the libraries do that the sanitizers cannot know; each line there says why.
export ASAN_OPTIONS ?= detect_stack_use_after_return=1:strict_string_checks=1
export LSAN_OPTIONS ?= suppressions=$(CURDIR)/tests/sanitizers/leak.supp:print_suppressions=0
export TSAN_OPTIONS ?= suppressions=$(CURDIR)/tests/sanitizers/thread.supp:halt_on_error=0:exitcode=66
export UBSAN_OPTIONS ?= print_stacktrace=1

SOURCES := $(foreach room,$(ROOMS),$(wildcard processor/$(room)/*.c processor/$(room)/*/*.c))
OBJECTS := $(SOURCES:processor/%.c=$(BUILD)/obj/%.o) $(BUILD)/obj/embedded.o
OBJECTS_REFERENCE := $(patsubst processor/%.c,$(BUILD)/obj/%.o,$(wildcard processor/base/*.c processor/config/*.c))
MAIN_OBJECTS := $(patsubst processor/%.c,$(BUILD)/obj/%.o,$(wildcard processor/main/*.c))
UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(wildcard tests/unit/test_*.c))
SIM_TESTS := $(patsubst tests/sim/%.c,$(BUILD)/sim/%,$(wildcard tests/sim/test_*.c))
SIM_REPORTS := $(patsubst tests/sim/%.c,$(BUILD)/sim/%,$(wildcard tests/sim/report_*.c))
SIM_OBJECTS := $(patsubst tests/sim/%.c,$(BUILD)/sim/%.o,$(wildcard tests/sim/sim_*.c))
BENCHES := $(patsubst tests/bench/%.c,$(BUILD)/bench/%,$(wildcard tests/bench/bench_*.c))
FUZZERS := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
TEST_HELPERS := $(wildcard tests/unit/*.h)

# As many compilers as there are processors, unless the caller said -j.
PARALLEL = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc))
INNER = $(MAKE) --no-print-directory $(PARALLEL)
REFERENCE := $(BUILD)/configuration_reference
REFERENCE_LOG := $(BUILD)/log_reference
REFERENCE_MAP := $(BUILD)/mapping_reference

.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDARY:
.DEFAULT_GOAL := build
.PHONY: help deps deps-test deps-lint build sandbox test unit integration sim sim-report sim-plots \
	bench bench-outages fuzz lint format docs check-docs install clean FORCE

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

deps: ## Install what the build needs (apt on Debian and Ubuntu)
	@.ci/deps build

deps-test: ## Install what the tests need as well (JDK, Maven, Python, nginx, promtool, clang, cmocka)
	@.ci/deps build test

deps-lint: ## Install what lint needs (clang-format, cppcheck)
	@.ci/deps build lint

build: ## Build build/detour, one compiler per processor
	@$(INNER) $(BUILD)/detour

sandbox: deps ## Install what is missing, build, and play the whole way on this machine
	@$(INNER) $(BUILD)/detour
	@$(BUILD)/detour sandbox

test: deps-test ## Every test: unit, simulation, a short fuzz of each target, integration on real services
	@$(INNER) $(BUILD)/detour $(BUILD)/unit/avro_driver test-programs fuzz-programs
	@BUILD=$(BUILD) .ci/test unit sim fuzz integration

unit: deps-test ## The unit tests
	@$(INNER) unit-programs
	@BUILD=$(BUILD) .ci/test unit

sim: deps-test ## The seeded simulations; SEEDS=100000 plays so many runs of the whole core, SEED=n one
	@$(INNER) sim-programs
	@BUILD=$(BUILD) .ci/test sim

sim-report: deps-test ## The tables of the simulations, as in docs/
	@$(INNER) $(SIM_REPORTS)
	@set -e; for r in $(SIM_REPORTS); do $$r; done

sim-plots: deps-test ## Draw docs/img/health-*.png; BEFORE=PROGRAM compares with another report_health
	@$(INNER) $(SIM_REPORTS)
	@test -x $(BUILD)/plots/bin/python || python3 -m venv $(BUILD)/plots
	@$(BUILD)/plots/bin/python -m pip install --quiet --disable-pip-version-check matplotlib==3.11.2
	@$(BUILD)/plots/bin/python tests/sim/plot.py $(BUILD)/sim/report_health docs/img $(BEFORE)

integration: deps-test ## The tests against a real Kafka and registry; T="-k name" chooses
	@$(INNER) $(BUILD)/detour $(BUILD)/unit/avro_driver
	@BUILD=$(BUILD) .ci/test integration $(T)

bench: deps-test ## Build and run the benchmarks, one after another
	@$(INNER) $(BENCHES) $(BUILD)/detour
	@set -e; for b in $(BENCHES); do echo "== $$(basename $$b)"; $$b; done
	@echo "== whole"; DETOUR_BIN=$(BUILD)/detour tests/.venv/bin/python tests/bench/whole.py

bench-outages: deps-test ## Play the outages on a real Kafka, print what was measured (docs/outages.md); S="words" chooses
	@$(INNER) $(BUILD)/detour
	@DETOUR_BIN=$(BUILD)/detour tests/.venv/bin/python tests/bench/outage.py $(S)

fuzz: deps-test ## Run each fuzz target for FUZZ_SECONDS (60)
	@$(INNER) fuzz-programs
	@BUILD=$(BUILD) FUZZ_SECONDS=$(FUZZ_SECONDS) .ci/test fuzz

lint: deps-lint ## Formatting, static analysis, includes, shape, unused symbols, forbidden words, scripts, documents
	@$(INNER) $(BUILD)/detour $(REFERENCE) $(REFERENCE_LOG) $(REFERENCE_MAP)
	@REFERENCE=$(REFERENCE) REFERENCE_LOG=$(REFERENCE_LOG) REFERENCE_MAP=$(REFERENCE_MAP) CC=$(CC) BUILD=$(BUILD) .ci/lint

format: ## Let clang-format lay out every C file
	@clang-format -i $(wildcard processor/*/*.[ch] processor/*/*/*.[ch] tests/*/*.[ch])

docs: $(REFERENCE) $(REFERENCE_LOG) $(REFERENCE_MAP) ## Write docs/configuration.md, docs/log.md and docs/mapping.md from their tables
	@$(REFERENCE) > docs/configuration.md
	@$(REFERENCE_LOG) > docs/log.md
	@$(REFERENCE_MAP) > docs/mapping.md

check-docs: $(REFERENCE) $(REFERENCE_LOG) $(REFERENCE_MAP) ## Links between documents, and those written from tables against them
	@REFERENCE=$(REFERENCE) REFERENCE_LOG=$(REFERENCE_LOG) REFERENCE_MAP=$(REFERENCE_MAP) python3 .ci/check_docs.py

SHARED := schemas routes routes/tests routes/rehearsals

install: build ## Install the program, schemas and example routes below DESTDIR and PREFIX
	install -D -m 755 $(BUILD)/detour $(DESTDIR)$(PREFIX)/bin/detour
	install -d $(SHARED:%=$(DESTDIR)$(PREFIX)/share/detour/%)
	install -m 644 schemas/*.avsc $(DESTDIR)$(PREFIX)/share/detour/schemas
	install -m 644 routes/token.example $(DESTDIR)$(PREFIX)/share/detour/routes
	set -e; for d in routes routes/tests routes/rehearsals; do \
		install -m 644 $$d/*.yaml $(DESTDIR)$(PREFIX)/share/detour/$$d; done

clean: ## Remove what was built
	rm -rf build $(BUILD)

# What follows are files, and names for groups of them.

.PHONY: unit-programs sim-programs test-programs fuzz-programs
unit-programs: $(UNIT_TESTS)
sim-programs: $(SIM_TESTS)
test-programs: unit-programs sim-programs
fuzz-programs:
ifneq ($(FUZZERS),)
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/fuzz CC=clang SAN=fuzzer-no-link,address,undefined \
		$(FUZZERS:%=$(BUILD)/fuzz/%)
endif

$(BUILD)/detour: $(MAIN_OBJECTS) $(BUILD)/libdetour.a
	@echo "  LINK  $@"
	@$(CC) $(LDFLAGS_ALL) -o $@ $^ $(PKG_LIBS)

$(BUILD)/libdetour.a: $(OBJECTS)
	@rm -f $@
	@ar rcs $@ $^

# Objects made with other flags or another compiler are made again.
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(CC) $(CFLAGS_ALL))' | cmp -s - $@ || printf '%s\n' '$(subst ','\'',$(CC) $(CFLAGS_ALL))' > $@

$(BUILD)/obj/%.o: processor/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

$(BUILD)/embedded.c: schemas/conversion_event.avsc schemas/utm_attribution.avsc
	@mkdir -p $(@D)
	@{ echo '#include "base/embedded.h"'; \
	for f in $^; do n=$$(basename $$f | tr . _); \
	printf 'const char embedded_%s[] = {' $$n; od -An -v -tu1 $$f | sed 's/ *\([0-9][0-9]*\)/\1,/g'; echo '0};'; done; } > $@

$(BUILD)/obj/embedded.o: $(BUILD)/embedded.c $(BUILD)/flags
	@mkdir -p $(@D)
	@$(CC) $(CFLAGS_ALL) -c -o $@ $<

$(BUILD)/unit/%: tests/unit/%.c $(BUILD)/libdetour.a $(BUILD)/flags
	@mkdir -p $(@D)
	@echo "  TEST  $@"
	@$(CC) $(CFLAGS_ALL) -Itests/unit -MMD -MP -o $@ $< $(BUILD)/libdetour.a $(LDFLAGS_ALL) $(PKG_LIBS) -lcmocka

$(BUILD)/unit/%.run: $(BUILD)/unit/%
	$<

# The simulated worlds, which the simulations' programs share.
$(BUILD)/sim/%.o: tests/sim/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	@$(CC) $(CFLAGS_ALL) -Itests/sim -MMD -MP -c -o $@ $<

$(BUILD)/sim/%: tests/sim/%.c $(SIM_OBJECTS) $(BUILD)/libdetour.a $(BUILD)/flags
	@mkdir -p $(@D)
	@echo "  SIM   $@"
	@$(CC) $(CFLAGS_ALL) -Itests/sim -Itests/unit -MMD -MP -o $@ $< $(SIM_OBJECTS) $(BUILD)/libdetour.a $(LDFLAGS_ALL) $(PKG_LIBS) -lcmocka

$(BUILD)/bench/%: tests/bench/%.c $(BUILD)/libdetour.a $(BUILD)/flags
	@mkdir -p $(@D)
	@echo "  BENCH $@"
	@$(CC) $(CFLAGS_ALL) -MMD -MP -o $@ $< $(BUILD)/libdetour.a $(LDFLAGS_ALL) $(PKG_LIBS)

$(REFERENCE_LOG): $(BUILD)/%: tests/tools/%.c $(OBJECTS_REFERENCE) $(BUILD)/flags
	@$(CC) $(CFLAGS_ALL) -MMD -MP -o $@ $(filter %.c %.o,$^) $(LDFLAGS_ALL) $(PKG_LIBS)

$(REFERENCE) $(REFERENCE_MAP): $(BUILD)/%: tests/tools/%.c $(BUILD)/libdetour.a $(BUILD)/flags
	@$(CC) $(CFLAGS_ALL) -MMD -MP -o $@ $< $(BUILD)/libdetour.a $(LDFLAGS_ALL) $(PKG_LIBS)

$(BUILD)/fuzz_%: tests/fuzz/fuzz_%.c $(BUILD)/libdetour.a $(BUILD)/flags
	@mkdir -p $(@D)
	@echo "  FUZZ  $@"
	@clang $(CFLAGS_ALL) -MMD -MP -o $@ $< $(BUILD)/libdetour.a -fsanitize=fuzzer,address,undefined $(LDFLAGS_ALL) $(PKG_LIBS)

-include $(OBJECTS:.o=.d) $(MAIN_OBJECTS:.o=.d) $(UNIT_TESTS:=.d) $(SIM_TESTS:=.d) $(SIM_REPORTS:=.d) $(SIM_OBJECTS:.o=.d) $(BENCHES:=.d) $(FUZZERS:%=$(BUILD)/%.d)
