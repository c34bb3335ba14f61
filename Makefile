# detour: every habit is a target. `make help` lists them.
SHELL := /bin/bash
CC ?= gcc
BUILD ?= build
SAN ?=
VERSION := $(shell cat VERSION 2>/dev/null || echo 0.0.0)
ROOMS ?= base config schema event route tiktok http kafka deliver observe trial app

PKGS := rdkafka libcurl avro-c yaml-0.1 jansson libmicrohttpd libcrypto
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lm -lpthread

WARN := -Wall -Wextra -Werror -Wshadow -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wformat=2 -Wformat-security -Wundef -Wvla -Wwrite-strings \
	-Wswitch-enum -Wimplicit-fallthrough -Wnull-dereference -Wdouble-promotion
HARDEN := -fstack-protector-strong -fstack-clash-protection -fPIE -fcf-protection
OPT ?= -O2 -g
CFLAGS_ALL := -std=c17 -D_GNU_SOURCE -Iprocessor $(OPT) $(WARN) $(HARDEN) -DDETOUR_VERSION='"$(VERSION)"' $(PKG_CFLAGS) $(CFLAGS)
LDFLAGS_ALL := -pie -Wl,-z,relro,-z,now $(LDFLAGS)
comma := ,
ifneq ($(SAN),)
BUILD := $(BUILD)/san-$(subst $(comma),-,$(SAN))
CFLAGS_ALL += -fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all
LDFLAGS_ALL += -fsanitize=$(SAN)
else
CFLAGS_ALL += -D_FORTIFY_SOURCE=2
endif

SOURCES := $(foreach room,$(ROOMS),$(wildcard processor/$(room)/*.c))
OBJECTS := $(SOURCES:processor/%.c=$(BUILD)/obj/%.o) $(BUILD)/obj/embedded.o
MAIN_OBJECTS := $(patsubst processor/%.c,$(BUILD)/obj/%.o,$(wildcard processor/main/*.c))
UNIT_SOURCES := $(wildcard tests/unit/test_*.c)
UNIT_TESTS := $(UNIT_SOURCES:tests/unit/%.c=$(BUILD)/unit/%)

.DELETE_ON_ERROR:
.DEFAULT_GOAL := build
.PHONY: help build unit clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: $(BUILD)/detour ## Build build/detour

$(BUILD)/detour: $(MAIN_OBJECTS) $(BUILD)/libdetour.a
	@echo "  LINK  $@"
	@$(CC) $(LDFLAGS_ALL) -o $@ $^ $(PKG_LIBS)

$(BUILD)/libdetour.a: $(OBJECTS)
	@rm -f $@
	@ar rcs $@ $^

$(BUILD)/obj/%.o: processor/%.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

$(BUILD)/embedded.c: schemas/conversion_event.avsc schemas/utm_attribution.avsc
	@mkdir -p $(@D)
	@{ echo '#include "base/embedded.h"'; \
	for f in $^; do n=$$(basename $$f | tr . _); \
	printf 'const char embedded_%s[] = {' $$n; od -An -v -tu1 $$f | sed 's/ *\([0-9][0-9]*\)/\1,/g'; echo '0};'; done; } > $@

$(BUILD)/obj/embedded.o: $(BUILD)/embedded.c
	@mkdir -p $(@D)
	@$(CC) $(CFLAGS_ALL) -c -o $@ $<

unit: $(UNIT_TESTS:%=%.run) ## Run the unit tests

$(BUILD)/unit/%: tests/unit/%.c $(BUILD)/libdetour.a
	@mkdir -p $(@D)
	@echo "  TEST  $@"
	@$(CC) $(CFLAGS_ALL) -Itests/unit -MMD -MP -o $@ $< $(BUILD)/libdetour.a $(LDFLAGS_ALL) $(PKG_LIBS) -lcmocka

$(BUILD)/unit/%.run: $(BUILD)/unit/%
	$<

clean: ## Remove what was built
	rm -rf build

-include $(OBJECTS:.o=.d) $(MAIN_OBJECTS:.o=.d) $(UNIT_TESTS:=.d)
