# SPDX-License-Identifier: LGPL-2.1-or-later
"""A client of the echo server, which answers {"P": x, "R": sender} with {"P": x} on R."""

import contextlib
import time

import msgpack_lite as mp
import rawpeer


class Echo:
    def __init__(self, peer, channel=None):
        self.peer = peer
        self.channel = channel or peer.open_channel()

    def ask(self, value, more=(), **options):
        """Sends a request; gives the stream on which the answer will come."""
        answer = self.peer.open_nested(self.channel)
        self.peer.send_message(self.channel, {'P': value, 'R': answer.as_(mp.SENDER), **dict(more)}, **options)
        return answer

    def answer(self, stream, timeout=rawpeer.TIMEOUT):
        """(value, bytes of the whole answer)"""
        message, raw = self.peer.recv_message_raw(stream, timeout)
        if not isinstance(message, dict) or set(message) != {'P'}:
            raise AssertionError(f'the answer is {message!r:.200}')
        self.peer.fin(stream)
        return message['P'], raw

    def exchange(self, value, timeout=rawpeer.TIMEOUT, **options):
        return self.answer(self.ask(value, **options), timeout)[0]


@contextlib.contextmanager
def client(server, **options):
    """A well-behaved client for the length of a block; the block fails with what its judge found."""
    with server.connect(**options) as peer:
        yield Echo(peer)


def assert_served(server, limit=1.0):
    """A new honest client gets its answer in time."""
    start = time.monotonic()
    with client(server) as echo:
        value = {'honest': [1, 'two', 3.5]}
        if echo.exchange(value, timeout=limit + 5) != value:
            raise AssertionError('an honest client got a wrong answer')
    took = time.monotonic() - start
    if took > limit:
        raise AssertionError(f'an honest client waited {took:.2f} s, more than {limit} s')
