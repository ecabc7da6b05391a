#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Our rexec is the client of a server that behaves like Go libchan, and of servers that behave badly."""

import os
import signal
import socket
import subprocess
import threading
import time
import unittest

import harness
import msgpack_lite as mp
import rawpeer
import rexec_raw
import spdy

OWN_FAILURE = range(240, 250)       # exit statuses of rexec itself
QUICKLY = 5


class RawServer:
    """Listens; calls handle(peer) in a thread for each connection."""

    def __init__(self, handle, **options):
        self.handle, self.options = handle, options
        self.peers, self.errors = [], []
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.listener.settimeout(30)
        self.port = self.listener.getsockname()[1]
        self.address = f'tcp://127.0.0.1:{self.port}'
        # The peer is known to say nothing: there is no need to wait for long.
        self.uri = self.address + '?settle-ms=200'
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        try:
            while True:
                sock = self.listener.accept()[0]
                peer = rawpeer.Peer(sock, 'server', **self.options)
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
        self.listener.close()
        for peer in self.peers:
            peer.close()


class Case(unittest.TestCase):
    def serve(self, handle=None, peer=None, **options):
        """A server that executes, unless it is told something else. peer: options of its peers, or None."""
        self.services = []
        server = RawServer(handle or (lambda peer: self.services.append(rexec_raw.Service(peer, **options))), **(peer or {}))
        self.addCleanup(server.close)
        return server

    def rexec(self, server, *command, stdin=b'', timeout=30):
        """(stdout, stderr, status)"""
        done = subprocess.run([harness.program('rexec'), server.uri, '--', *command], input=stdin, capture_output=True,
                              timeout=timeout, env=harness.environment(), check=False)
        return done.stdout, done.stderr, done.returncode

    def assert_good(self, server, count=1):
        """The client did nothing that hurts a Go peer, and has left."""
        for peer in server.peers:
            peer.wait_closed()
            peer.check()
        for service in self.services:
            self.assertEqual(service.errors, [])
        self.assertEqual((server.errors, len(server.peers)), ([], count))

    def assert_fails_itself(self, server, *command, stdin=b''):
        start = time.monotonic()
        out, err, status = self.rexec(server, *command, stdin=stdin)
        self.assertIn(status, OWN_FAILURE, (out, err))
        self.assertLess(time.monotonic() - start, QUICKLY)
        self.assertNotEqual(err, b'', 'it says nothing about why')
        return out


class Good(Case):
    def run_one(self, *command, stdin=b'', **options):
        server = self.serve(**options)
        result = self.rexec(server, *command, stdin=stdin)
        self.assert_good(server)
        return result

    def test_echo(self):
        self.assertEqual(self.run_one('echo', 'hello'), (b'hello\n', b'', 0))

    def test_200_kb_of_standard_input(self):
        blob = os.urandom(200000)
        self.assertEqual(self.run_one('cat', stdin=blob), (blob, b'', 0))

    def test_4_mib_without_any_window_update(self):
        """Go grants no credit; a client that waits for it stands still at 64 KiB."""
        blob = os.urandom(4 << 20)
        self.assertEqual(self.run_one('cat', stdin=blob), (blob, b'', 0))

    def test_standard_error_and_status(self):
        command = ('sh', '-c', 'echo out; echo err >&2; exit 4')
        self.assertEqual(self.run_one(*command), (b'out\n', b'err\n', 4))

    def test_every_status(self):
        for status in (0, 1, 7, 126, 127, 128 + signal.SIGTERM, 200, 255):
            with self.subTest(status):
                self.assertEqual(self.run_one('sh', '-c', f'exit {status}'), (b'', b'', status))

    def test_death_by_signal(self):
        self.assertEqual(self.run_one('sh', '-c', 'kill -TERM $$')[2], 128 + signal.SIGTERM)

    def test_answers_in_frames_of_one_byte(self):
        result = self.run_one('sh', '-c', 'echo out; echo err >&2; exit 4', size=1)
        self.assertEqual(result, (b'out\n', b'err\n', 4))

    def test_early_fins_on_streams_that_go_both_ways(self):
        self.assertEqual(self.run_one('cat', stdin=b'still read', early_fins=True), (b'still read', b'', 0))

    def test_what_the_client_sends(self):
        server = self.serve()
        self.rexec(server, 'echo', 'a', 'b')
        self.assert_good(server)
        message, = self.services[0].messages
        self.assertEqual(set(message), {'Cmd', 'Args', 'Stdin', 'Stdout', 'Stderr', 'StatusChan'})
        self.assertEqual((message['Cmd'], message['Args']), ('echo', ['a', 'b']))
        self.assertIn(message['Stdin'].code, (mp.DUPLEX, mp.READS))
        self.assertIn(message['Stdout'].code, (mp.DUPLEX, mp.WRITES))
        self.assertIn(message['Stderr'].code, (mp.DUPLEX, mp.WRITES))
        self.assertEqual(message['StatusChan'].code, mp.SENDER)
        streams = sorted(server.peers[0].by_ref.values(), key=lambda stream: stream.id)
        self.assertEqual([stream.id for stream in streams], [1, 3, 5, 7, 9])
        self.assertEqual(sorted(stream.ref for stream in streams), [2, 3, 4, 5, 6])
        self.assertEqual([stream.parent for stream in streams], [0] + [streams[0].ref] * 4)

    def test_standard_input_that_stays_open(self):
        """The client ends with the command, not with its input."""
        server = self.serve()
        with subprocess.Popen([harness.program('rexec'), server.uri, '--', 'sh', '-c', 'exit 5'], stdin=subprocess.PIPE,
                              stdout=subprocess.DEVNULL, env=harness.environment()) as child:
            self.assertEqual(child.wait(QUICKLY), 5)
        self.assert_good(server)

    def test_ping_during_a_command_is_answered(self):
        times = []

        def handle(peer):
            self.services.append(rexec_raw.Service(peer))
            peer.wait(lambda: peer.by_ref)
            times.append(peer.ping())

        server = self.serve(handle)
        self.assertEqual(self.rexec(server, 'sleep', '0.5')[2], 0)
        self.assertTrue(times and times[0] < 0.4, times)

    def test_server_that_opens_a_channel_to_its_client(self):
        channels = []

        def handle(peer):
            self.services.append(rexec_raw.Service(peer))
            peer.wait(lambda: peer.by_ref)
            channels.append(peer.open_channel())

        server = self.serve(handle)
        self.assertEqual(self.rexec(server, 'sh', '-c', 'sleep 0.3; echo done'), (b'done\n', b'', 0))
        server.peers[0].check()
        self.assertTrue(channels[0].replied, 'the client did not answer the SYN_STREAM')

    def test_settings_and_empty_frames_between_the_answers(self):
        def handle(peer):
            peer.send_raw(spdy.settings([(4, 100)]) + spdy.window_update(0, 1))
            self.services.append(rexec_raw.Service(peer))

        server = self.serve(handle)
        self.assertEqual(self.rexec(server, 'echo', 'hello'), (b'hello\n', b'', 0))


