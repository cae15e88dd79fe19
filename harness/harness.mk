# SPDX-License-Identifier: Apache-2.0
# The harness: the vringer command, its tests, and the candidates judged. Included by the Makefile.

launch = @mkdir -p $(@D) && sed 's|@HARNESS@|$(1)|' $< >$@ && chmod 755 $@
shared := $(DESTDIR)$(PREFIX)/share/vringer

all: $(BUILD)/bin/vringer

$(BUILD)/bin/vringer: harness/launcher harness/harness.mk
	$(call launch,$(shell realpath -m --relative-to=$(BUILD)/bin harness))

check-harness: all | deps-run deps-test deps-candidates ## run the harness's own tests
	cd harness && VRINGER_BUILD=$(abspath $(BUILD)) timeout 900 $(python) -m pytest -q -n 2 tests

run: all | deps-run ## judge the real back-ends that come with Debian
	@ci/install-packages candidates || echo "make run: not every real back-end can be installed here" >&2
	$(BUILD)/bin/vringer run

RUNS ?= 10
CANDIDATE ?= qemu-storage-daemon

check-stable: all | deps-run deps-candidates ## judge CANDIDATE RUNS times: each run has to say the same
	$(python) harness/bench/check_stable.py $(CANDIDATE) $(RUNS)

mutation: all | deps-run ## have the scenarios catch every quirk of both players, and name those that no quirk makes fail
	VRINGER_PLAYER=$(abspath $(BUILD)/bin/vu-frontend) $(python) harness/mutation.py

check-mutation: all | deps-run ## the same by what harness/witnesses.txt remembers, with a short search for the rest: under 3 minutes
	VRINGER_PLAYER=$(abspath $(BUILD)/bin/vu-frontend) timeout 900 $(python) harness/mutation.py --quick

# Below share/vringer the tree keeps its shape, so that the command finds everything as it does here.
install-harness: all
	install -d $(DESTDIR)$(PREFIX)/bin $(shared)/harness/vringer
	sed 's|@HARNESS@|../share/vringer/harness|' harness/launcher >$(DESTDIR)$(PREFIX)/bin/vringer
	chmod 755 $(DESTDIR)$(PREFIX)/bin/vringer
	install -m 644 harness/vringer/*.py harness/vringer/run.ini $(shared)/harness/vringer
	find scenarios fixtures/spec fixtures/candidates -type f -exec install -D -m 644 {} $(shared)/{} \;
	git describe --always --abbrev=40 --dirty --exclude '*' >$(shared)/commit 2>/dev/null || rm -f $(shared)/commit

install: install-harness

.PHONY: check-harness run mutation check-mutation check-stable install-harness
