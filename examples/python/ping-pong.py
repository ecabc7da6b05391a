#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Both ends of a conversation in one process, over whatever transport the URI names (default memory:ping-pong): the
program does not know which. Each ping carries its own return channel.

usage: ping-pong.py [-n COUNT] [URI|@NAME]
"""

import argparse
import threading
import time

import example
from gi.repository import Chan, GLib


def answer_all(pings: Chan.Receiver) -> None:
    """Answers every ping on the channel that came with it."""
    for ping in pings:
        reply = example.lookup(ping, 'Reply', Chan.Sender)
        if reply is not None:
            with reply:
                reply.send('pong')


def serve(listener: Chan.Listener) -> None:
    try:
        session = listener.accept()
        pings = session.accept_channel() if session is not None else None
        if pings is not None:
            answer_all(pings)
    except GLib.Error as error:
        example.failed(error)


def play(uri: str, count: int) -> None:
    with Chan.listen(uri) as listener:
        server = threading.Thread(target=serve, args=(listener,), daemon=True)
        server.start()
        # A name stays a name: its endpoint may say more than where. Port 0 and the like are only known to the listener.
        with Chan.connect(uri if uri.startswith('@') else listener.get_uri()) as session:
            pings = session.open_channel('pings')
            begun = time.perf_counter()
            for _ in range(count):
                pings.request({'Text': 'ping'}, 'Reply')
            each = (time.perf_counter() - begun) / max(count, 1)
            print(f'{count} rounds over {listener.get_uri()}, {each * 1e6:.1f} µs each')
    server.join()


parser = argparse.ArgumentParser(description=__doc__.partition('\n\nusage')[0])
parser.add_argument('-n', '--count', type=int, default=1000, help='How many rounds (default 1000)')
parser.add_argument('uri', nargs='?', default='memory:ping-pong', metavar='URI|@NAME')
options = parser.parse_args()
example.run(play, options.uri, options.count)
