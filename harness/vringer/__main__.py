# SPDX-License-Identifier: Apache-2.0
"""`python3 -m vringer` is the same as the `vringer` command."""

import sys

from vringer.cli import main

sys.exit(main())
