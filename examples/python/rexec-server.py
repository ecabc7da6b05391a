#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the commands that clients send: {Cmd, Args, Stdin, Stdout, Stderr, StatusChan}, and answers {Status} on
StatusChan when all output was given away. Prints its URI first.

usage: rexec-server.py [URI|@NAME]
"""

import shutil
import signal
import subprocess
import sys
import threading

import gi

gi.require_version('Chan', '1')
from gi.repository import Chan, GLib  # noqa: E402

CHUNK = 65536
PATIENCE = 0.2      # seconds between two looks at whether the client is still there


def feed(stream, pipe):
    """From the client to the command."""
    try:
        with pipe:
            while (data := stream.get_input_stream().read_bytes(CHUNK).get_data()):
                pipe.write(data)
                pipe.flush()
    except (GLib.Error, OSError):
        pass        # the command reads no further, or the client is gone


def drain(pipe, stream):
    """From the command to the client."""
    output = stream.get_output_stream()
    try:
        with pipe:
            while (data := pipe.read1(CHUNK)):
                output.write_all(data)
        output.close()
    except (GLib.Error, OSError):
        pass        # the client reads no further


def execute(request):
    command = [request['Cmd'], *request.get('Args', [])]
    streams = [request.get(key) for key in ('Stdin', 'Stdout', 'Stderr')]
    pipes = [subprocess.PIPE if stream is not None else subprocess.DEVNULL for stream in streams]
    process = subprocess.Popen(command, stdin=pipes[0], stdout=pipes[1], stderr=pipes[2])
    outputs = []
    if streams[0] is not None:
        threading.Thread(target=feed, args=(streams[0], process.stdin), daemon=True).start()
    for pipe, stream in ((process.stdout, streams[1]), (process.stderr, streams[2])):
        if stream is not None:
            outputs.append(threading.Thread(target=drain, args=(pipe, stream)))
            outputs[-1].start()
    wait_for(process, request.get('StatusChan'))
    for thread in outputs:
        thread.join()
    status = process.returncode
    return status if status >= 0 else 128 - status


def wait_for(process, status_chan):
    while True:
        try:
            process.wait(PATIENCE)
            return
        except subprocess.TimeoutExpired:
            if status_chan is not None and status_chan.get_peer_closed():
                process.send_signal(signal.SIGHUP)


def explain(request, error):
    """What a shell would say: 127 if it is not there, 126 if it cannot be run."""
    if request.get('Stdout') is not None:
        request['Stdout'].close()
    if request.get('Stderr') is not None:
        output = request['Stderr'].get_output_stream()
        output.write_all(f'rexec-server: {error}\n'.encode())
        output.close()
    return 126 if shutil.which(request['Cmd']) else 127


def serve_request(message):
    request = message.unpack()
    try:
        status = execute(request)
    except OSError as error:
        status = explain(request, error)
    if request.get('StatusChan') is not None:
        with request['StatusChan'] as status_chan:
            # The original reads 32 bits.
            status_chan.send({'Status': GLib.Variant('i', status)})


def serve_channel(channel):
    try:
        for message in channel:
            threading.Thread(target=serve_request, args=(message,), daemon=True).start()
    except GLib.Error as error:
        print(f'rexec-server: a channel ended: {error.message}', file=sys.stderr)


def serve_session(session):
    try:
        for channel in session:
            threading.Thread(target=serve_channel, args=(channel,), daemon=True).start()
    except GLib.Error as error:
        print(f'rexec-server: a session ended: {error.message}', file=sys.stderr)


def main():
    with Chan.listen(sys.argv[1] if len(sys.argv) > 1 else 'tcp://127.0.0.1:9323') as listener:
        print(listener.get_uri(), flush=True)
        for session in listener:
            threading.Thread(target=serve_session, args=(session,), daemon=True).start()


main()
