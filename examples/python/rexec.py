#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs a command where a rexec-server listens, as if it were here: its input, output and exit status are this
program's. The server may be in any language, or libchan's original one.

usage: rexec.py URI|@NAME [--] CMD [ARG...]
"""

import os
import sys
import threading

import gi

gi.require_version('Chan', '1')
from gi.repository import Chan, GLib  # noqa: E402

CHUNK = 65536


def copy_input(stream):
    output = stream.get_output_stream()
    try:
        while (data := os.read(0, CHUNK)):
            output.write_all(data)
        output.close()
    except GLib.Error:
        pass        # the command reads no further


def copy_output(stream, fd):
    while (data := stream.get_input_stream().read_bytes(CHUNK).get_data()):
        with open(fd, 'wb', buffering=0, closefd=False) as file:
            while data:
                data = data[file.write(data):]


def rexec(uri, command):
    session = Chan.connect(uri)
    requests = session.open_channel('rexec')
    status_chan, statuses = Chan.pipe_new(1)
    (stdin, far_stdin), (stdout, far_stdout), (stderr, far_stderr) = (Chan.byte_pipe_new() for _ in range(3))
    requests.send({
        'Cmd': command[0],
        'Args': GLib.Variant('as', command[1:]),
        'Stdin': far_stdin.get_input_stream(),
        'Stdout': far_stdout.get_output_stream(),
        'Stderr': far_stderr.get_output_stream(),
        'StatusChan': status_chan,
    })
    threading.Thread(target=copy_input, args=(stdin,), daemon=True).start()
    outputs = [threading.Thread(target=copy_output, args=pair) for pair in ((stdout, 1), (stderr, 2))]
    for thread in outputs:
        thread.start()
    status = statuses.receive()
    for thread in outputs:
        thread.join()
    if status is None:
        raise RuntimeError('the server sent no status')
    return status['Status'] & 0xff


def main():
    arguments = [argument for number, argument in enumerate(sys.argv[1:]) if number != 1 or argument != '--']
    if len(arguments) < 2:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    try:
        status = rexec(arguments[0], arguments[1:])
    except (GLib.Error, RuntimeError) as error:
        print(f'rexec: {getattr(error, "message", error)}', file=sys.stderr)
        status = 1
    # Not sys.exit(): the thread that reads the input may still wait.
    sys.stdout.flush()
    os._exit(status)


main()
