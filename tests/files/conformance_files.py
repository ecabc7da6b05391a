#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The conformance suite over the transport in Python, examples/python/files_transport.py; arguments go to the suite.

All calls come from the suite's threads, with blocking calls as any program in C makes them.
"""

import os
import sys
import tempfile

import gi

gi.require_version('ChanConformance', '1')
from gi.repository import ChanConformance  # noqa: E402

import files_transport  # noqa: E402,F401    registers files:

directory = tempfile.mkdtemp(prefix='chan-files-')
status = ChanConformance.run_here(f'files:{directory}', sys.argv)
# Fails if anything is left in it.
os.rmdir(directory)
sys.exit(status)
