#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the commands that clients send: {Cmd, Args, Stdin, Stdout, Stderr, StatusChan}, and answers {Status} on
StatusChan when all output was given away. Prints its URI first.

usage: rexec-server.py [URI|@NAME]
"""

import os
import shutil
import signal
import subprocess
import threading
from typing import IO

import example
from gi.repository import Chan, GLib, Gio

CHUNK = 65536
PATIENCE = 0.2      # seconds between two looks at whether the client is still there


def feed(stream: Gio.IOStream, pipe: IO[bytes]) -> None:
    """From the client to the command."""
    try:
        with pipe:
            while (data := stream.get_input_stream().read_bytes(CHUNK, None).get_data()):
                pipe.write(data)
                pipe.flush()
    except (GLib.Error, OSError):
        pass        # the command reads no further, or the client is gone


def drain(pipe: IO[bytes], stream: Gio.IOStream) -> None:
    """From the command to the client."""
    output = stream.get_output_stream()
    try:
        with pipe:
            while (data := os.read(pipe.fileno(), CHUNK)):
                output.write_all(data, None)
        output.close(None)
    except (GLib.Error, OSError):
        pass        # the client reads no further


class Command:
    """What a client wants to have run. None: the request has none of that kind."""

    def __init__(self, name: str, message: Chan.Message) -> None:
        self.words = [name, *map(str, example.lookup(message, 'Args', list) or [])]
        self.stdin, self.stdout, self.stderr = (example.lookup(message, key, Gio.IOStream) for key in ('Stdin', 'Stdout', 'Stderr'))
        self.status_chan = example.lookup(message, 'StatusChan', Chan.Sender)

    def execute(self) -> int:
        pipes = [subprocess.PIPE if stream is not None else subprocess.DEVNULL for stream in (self.stdin, self.stdout, self.stderr)]
        process = subprocess.Popen(self.words, stdin=pipes[0], stdout=pipes[1], stderr=pipes[2])
        if self.stdin is not None and process.stdin is not None:
            threading.Thread(target=feed, args=(self.stdin, process.stdin), daemon=True).start()
        outputs = []
        for pipe, stream in ((process.stdout, self.stdout), (process.stderr, self.stderr)):
            if pipe is not None and stream is not None:
                outputs.append(threading.Thread(target=drain, args=(pipe, stream), daemon=True))
                outputs[-1].start()
        self.wait_for(process)
        for thread in outputs:
            thread.join()
        return process.returncode if process.returncode >= 0 else 128 - process.returncode

    def wait_for(self, process: subprocess.Popen[bytes]) -> None:
        while True:
            try:
                process.wait(PATIENCE)
                return
            except subprocess.TimeoutExpired:
                if self.status_chan is not None and self.status_chan.get_peer_closed():
                    process.send_signal(signal.SIGHUP)

    def explain(self, error: Exception) -> int:
        """What a shell would say: 127 if it is not there, 126 if it cannot be run."""
        if self.stdout is not None:
            self.stdout.close(None)
        if self.stderr is not None:
            output = self.stderr.get_output_stream()
            output.write_all(f'{example.NAME}: {error}\n'.encode(), None)
            output.close(None)
        return 126 if shutil.which(self.words[0]) else 127


def serve_request(message: Chan.Message) -> None:
    """In a thread of its own. What is no request is passed over, and its channels end with it."""
    name = example.lookup(message, 'Cmd', str)
    if name is None:
        return
    command = Command(name, message)
    try:
        try:
            status = command.execute()
        except (OSError, ValueError) as error:
            status = command.explain(error)
        if command.status_chan is not None:
            with command.status_chan as status_chan:
                # The original reads 32 bits.
                status_chan.send({'Status': GLib.Variant('i', status)})
    except GLib.Error as error:
        example.debug(f'nobody waits for {name} any more: {error.message}')


async def serve(channel: Chan.Receiver) -> None:
    async for message in channel:
        threading.Thread(target=serve_request, args=(message,), daemon=True).start()


uri, = example.arguments(__doc__, 0)[:1] or ['tcp://127.0.0.1:9323']
example.run_async(example.serve(uri, serve))
