#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What ends because it takes too long, and what does not; and servers that run out of file descriptors."""

import resource
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import unittest

import echo_raw
import harness
import rawpeer
import spdy

DRIP = 0.2
ENOUGH = 10


class Case(unittest.TestCase):
    def serve(self, options):
        server = harness.Server('echo-server', f'tcp://127.0.0.1:0?{options}')
        self.addCleanup(server.stop)
        return server

    def connect(self, server, **options):
        peer = server.connect(**options)
        self.addCleanup(peer.close)
        return peer

    def drip(self, peer, raw, seconds):
        """Byte after byte, for so long or until the connection ends. How long that took."""
        began = time.monotonic()
        for byte in raw:
            if peer.closed or time.monotonic() - began > seconds:
                break
            try:
                peer.send_raw(bytes([byte]))
            except rawpeer.Closed:
                break
            time.sleep(DRIP)
        return time.monotonic() - began


class Frames(Case):
    def test_a_control_frame_has_its_time_in_all(self):
        server = self.serve('handshake-timeout-sec=1')
        for raw in (struct.pack('>HHI', 0x8003, spdy.SYN_STREAM, 100) + b'\0' * 100, b'\x80\x03\0\1', b'\x80' * 7):
            with self.subTest(raw[:8]):
                peer = self.connect(server, strictly=False)
                # What we send meanwhile is no news of the frame.
                echo = echo_raw.Echo(peer)
                self.assertEqual(echo.exchange(1), 1)
                peer.send_raw(spdy.ping(101))
                self.drip(peer, raw[:-1], 3)
                peer.wait_closed(ENOUGH)
                echo_raw.assert_served(server)

    def test_a_frame_of_data_may_take_long(self):
        server = self.serve('handshake-timeout-sec=1')
        peer = self.connect(server)
        echo = echo_raw.Echo(peer)
        answer = peer.open_nested(echo.channel)
        body = b'\x82\xa1P\xd9\x20' + b'x' * 32 + b'\xa1R' + rawpeer.mp.encode(answer.as_(rawpeer.mp.SENDER))
        raw = spdy.data(echo.channel.id, body)
        peer.send_raw(raw[:8])
        self.assertGreater(self.drip(peer, raw[8:], 60), 5)
        self.assertEqual(echo.answer(answer)[0], 'x' * 32)

    def test_a_frame_of_data_may_not_stop(self):
        server = self.serve('handshake-timeout-sec=1')
        peer = self.connect(server)
        echo = echo_raw.Echo(peer)
        self.assertEqual(echo.exchange(1), 1)
        peer.send_raw(spdy.data(echo.channel.id, b'x' * 100)[:50])
        began = time.monotonic()
        peer.wait_closed(ENOUGH)
        self.assertGreater(time.monotonic() - began, 2)


class Silence(Case):
    def test_a_peer_of_another_kind_is_asked(self):
        server = self.serve('keepalive-sec=2&keepalive-timeout-sec=1')
        peer = self.connect(server)
        echo = echo_raw.Echo(peer)
        self.assertEqual(echo.exchange(1), 1)
        deadline = time.monotonic() + ENOUGH
        while not any(frame.type == spdy.PING for frame in peer.frames):
            self.assertLess(time.monotonic(), deadline, 'nobody asked')
            time.sleep(0.05)
        self.assertEqual(echo.exchange(2), 2)


    def test_a_stopped_server(self):
        """Nothing comes, and nothing ends: the client gives it up by itself."""
        directory = tempfile.TemporaryDirectory(prefix='chan-patience-')
        self.addCleanup(directory.cleanup)
        for uri in ('tcp://127.0.0.1:0', f'unix:{directory.name}/socket'):
            with self.subTest(uri):
                server = harness.Server('rexec-server', uri)
                self.addCleanup(server.stop)
                client = subprocess.Popen([harness.program('rexec'), f'{server.uri}?keepalive-sec=1&keepalive-timeout-sec=1', '--',
                                           'sh', '-c', 'echo begun; sleep 60'], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                          env=harness.environment(), preexec_fn=harness.die_with_parent)
                with client:
                    self.assertEqual(client.stdout.readline(), 'begun\n')
                    server.process.send_signal(signal.SIGSTOP)
                    began = time.monotonic()
                    _out, err = client.communicate(timeout=2 * ENOUGH)
                    server.process.send_signal(signal.SIGCONT)
                self.assertEqual(client.returncode, 246, err)
                self.assertIn('silent', err)
                self.assertGreater(time.monotonic() - began, 1)

    def test_a_session_without_channels(self):
        server = self.serve('idle-timeout-sec=1')
        peer = self.connect(server)
        began = time.monotonic()
        self.assertEqual(peer.wait_closed(ENOUGH).word, 0)
        self.assertGreater(time.monotonic() - began, 0.8)
        busy = self.connect(server)
        echo = echo_raw.Echo(busy)
        time.sleep(2)
        self.assertEqual(echo.exchange(1), 1)

    def test_a_peer_that_takes_no_byte(self):
        server = self.serve('write-stall-sec=1&send-buffer=16384')
        peer = self.connect(server, strictly=False)
        echo = echo_raw.Echo(peer)
        self.assertEqual(echo.exchange(1), 1)
        peer.reading = False
        for _ in range(3):
            echo.ask('x' * 1_000_000)
        time.sleep(3)
        peer.resume()
        peer.wait_closed(ENOUGH)
        echo_raw.assert_served(server)


class Descriptors(Case):
    def test_more_clients_than_descriptors(self):
        """The server lives, goes on with whom it has, and takes others when these have gone."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        for _ in range(4):
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
            try:
                server = harness.Server('echo-server', 'tcp://127.0.0.1:0?backlog=1024')
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            self.addCleanup(server.stop)
            clients = []
            threads = [threading.Thread(target=lambda: clients.extend(socket.create_connection((server.host, server.port), ENOUGH)
                                                                      for _ in range(100)), daemon=True) for _ in range(5)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(3 * ENOUGH)
            self.assertEqual(len(clients), 500)
            time.sleep(0.3)
            server.assert_alive()
            for client in clients:
                client.close()
            deadline = time.monotonic() + ENOUGH
            while True:
                try:
                    echo_raw.assert_served(server, ENOUGH)
                    break
                except (rawpeer.Closed, ConnectionError):       # it has not heard yet that they went
                    self.assertLess(time.monotonic(), deadline)
                    time.sleep(0.1)
            server.assert_alive()


if __name__ == '__main__':
    harness.main()