class Bad(Case):
    def test_nobody_listens(self):
        server = self.serve()
        server.close()
        self.assert_fails_itself(server, 'true')

    def test_refused_channel(self):
        refuse = {'refuse': lambda stream: None if stream.parent else spdy.REFUSED_STREAM}
        server = self.serve(lambda peer: None, refuse)
        self.assert_fails_itself(server, 'true')
        for peer in server.peers:
            peer.check()

    def test_every_nested_stream_refused(self):
        refuse = {'refuse': lambda stream: spdy.REFUSED_STREAM if stream.parent else None}
        self.assert_fails_itself(self.serve(None, refuse), 'true')

    def test_one_nested_stream_refused(self):
        for number in (3, 5, 7, 9):
            refuse = {'refuse': lambda stream, number=number: spdy.REFUSED_STREAM if stream.id == number else None}
            with self.subTest(number):
                start = time.monotonic()
                status = self.rexec(self.serve(None, refuse), 'true')[2]
                self.assertGreaterEqual(status, 0, 'killed by a signal')
                self.assertLess(time.monotonic() - start, QUICKLY)

    def test_connection_dropped_at_once(self):
        for hard in (False, True):
            self.assert_fails_itself(self.serve(lambda peer, hard=hard: peer.close(hard)), 'true')

    def drop(self, hard, *raw):
        """A server that takes the message, writes a line, and sends `raw` before it drops the connection."""
        def handle(peer):
            message = peer.recv_message(peer.accept())
            stdout = peer.stream_of(message['Stdout'])
            peer.write(stdout, b'the first line\n')
            for make in raw:
                peer.send_raw(make(peer, message))
            peer.flush()
            time.sleep(0.2)
            peer.close(hard)

        return handle

    def test_connection_dropped_in_the_middle(self):
        for hard in (False, True):
            with self.subTest(hard=hard):
                self.assertEqual(self.assert_fails_itself(self.serve(self.drop(hard)), 'cat'), b'the first line\n')

    def test_connection_dropped_inside_a_frame(self):
        def half(peer, message):
            return spdy.data(peer.stream_of(message['StatusChan']).id, mp.encode({'Status': 0}))[:-2]

        self.assert_fails_itself(self.serve(self.drop(False, half)), 'cat')

    def test_goaway_in_the_middle(self):
        self.assert_fails_itself(self.serve(self.drop(False, lambda *_: spdy.goaway())), 'cat')

    def test_goaway_that_leaves_the_channel_out(self):
        """The peer will never look at it, though it lives on: there is nothing to wait for."""
        def handle(peer):
            peer.accept()
            peer.send_raw(spdy.goaway())
            peer.flush()
            peer.wait_closed()

        self.assert_fails_itself(self.serve(handle), 'true')

    def status_stream(self, act):
        def handle(peer):
            message = peer.recv_message(peer.accept())
            act(peer, peer.stream_of(message['StatusChan']))
            peer.fin(peer.stream_of(message['Stdout']))
            peer.fin(peer.stream_of(message['Stderr']))

        return self.serve(handle)

    def test_end_of_the_status_channel_without_a_status(self):
        self.assert_fails_itself(self.status_stream(lambda peer, stream: peer.fin(stream)), 'true')

    def test_reset_of_the_status_channel(self):
        self.assert_fails_itself(self.status_stream(lambda peer, stream: peer.rst(stream)), 'true')

    def test_half_a_status(self):
        def act(peer, stream):
            peer.write(stream, mp.encode({'Status': 3})[:-3])
            peer.fin(stream)

        self.assert_fails_itself(self.status_stream(act), 'true')

    def test_status_that_is_none(self):
        for value in ({}, {'Status': 'zero'}, {'Status': None}, [1], None, mp.Raw(b'\xc1')):
            def act(peer, stream, value=value):
                peer.send_message(stream, value)

            with self.subTest(value):
                self.assert_fails_itself(self.status_stream(act), 'true')

    def test_bad_frame_instead_of_an_answer(self):
        for raw in (spdy.settings([(7, 1)], count=0xffffffff), spdy.control(spdy.SYN_REPLY, b'\0\0\0\1garbage'), spdy.data(0, b'x')):
            with self.subTest(raw):
                server = self.serve(lambda peer, raw=raw: peer.send_raw(raw), {'strictly': False, 'answer_streams': False})
                self.assert_fails_itself(server, 'true')


if __name__ == '__main__':
    harness.main()
