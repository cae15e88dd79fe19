# SPDX-License-Identifier: Apache-2.0
"""Real QEMU with real back-ends and a real driver in a guest: what comes of it."""

import os

# libvirt reads it when it is imported: warnings that it is run without its confinement are no news here.
os.environ.setdefault("LIBVIRT_LOG_OUTPUTS", "4:stderr")
