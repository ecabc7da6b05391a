#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Peers of generation 1, jschan and the first Go libchan, in both roles: commands run, and channels nest both ways."""

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
import unittest

import gen1peer
import harness
import msgpack_lite as mp
import rawpeer
import rexec_raw
import spdy

KINDS = ('jschan', 'go')
NEST = 'tests/interop/gen1-nest'


class Running(rexec_raw.Running):
    """A command, asked for as generation 1 does."""

    def __init__(self, peer, command, channel=None):
        self.peer = peer
        self.channel = channel or peer.open_channel()
        self.stdin, self.stdout, self.stderr = (peer.open_bytes(self.channel) for _ in range(3))
        self.status = peer.open_nested(self.channel)
        streams = {'Stdin': self.stdin, 'Stdout': self.stdout, 'Stderr': self.stderr}
        message = {'Cmd': command[0], 'Args': list(command[1:]), 'StatusChan': gen1peer.channel(self.status, gen1peer.SENDS)}
        message.update((key, gen1peer.byte_stream(stream)) for key, stream in streams.items())
        peer.send_message(self.channel, message)


class RexecServer(harness.ServerCase):
    program_name = 'rexec-server'

    def run_all(self, command, expected, stdin=b''):
        for kind in KINDS:
            with self.subTest(kind), gen1peer.Peer.connect(self.server.host, self.server.port, kind=kind) as peer:
                running = Running(peer, command)
                self.assertEqual(running.finish(stdin), expected)
                running.end_streams()

    def test_echo(self):
        self.run_all(['echo', 'hello'], (b'hello\n', b'', 0))

    def test_standard_error_and_status_4(self):
        self.run_all(['sh', '-c', 'echo out; echo err >&2; exit 4'], (b'out\n', b'err\n', 4))

    def test_200_kb_of_standard_input_come_back(self):
        blob = os.urandom(200000)
        self.run_all(['cat'], (blob, b'', 0), blob)

    def test_4_mib_within_windows(self):
        blob = os.urandom(4 << 20)
        self.run_all(['cat'], (blob, b'', 0), blob)

    def test_input_that_comes_before_the_message(self):
        """A byte stream has no parent here; it must wait to be named, and not be taken for a channel."""
        for kind in KINDS:
            with self.subTest(kind), gen1peer.Peer.connect(self.server.host, self.server.port, kind=kind) as peer:
                channel = peer.open_channel()
                stdin, stdout, stderr = (peer.open_bytes(channel) for _ in range(3))
                status = peer.open_nested(channel)
                peer.write(stdin, b'early')
                peer.fin(stdin)
                peer.ping()
                message = {'Cmd': 'cat', 'Args': [], 'StatusChan': gen1peer.channel(status, gen1peer.SENDS)}
                for key, stream in (('Stdin', stdin), ('Stdout', stdout), ('Stderr', stderr)):
                    message[key] = gen1peer.byte_stream(stream)
                peer.send_message(channel, message)
                self.assertEqual(peer.read_all(stdout), b'early')
                self.assertEqual(peer.recv_message(status), {'Status': 0})
                for stream in (stdout, stderr, status):
                    peer.fin(stream)

    def test_ten_commands_of_one_connection(self):
        for kind in KINDS:
            with self.subTest(kind), gen1peer.Peer.connect(self.server.host, self.server.port, kind=kind) as peer:
                channel = peer.open_channel()
                running = [Running(peer, ['sh', '-c', f'cat; exit {n}'], channel) for n in range(10)]
                for number, command in enumerate(running):
                    self.assertEqual(command.finish(b'%d' % number), (b'%d' % number, b'', number))
                    command.end_streams()

    def test_generation_2_is_served_beside_it(self):
        with gen1peer.Peer.connect(self.server.host, self.server.port) as old, self.server.connect() as new:
            first = Running(old, ['cat'])
            self.assertEqual(rexec_raw.run(new, 'echo', 'new'), (b'new\n', b'', 0))
            self.assertEqual(first.finish(b'old'), (b'old', b'', 0))
            first.end_streams()


