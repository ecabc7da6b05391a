#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A client that means no harm and sends what nobody asked for, on channels of the names given.

usage: stranger.py URI NAME...
"""

import sys

import gi

gi.require_version('Chan', '1')
from gi.repository import Chan, Gio  # noqa: E402

KEYS = ('Name', 'Inbox', 'Text', 'Jobs', 'Number', 'Reply', 'Size', 'Content', 'Progress', 'Cmd', 'Args', 'Stdin', 'Stdout', 'Stderr',
        'StatusChan', 'P', 'R')


def odd_values():
    """Of each kind, where something of another kind is expected."""
    yield from (None, True, 7, 2**63, -1.5, '', 'x', b'x', [], ['Name', 'Inbox'], {}, {'': None})
    for kind in (lambda: None, lambda: 7, lambda: 'x', lambda: b'\0', lambda: [1], lambda: {'a': 1}, lambda: Chan.pipe_new(1)[0],
                 lambda: Chan.pipe_new(1)[1], lambda: Gio.MemoryInputStream.new()):
        yield {key: kind() for key in KEYS}


def main(uri, *names):
    with Chan.connect(uri) as session:
        for name in names:
            for value in odd_values():
                sender = session.open_channel(name)
                sender.send(value)
                sender.close()
        session.ping()      # all of it has come


main(*sys.argv[1:])
