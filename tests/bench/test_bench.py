#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What chan-bench compares with what, of D-Bus.

usage: test_bench.py PROGRAM sd-bus|'' dbus|''     the last two: what there is to compare with
"""

import re
import subprocess
import sys

PROGRAM, SDBUS, DBUS = sys.argv[1:]

GDBUS = {'dbus-message-ping-pong': ['gdbus-call'], 'dbus-message-one-way': ['gdbus-calls'],
         'dbus-direct-ping-pong': ['unix-ping-pong', 'gdbus-call'], 'dbus-direct-one-way': ['unix-one-way', 'gdbus-calls']}


def expected(name, bases):
    return bases + ['sdbus-calls' if name.endswith('one-way') else 'sdbus-call'] if SDBUS else bases


def main():
    done = subprocess.run([PROGRAM, '--rounds=1', '--scale=0.002', *GDBUS] if DBUS else [PROGRAM, '--rounds=1', '--scale=0.002', 'unix-one-way'],
                          stdout=subprocess.PIPE, text=True, check=True)
    print(done.stdout)
    lines = {line.split()[0]: line for line in done.stdout.splitlines()}
    for name, bases in GDBUS.items() if DBUS else ():
        compared = re.findall(r'= [0-9.]+ × (\S+)', lines[name])
        assert compared == expected(name, bases), (name, compared)
        for base in compared:
            assert base in lines, f'{base} was not measured'
    left_out = [line for line in done.stdout.splitlines() if line.startswith('left out: ')]
    if not DBUS:
        assert len(left_out) == 1 and 'dbus-daemon' in left_out[0], left_out
    elif not SDBUS:
        assert len(left_out) == 1 and 'libsystemd' in left_out[0], left_out
    else:
        assert not left_out, left_out


main()