class Listener:
    """Hands each connection to handle(peer), in a thread."""

    def __init__(self, handle, kind):
        self.handle, self.kind = handle, kind
        self.peers, self.errors = [], []
        self.socket = socket.create_server(('127.0.0.1', 0))
        self.socket.settimeout(30)
        self.uri = f'tcp://127.0.0.1:{self.socket.getsockname()[1]}?dialect=1'
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        try:
            while True:
                peer = gen1peer.Peer(self.socket.accept()[0], 'server', self.kind)
                self.peers.append(peer)
                threading.Thread(target=self.guarded, args=(peer,), daemon=True).start()
        except OSError:
            pass

    def guarded(self, peer):
        try:
            self.handle(peer)
        except rawpeer.Closed:
            pass
        except Exception as error:          # the test looks at them
            self.errors.append(error)

    def close(self):
        self.socket.close()
        for peer in self.peers:
            peer.close()


class ClientCase(unittest.TestCase):
    def listen(self, handle, kind):
        listener = Listener(handle, kind)
        self.addCleanup(listener.close)
        return listener

    def run_program(self, name, *arguments, stdin=b''):
        """(stdout, stderr, status)"""
        done = subprocess.run([harness.program(name), *arguments], input=stdin, capture_output=True, timeout=30,
                              env=harness.environment(), check=False)
        return done.stdout, done.stderr, done.returncode

    def assert_good(self, listener):
        peer, = listener.peers
        peer.wait_closed()
        peer.check()
        self.assertEqual(listener.errors, [])
        self.assertTrue(any(frame.type == spdy.GOAWAY for frame in peer.frames), 'the client did not say that it goes')


class RexecClient(ClientCase):
    def run_all(self, *command, stdin=b'', expected):
        for kind in KINDS:
            with self.subTest(kind):
                services = []
                listener = self.listen(lambda peer, services=services: services.append(rexec_raw.Service(peer)), kind)
                self.assertEqual(self.run_program('rexec', listener.uri, '--', *command, stdin=stdin), expected)
                self.assert_good(listener)
                self.assertEqual(services[0].errors, [])
                message, = services[0].messages
                self.assertEqual(set(message), {'Cmd', 'Args', 'Stdin', 'Stdout', 'Stderr', 'StatusChan'})
                self.assertEqual([message[key].code for key in ('Stdin', 'Stdout', 'Stderr', 'StatusChan')], [2, 2, 2, 1])

    def test_echo(self):
        self.run_all('echo', 'hello', expected=(b'hello\n', b'', 0))

    def test_standard_error_and_status_4(self):
        self.run_all('sh', '-c', 'echo out; echo err >&2; exit 4', expected=(b'out\n', b'err\n', 4))

    def test_200_kb_of_standard_input_come_back(self):
        blob = os.urandom(200000)
        self.run_all('cat', stdin=blob, expected=(blob, b'', 0))

    def test_4_mib_within_windows(self):
        """Both ways at once: neither side may stop reading, or the credit for the other way is never seen."""
        blob = os.urandom(4 << 20)
        self.run_all('cat', stdin=blob, expected=(blob, b'', 0))

    def test_death_by_signal(self):
        self.run_all('sh', '-c', 'kill -TERM $$', expected=(b'', b'', 128 + signal.SIGTERM))

    def test_what_the_streams_are(self):
        listener = self.listen(rexec_raw.Service, 'jschan')
        self.run_program('rexec', listener.uri, '--', 'true')
        self.assert_good(listener)
        streams = sorted(listener.peers[0].by_ref.values(), key=lambda stream: stream.id)
        self.assertEqual([(stream.id, stream.ref) for stream in streams], [(1, 1), (3, 3), (5, 5), (7, 7), (9, 9)])
        self.assertEqual([dict(stream.headers).get('libchan-parent-ref') for stream in streams], ['0', None, None, None, '1'])
        self.assertFalse(any(frame.type == spdy.SETTINGS for frame in listener.peers[0].frames))

    def test_end_does_not_wait_for_ends_that_never_come(self):
        """jschan ends no half of a channel that it reads: the client asks it by PING, and goes."""
        listener = self.listen(rexec_raw.Service, 'jschan')
        start = time.monotonic()
        self.run_program('rexec', listener.uri, '--', 'true')
        self.assertLess(time.monotonic() - start, 1.5)
        frames = listener.peers[0].frames
        self.assertEqual([frame.name for frame in frames[-2:]], ['PING', 'GOAWAY'])


