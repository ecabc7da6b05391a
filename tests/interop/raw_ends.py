# SPDX-License-Identifier: LGPL-2.1-or-later
"""Ends of channels and byte streams on the raw peer, and what scripts are written with."""

import threading

import msgpack_lite as mp
import rawpeer


class Wrong(Exception):
    """Something is not as the scenario says."""


def check(good, text):
    if not good:
        raise Wrong(text)


def same(got, want, what='message'):
    """Equal, also in type: msgpack tells 1 from 1.0 and from True."""
    if repr(canonical(got)) != repr(canonical(want)):
        raise Wrong(f'{what}: got {got!r:.300} for {want!r:.300}')


def canonical(value):
    """A map has no order."""
    if isinstance(value, dict):
        return {key: canonical(value[key]) for key in sorted(value)}
    return [canonical(item) for item in value] if isinstance(value, list) else value


def together(*functions):
    """Runs them at the same time, and fails if one does."""
    errors = []

    def guarded(function):
        try:
            function()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(function,), daemon=True) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(3 * rawpeer.TIMEOUT)
    if errors:
        raise errors[0]
    check(not any(thread.is_alive() for thread in threads), 'a part of the script is not over')


class End:
    def __init__(self, peer, stream):
        self.peer, self.stream = peer, stream


class Sender(End):
    code = mp.SENDER

    def send(self, value):
        self.peer.send_message(self.stream, value)

    def close(self):
        self.peer.fin(self.stream)

    def send_and_close(self, *values):
        for value in values:
            self.send(value)
        self.close()

    def abort(self):
        self.peer.rst(self.stream)

    def give(self, kind):
        """A stream for a message on this channel: what goes into the message, and the end that stays here."""
        stream = self.peer.open_nested(self.stream)
        here = {mp.SENDER: Receiver, mp.RECEIVER: Sender}.get(kind, Bytes)
        return stream.as_(kind), here(self.peer, stream)


class Receiver(End):
    code = mp.RECEIVER

    def receive(self):
        return self.peer.recv_message(self.stream)

    def expect(self, value):
        same(self.receive(), value)

    def expect_end(self):
        try:
            value = self.receive()
        except rawpeer.EndOfStream:
            return
        raise Wrong(f'{value!r:.200} where the end should be')

    def expect_abort(self):
        try:
            value = self.receive()
        except rawpeer.StreamReset:
            return
        except rawpeer.EndOfStream:
            value = 'a clean end'
        raise Wrong(f'{value!r:.200} where a reset should be')

    def close(self):
        """What no peer in Go can do."""
        self.peer.rst(self.stream)


class Bytes(End):
    code = mp.DUPLEX

    def write_all(self, data):
        self.peer.write(self.stream, data)
        self.peer.fin(self.stream)

    def read_all(self, want):
        got = self.peer.read_all(self.stream)
        check(got == want, f'read {len(got)} bytes that are not the {len(want)} expected')

    def close(self):
        self.peer.fin(self.stream)


def take(peer, value):
    """The end that a received message names."""
    check(isinstance(value, mp.Ext) and 1 <= value.code <= 5, f'{value!r:.100} where a handle should be')
    kind = {mp.SENDER: Sender, mp.RECEIVER: Receiver}.get(value.code, Bytes)
    return kind(peer, peer.stream_of(value))


# ---- passing ends on: a new stream, and everything is copied

def background(function, *arguments):
    threading.Thread(target=function, args=arguments, daemon=True).start()


def pass_on(end, carrier):
    """What stands for an end of another stream in a message on `carrier`."""
    ext, here = carrier.give(end.code)
    if isinstance(end, Sender):
        background(copy_messages, here, end)
    elif isinstance(end, Receiver):
        background(copy_messages, end, here)
    else:
        background(copy_bytes, end, here)
        background(copy_bytes, here, end)
    return ext


def rewrapped(value, peer, carrier):
    if isinstance(value, mp.Ext) and 1 <= value.code <= 5:
        return pass_on(take(peer, value), carrier)
    if isinstance(value, dict):
        return {key: rewrapped(item, peer, carrier) for key, item in value.items()}
    return [rewrapped(item, peer, carrier) for item in value] if isinstance(value, list) else value


def copy_messages(source, target):
    try:
        while True:
            target.send(rewrapped(source.receive(), source.peer, target))
    except rawpeer.EndOfStream:
        target.close()
    except rawpeer.StreamReset:
        target.abort()
    except rawpeer.Closed:
        pass


def copy_bytes(source, target):
    try:
        for chunk in iter(lambda: source.peer.read(source.stream), b''):
            target.peer.write(target.stream, chunk)
        target.close()
    except rawpeer.StreamReset:
        target.peer.rst(target.stream)
    except rawpeer.Closed:
        pass
