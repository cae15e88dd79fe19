# SPDX-License-Identifier: Apache-2.0
# The lab: other releases of the real peers, side by side. Nothing else needs it. Included by the Makefile.

lab_folder = $(abspath $(or $(VRINGER_LAB),$(BUILD)/lab))

lab: | deps-lab ## build the lab: four releases of Debian, old crates, QEMU 7.2.0; takes 5 GB and goes on where it stopped
	ci/lab/build --lab $(lab_folder) $(PARTS)

lab-check: all | deps-run ## look for every known bug of fixtures/lab/bugs.toml: on the release that has it, and on one that has not
	VRINGER_LAB=$(lab_folder) $(python) harness/known_bugs.py --vringer $(BUILD)/bin/vringer

.PHONY: lab lab-check
