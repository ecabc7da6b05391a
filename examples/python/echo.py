#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sends each word to an echo-server and prints what comes back.

usage: echo.py URI|@NAME WORD...
"""

import sys

import gi

gi.require_version('Chan', '1')
from gi.repository import Chan, GLib  # noqa: E402


def main():
    try:
        with Chan.connect(sys.argv[1]) as session, session.open_channel('echo') as requests:
            for word in sys.argv[2:]:
                print(requests.request({'P': word}, 'R')['P'], flush=True)
    except GLib.Error as error:
        print(f'echo: {error.message}', file=sys.stderr)
        sys.exit(1)


main()