class Nested(ClientCase):
    """Channels inside messages, opened by the server: by PUSH for jschan."""

    @staticmethod
    def answer(peer):
        """What `gen1-nest URI connect` asks for."""
        reply = peer.stream_of(peer.recv_message(peer.accept())['Nest'])
        tx, rx, stream = peer.open_nested(reply), peer.open_nested(reply), peer.open_bytes(reply)
        peer.send_message(reply, {'Tx': gen1peer.channel(tx, gen1peer.SENDS), 'Rx': gen1peer.channel(rx, gen1peer.RECEIVES),
                                  'Bs': gen1peer.byte_stream(stream)})
        peer.send_message(rx, {'echo': peer.recv_message(tx)})
        peer.write(stream, b're:' + peer.read(stream))
        if peer.kind == 'go':       # it ends what it has read to the end
            for channel in peer.by_ref[1], tx:
                with contextlib.suppress(rawpeer.EndOfStream):
                    while True:
                        peer.recv_message(channel)

    def test_opened_by_the_peer(self):
        for kind in KINDS:
            with self.subTest(kind):
                listener = self.listen(self.answer, kind)
                out, err, status = self.run_program(NEST, listener.uri, 'connect')
                self.assertEqual((err, status), (b'', 0))
                large = 'This peer takes messages of at most 65528 bytes' if kind == 'jschan' else 'sent'
                self.assertEqual(out.decode().splitlines(), [
                    'dialect 1', "{'Tx': <handle 0>, 'Rx': <handle 1>, 'Bs': <handle 2>}", "{'echo': <'ping'>}",
                    're:HTTP/1.1 is no head', f'large {large}', 'closed'])
                self.assert_good(listener)

    def ask(self, peer):
        channel = peer.open_channel()
        reply = peer.open_nested(channel)
        peer.send_message(channel, {'Nest': gen1peer.channel(reply, gen1peer.SENDS)})
        answer = peer.recv_message(reply)
        tx, rx, stream = (peer.stream_of(answer[key]) for key in ('Tx', 'Rx', 'Bs'))
        self.assertEqual([tx.parent, rx.parent], [reply.ref, reply.ref])
        peer.send_message(tx, {'pong': peer.recv_message(rx)})
        peer.write(stream, b're:' + peer.read(stream))
        deep = peer.stream_of(peer.recv_message(rx)['Deep'])
        self.assertEqual(deep.parent, rx.ref)
        peer.send_message(deep, 'deep')
        if peer.kind == 'go':       # it ends what it has read to the end, and what it has written
            for ended in (channel, tx, rx, deep, reply):
                peer.fin(ended)
        peer.wait_closed()

    def test_opened_by_us(self):
        for kind in KINDS:
            with self.subTest(kind):
                server = harness.Server(NEST, arguments=('listen',))
                self.addCleanup(server.stop)
                with gen1peer.Peer.connect(server.host, server.port, kind=kind) as peer:
                    self.ask(peer)
                server.process.wait(5)
                server.out.thread.join(5)
                self.assertEqual([line.strip() for line in server.out.text[1:]], [
                    "{'Nest': <handle 0>}", 'dialect 1', "{'pong': <'from server'>}", 're:server bytes', "'deep'", 'closed'])


if __name__ == '__main__':
    harness.main()
