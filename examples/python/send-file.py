#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sends files, each as a stream inside a message, and shows how far the other side is.

usage: send-file.py URI|@NAME FILE...
"""

import example
from gi.repository import Chan, Gio

WIDTH = 40


def show(name: str, received: int, size: int) -> None:
    part = min(max(received / size, 0), 1) if size > 0 else 1
    done = int(part * WIDTH + 0.5)
    print(f'{name} [{"#" * done:{WIDTH}}] {int(part * 100 + 0.5)} %', flush=True)


def send_file(files: Chan.Sender, path: str) -> None:
    """The content is not read here: the library reads it as fast as it is taken."""
    file = Gio.File.new_for_commandline_arg(path)
    content = file.read(None)
    name = file.get_basename() or path
    size = content.query_info(Gio.FILE_ATTRIBUTE_STANDARD_SIZE, None).get_size()
    progress, progresses = Chan.pipe_new(4)
    files.send({'Name': name, 'Size': size, 'Content': content, 'Progress': progress})
    for message in progresses:
        received = example.lookup(message, 'Received', int)
        if received is not None:
            show(name, received, size)
        else:
            print(f'{name} has arrived', flush=True)


def send(uri: str, *paths: str) -> None:
    with Chan.connect(uri) as session, session.open_channel('files') as files:
        for path in paths:
            send_file(files, path)


example.run(send, *example.arguments(__doc__, 2))
