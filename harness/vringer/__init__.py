# SPDX-License-Identifier: Apache-2.0
"""vringer: puts a vhost-user implementation through the wringer."""
