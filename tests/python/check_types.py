#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What mypy makes of the stub, of the examples that use it, and of what it must refuse.

usage: check_types.py MYPY STUB.pyi FILE.py...
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

TYPES = pathlib.Path(__file__).resolve().parent / 'types'
# mypy looks for gi-stubs only where packages are installed; here they are the package itself.
STUBS = 'gi'


def check(mypy, directory, *arguments):
    command = [mypy, '--strict', '--cache-dir', os.path.join(directory, 'cache'), '--no-error-summary', *map(str, arguments)]
    environment = {**os.environ, 'MYPYPATH': os.path.join(directory, 'stubs')}
    environment.pop('PYTHONPATH', None)
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)
    print(done.stdout + done.stderr, end='', flush=True)
    return done.returncode


def main(mypy, stub, *programs):
    with tempfile.TemporaryDirectory() as directory:
        stubs = pathlib.Path(directory) / 'stubs'
        shutil.copytree(TYPES / STUBS, stubs / STUBS)
        shutil.copy(stub, stubs / STUBS / 'repository')
        failed = check(mypy, directory, '-m', 'gi.repository.Chan')
        for program in [TYPES / 'use.py', *(pathlib.Path(name).resolve() for name in programs)]:
            print(f'# {program}', flush=True)
            failed |= check(mypy, directory, program)
        # That it can fail: a file that is not right.
        wrong = pathlib.Path(directory) / 'wrong.py'
        wrong.write_text("from gi.repository import Chan\nChan.pipe_new('x')\n", encoding='utf-8')
        assert check(mypy, directory, wrong) == 1
    return failed


sys.exit(main(*sys.argv[1:]))
