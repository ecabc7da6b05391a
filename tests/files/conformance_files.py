#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The conformance suite over a transport in Python, examples/python/files_transport.py or pair_transport.py.

All calls come from the suite's threads, with blocking calls as any program in C makes them.

usage: conformance_files.py files|pair [ARGUMENT OF THE SUITE...]
"""

import os
import sys
import tempfile

import gi

gi.require_version('ChanConformance', '1')
from gi.repository import ChanConformance  # noqa: E402

import files_transport  # noqa: E402,F401    registers files:
import pair_transport  # noqa: E402,F401    registers pair:

scheme = sys.argv.pop(1)
directory = tempfile.mkdtemp(prefix=f'chan-{scheme}-')
status = ChanConformance.run_here(f'{scheme}:{directory}', sys.argv)
# Fails if anything is left in it.
os.rmdir(directory)
sys.exit(status)
