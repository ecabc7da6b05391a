#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Listens or connects over files: or pair: with the transport in Python. files-peer.js does the same in JavaScript.

usage: files_peer.py listen URI|connect URI
"""

import sys
import threading

import gi

gi.require_version('Chan', '1')
from gi.repository import Chan, GLib  # noqa: E402

import files_transport  # noqa: E402,F401    registers files:
import pair_transport  # noqa: E402,F401    registers pair:


def serve(session):
    try:
        for channel in session:
            for request in channel:
                with request['Reply'] as reply:
                    reply.send(request['Text'].upper())
    except GLib.Error:
        pass        # the client is gone


def accept(listener):
    for session in listener:
        threading.Thread(target=serve, args=(session,), daemon=True).start()


def listen(uri):
    """Until its input ends."""
    listener = Chan.listen(uri)
    threading.Thread(target=accept, args=(listener,), daemon=True).start()
    print('listening', flush=True)
    sys.stdin.read()
    listener.close()


def connect(uri):
    """Asks, prints the answer, and stays until its input ends."""
    with Chan.connect(uri, timeout=20) as session:
        print(session.open_channel().request({'Text': 'hello'}, 'Reply', timeout=20).unpack(), flush=True)
        sys.stdin.read()


try:
    {'listen': listen, 'connect': connect}[sys.argv[1]](sys.argv[2])
except GLib.Error as failure:
    print(failure.message)
    sys.exit(1)
