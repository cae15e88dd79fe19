# SPDX-License-Identifier: Apache-2.0
# Pairs: real QEMU with real back-ends and a real driver in a guest. Included by the Makefile.

guest: $(BUILD)/guest/initramfs ## build the guest of the pairs: Debian's cloud kernel, busybox, an agent

$(BUILD)/guest/initramfs: $(wildcard fixtures/guest/*) | deps-build deps-pairs
	$(python) fixtures/guest/build.py $(BUILD)/guest

pairs: all guest | deps-run deps-candidates deps-pairs ## QEMU with real back-ends and a guest: I/O, stop, reset, migration, reconnect
	cd harness && VRINGER_BUILD=$(abspath $(BUILD)) timeout 3600 $(python) -m pytest -q -n 2 pairs

.PHONY: guest pairs
