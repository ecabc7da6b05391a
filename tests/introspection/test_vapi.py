#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""vapigen says nothing about the GIR, and something, where this test sees it, about metadata that fit nothing.

Its warnings are not fatal, so the build goes on with them.

usage: test_vapi.py VAPIGEN FILE.gir METADATA-DIRECTORY
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile

VAPIGEN, GIR, METADATA = sys.argv[1:]
BAD = 'Sender.no_such_method skip\n'


def complaints(metadata):
    with tempfile.TemporaryDirectory() as directory:
        done = subprocess.run([VAPIGEN, '--library=Chan-test', f'--directory={directory}', f'--metadatadir={metadata}', '--pkg=gio-2.0',
                               '--pkg=json-glib-1.0', GIR], capture_output=True, text=True, check=False)
        made = (pathlib.Path(directory) / 'Chan-test.vapi').is_file()
    return done.stderr + ('' if done.returncode == 0 and made else f'exit status {done.returncode}, {done.stdout}')


def main():
    good = complaints(METADATA)
    with tempfile.TemporaryDirectory() as directory:
        worse = pathlib.Path(directory) / 'vapi'
        shutil.copytree(METADATA, worse)
        with open(worse / 'Chan-1.metadata', 'a', encoding='utf-8') as file:
            file.write(BAD)
        bad = complaints(worse)
    if good:
        print(good)
    if 'warning' not in bad:
        print(f'vapigen does not warn of “{BAD.strip()}”: {bad}')
    return 1 if good or 'warning' not in bad else 0


sys.exit(main())
