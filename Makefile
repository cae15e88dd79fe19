# SPDX-License-Identifier: Apache-2.0
# `make help` lists what can be made. BUILD=DIR builds elsewhere, SANITIZE=... with sanitizers.

BUILD ?= build
PREFIX ?= /usr/local
CFLAGS ?= -O2 -g
LDFLAGS ?= -Wl,-z,now
SANITIZE ?=

python := /usr/bin/python3
rooms := wire model memory vring devices script play
dialect := -std=c11 -D_GNU_SOURCE -pthread -Ipeers -Ipeers/wire -I$(BUILD)/gen
warnings := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Werror
# Asked for when a recipe runs, because only then the packages are sure to be there.
library_flags = $(shell pkg-config --cflags jansson)
libraries = $(shell pkg-config --libs jansson)

objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
generated := $(addprefix $(BUILD)/gen/,protocol_ids.h protocol.c clause_ids.h clause_ids.c)
library := $(BUILD)/libvringer.a
test_library := $(BUILD)/tests/libhelpers.a
programs := $(patsubst peers/%/,$(BUILD)/bin/vu-%,$(sort $(dir $(wildcard $(addsuffix /*.c,$(addprefix peers/,frontend backend proxy))))))
tests := $(patsubst peers/tests/%.c,$(BUILD)/tests/%,$(wildcard peers/tests/test_*.c))
fuzzers := $(patsubst peers/tests/%.c,$(BUILD)/fuzz/%,$(wildcard peers/tests/fuzz_*.c))
benches := $(patsubst peers/tests/%.c,$(BUILD)/bench/%,$(wildcard peers/tests/bench_*.c))
c_files = $(wildcard peers/*/*.c)
guest_files = $(wildcard fixtures/guest/*.c)
python_files = peers/wire/generate.py ci/lab/build ci/lab/enter $(wildcard peers/tests/*.py harness)

all: $(library) $(programs) ## build the library and the programs (the default)

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-19s %s\n", $$1, $$2 }' Makefile harness/harness.mk harness/lab.mk harness/pairs.mk

# What is missing is installed before anything needs it: a target names the groups of ci/packages.txt that it stands on.

deps := $(addprefix deps-,build run candidates pairs test lint)

deps: $(deps) ## install every package that is missing, linters too

$(deps) deps-lab: deps-%:
	@ci/install-packages $*

# Building

$(generated) &: peers/wire/generate.py fixtures/spec/protocol.toml fixtures/spec/clauses.toml | deps-build
	$(python) peers/wire/generate.py fixtures/spec $(BUILD)/gen

compile = @mkdir -p $(@D) && echo "  CC $<" && $(CC) $(dialect) $(warnings) $(library_flags) $(CFLAGS) $(SANITIZE) -MMD -MP -c $< -o $@
link = @mkdir -p $(@D) && echo "  LD $@" && $(CC) -pthread $(CFLAGS) $(SANITIZE) $(LDFLAGS) $(filter %.o %.a,$^) $(libraries)

$(BUILD)/obj/%.o: %.c | $(generated) deps-build
	$(compile)
$(BUILD)/obj/gen/%.o: $(BUILD)/gen/%.c | $(generated)
	$(compile)
$(BUILD)/obj/peers/tests/%.o: | deps-test

$(library): $(call objects,$(foreach room,$(rooms),$(wildcard peers/$(room)/*.c))) $(BUILD)/obj/gen/protocol.o $(BUILD)/obj/gen/clause_ids.o
$(test_library): $(call objects,$(filter-out $(addprefix peers/tests/,test_% bench_% fuzz_%),$(wildcard peers/tests/*.c)))
$(library) $(test_library):
	@mkdir -p $(@D) && rm -f $@ && echo "  AR $@" && $(AR) rcs $@ $^

.SECONDEXPANSION:
$(programs): $(BUILD)/bin/vu-%: $$(call objects,$$(wildcard peers/$$*/*.c)) $(library)
	$(link) -o $@
$(tests) $(benches) $(fuzzers): $(BUILD)/%: $(BUILD)/obj/peers/tests/$$(notdir $$*).o $(test_library) $(library)
	$(link) -lcmocka -o $@

include harness/harness.mk
include harness/lab.mk
include harness/pairs.mk

# Testing. Every program runs, and those that failed are named at the end.

run_each = @failed=; for program in $(2); do echo "  RUN $$program"; $(1) $$program || failed="$$failed $$program"; \
	done; if [ "$$failed" ]; then echo "failed:$$failed"; exit 1; fi

check: check-c valgrind asan fuzz check-fuzz-valgrind check-harness check-mutation pairs ## every test: C (also under valgrind and sanitizers), mutated messages, harness, real peers, the suite itself

check-c: $(tests) $(programs) | deps-run ## run the C tests, and those of what generates C
	$(call run_each,timeout 120,$(tests))
	VRINGER_BUILD=$(abspath $(BUILD)) $(python) -m pytest -q -p no:cacheprovider -n 4 peers/tests

valgrind: $(tests) $(programs) ## run the C tests under valgrind: no error, no leak, no descriptor left
	$(call run_each,timeout 600 ci/under-valgrind,$(tests))

asan: ## build in build/asan with AddressSanitizer and UBSan and run the C tests
	@$(MAKE) BUILD=$(BUILD)/asan SANITIZE="-fsanitize=address,undefined -fno-sanitize-recover=all" check-c

SEED ?= 1
MESSAGES ?= 100000

fuzz: ## send MESSAGES mutated messages (100000) each way between peers with sanitizers, as SEED says (1)
	@$(MAKE) BUILD=$(BUILD)/asan SANITIZE="-fsanitize=address,undefined -fno-sanitize-recover=all" fuzz-both

fuzz-valgrind: ## the same under valgrind, without sanitizers: no error, no leak, no descriptor left
	@$(MAKE) FUZZ_FLAGS=--valgrind fuzz-both

check-fuzz: ## fuzz with 5000 messages
	@$(MAKE) MESSAGES=5000 fuzz

check-fuzz-valgrind: ## fuzz-valgrind with 20000 messages
	@$(MAKE) MESSAGES=20000 fuzz-valgrind

FUZZ_FLAGS ?=
fuzz-with = $(BUILD)/fuzz/fuzz_$(1) --seed $(SEED) --messages $(MESSAGES) --out $(BUILD)/fuzz $(FUZZ_FLAGS) $(abspath $(BUILD))/bin/vu-$(1)

# Both ways at once: each waits for the other side a good part of its time. What is found stands in $(BUILD)/fuzz:
# what was sent, as a scenario, and what the program said to that.
fuzz-both: $(fuzzers) $(programs)
	@$(call fuzz-with,backend) & backend=$$!; $(call fuzz-with,frontend); frontend=$$?; \
		wait $$backend && exit $$frontend

bench: $(benches) all | deps-run deps-candidates ## run the benchmarks: a name, a value, and a limit where there is one
	$(call run_each,timeout 120,$(benches))
	$(call run_each,VRINGER_BUILD=$(abspath $(BUILD)) timeout 600 $(python),$(sort $(wildcard harness/bench/bench_*.py)))

# Keeping house

format: | deps-lint ## format the C files
	clang-format -i $(c_files) $(guest_files) $(wildcard peers/*/*.h fixtures/guest/*.h)

lint: $(generated) | deps-lint ## clang-tidy, cppcheck, pyflakes, mypy
	printf '%s\n' $(c_files) $(guest_files) | xargs -P 2 -I FILE clang-tidy --quiet FILE -- $(dialect) $(warnings)
	cppcheck --quiet --std=c11 --enable=warning,portability --inline-suppr --error-exitcode=1 $(filter -I%,$(dialect)) $(c_files) $(guest_files)
	pyflakes3 $(python_files) fixtures/guest
	mypy --config-file harness/pyproject.toml $(python_files)
	mypy --config-file harness/pyproject.toml fixtures/guest/build.py

install: install-peers install-discovery ## install below PREFIX (/usr/local), DESTDIR in front

install-peers: $(programs)
	install -d $(DESTDIR)$(PREFIX)/bin
	$(if $(programs),install $(programs) $(DESTDIR)$(PREFIX)/bin)

# Management software finds back-ends by files like these, each of which names a program for one type of device. Last in
# their order: nobody gets the reference who has another one.
discovered := blk fs net rng
type_of = $(BUILD)/bin/vu-backend --device=$(1) --print-capabilities | sed -n 's/.*"type": "\([^"]*\)".*/\1/p'

install-discovery: $(addprefix install-discovery-,$(discovered))

install-discovery-%: peers/backend/discovery.json.in | install-peers
	install -d $(DESTDIR)$(PREFIX)/share/qemu/vhost-user
	ln -sf vu-backend $(DESTDIR)$(PREFIX)/bin/vu-backend-$*
	sed "s|@TYPE@|$$($(call type_of,$*))|; s|@BINARY@|$(PREFIX)/bin/vu-backend-$*|" $< \
		>$(DESTDIR)$(PREFIX)/share/qemu/vhost-user/99-vu-backend-$*.json

clean: ## remove what was built
	rm -rf $(BUILD)

.PHONY: all help deps $(deps) deps-lab check check-c valgrind asan fuzz fuzz-valgrind check-fuzz check-fuzz-valgrind fuzz-both bench format lint install install-peers install-discovery clean
.DELETE_ON_ERROR:
.SECONDARY:
-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
