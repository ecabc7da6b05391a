#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Takes files: {Name, Size, Content, Progress}. The content is a stream that is read here as fast as the disk takes it;
how much has arrived is told on Progress, and at the end {Done: true}. Prints its URI first.

usage: receive-files.py URI|@NAME DIRECTORY
"""

import os
import pathlib
import threading

import example
from gi.repository import Chan, GLib, Gio

CHUNK = 256 * 1024


def check_name(name: str) -> None:
    """A name is no path: nothing outside the directory can be meant."""
    if '/' in name or '\0' in name or name in ('', '.', '..'):
        raise ValueError(f'“{name}” is not the name of a file')


def store(path: pathlib.Path, content: Gio.IOStream, progress: Chan.Sender) -> int:
    stream, received = content.get_input_stream(), 0
    # Only its owner may read it, and what is there stays.
    with open(path, 'xb', opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        while (data := stream.read_bytes(CHUNK, None).get_data()):
            file.write(data)
            received += len(data)
            progress.send({'Received': received})
    return received


def receive(directory: pathlib.Path, message: Chan.Message) -> None:
    """In a thread of its own."""
    name, size = example.lookup(message, 'Name', str), example.lookup(message, 'Size', int)
    content, progress = example.lookup(message, 'Content', Gio.IOStream), example.lookup(message, 'Progress', Chan.Sender)
    # What is no request is passed over, and its channels end with it.
    if name is None or size is None or content is None or progress is None:
        return
    try:
        check_name(name)
        received = store(directory / name, content, progress)
        if received != size:
            raise ValueError(f'{size} bytes were announced, {received} came')
        with progress:
            progress.send({'Done': True})
    except (GLib.Error, OSError, ValueError) as error:
        example.debug(str(error))
        progress.abort(str(error))


async def serve(directory: pathlib.Path, files: Chan.Receiver) -> None:
    async for message in files:
        threading.Thread(target=receive, args=(directory, message), daemon=True).start()


uri, directory, *_ = example.arguments(__doc__, 2)
example.run_async(example.serve(uri, lambda files: serve(pathlib.Path(directory), files)))
