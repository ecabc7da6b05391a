#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whoever connects from peer to peer and does not speak D-Bus as it should, before it is known and after."""

import os
import select
import signal
import socket
import struct
import time

import bus
from bus import harness

AUTHENTICATION_SEC = 10


def ping():
    """A call of what is not there"""
    fields = b''
    for code, kind, text in ((1, b'o', b'/nowhere'), (2, b's', b'org.libchan.Peer'), (3, b's', b'Ping')):
        fields += b'\0' * (-len(fields) % 8) + bytes([code, 1]) + kind + b'\0' + struct.pack('<I', len(text)) + text + b'\0'
    header = b'l\1\0\1' + struct.pack('<III', 0, 1, len(fields)) + fields
    return header + b'\0' * (-len(header) % 8)


class Raw(bus.BusCase):
    def start_daemon(self):
        """No bus is needed."""

    def environment(self):
        # That fills memory that is only promised.
        return {name: value for name, value in super().environment().items() if name != 'MALLOC_PERTURB_'}

    def setUp(self):
        super().setUp()
        self.path = str(self.directory / 'peer')
        self.uri = f'dbus:unix:path={self.path}'
        self.server = self.run_program(harness.program('rexec-server'), f'{self.uri}?max-sessions-per-peer=4')
        self.server.line()
        self.addCleanup(self.check_alive)

    def check_alive(self):
        """It serves others, in both modes, as soon as those that are gone do not count any more."""
        for direct in ('require', 'never'):
            done = None
            for _ in range(50):
                done = self.output(harness.program('rexec'), f'{self.uri}?direct={direct}', '--', 'echo', 'hello', check=False)
                if done.returncode == 0:
                    break
                time.sleep(0.1)
            self.assertEqual(done.stdout, 'hello\n', done.stderr)

    def connect(self, path=None):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(AUTHENTICATION_SEC + 10)
        connection.connect(path or self.path)
        self.addCleanup(connection.close)
        return connection

    def authenticate(self, path=None):
        connection = self.connect(path)
        connection.sendall(b'\0AUTH EXTERNAL ' + str(os.geteuid()).encode().hex().encode() + b'\r\n')
        self.assertTrue(connection.recv(100).startswith(b'OK '))
        connection.sendall(b'NEGOTIATE_UNIX_FD\r\n')
        self.assertTrue(connection.recv(100).startswith(b'AGREE_UNIX_FD'))
        connection.sendall(b'BEGIN\r\n')
        return connection

    def assert_closed(self, connection):
        try:
            while connection.recv(65536):
                pass
        except ConnectionResetError:
            pass

    def test_mechanisms(self):
        """None but EXTERNAL, and only as who one is."""
        for line in (b'ANONYMOUS', b'DBUS_COOKIE_SHA1 ' + b'root'.hex().encode(), b'EXTERNAL ' + b'4242'.hex().encode(), b''):
            with self.subTest(line):
                connection = self.connect()
                connection.sendall(b'\0AUTH ' + line + b'\r\n')
                self.assertEqual(connection.recv(100), b'REJECTED EXTERNAL\r\n')
                connection.close()

    def test_silence(self):
        """Each has 10 s, and does not hold up the others."""
        silent = [self.connect() for _ in range(3)]
        slow = self.connect()
        slow.sendall(b'\0AUTH EXT')
        began = time.monotonic()
        for connection in silent + [slow]:
            self.assert_closed(connection)
        self.assertGreater(time.monotonic() - began, AUTHENTICATION_SEC - 2)
        self.assertLess(time.monotonic() - began, AUTHENTICATION_SEC + 5)

    def test_garbage(self):
        for garbage in (b'GET / HTTP/1.0\r\n\r\n', b'\0' * 100, os.urandom(1000)):
            connection = self.connect()
            connection.sendall(garbage)
            connection.shutdown(socket.SHUT_WR)
            self.assert_closed(connection)
        for garbage in (b'', b'l\1', b'x' * 100, b'l\1\0\1' + struct.pack('<III', 2 ** 31, 1, 2 ** 31), os.urandom(1000)):
            connection = self.authenticate()
            connection.sendall(garbage)
            connection.shutdown(socket.SHUT_WR)
            self.assert_closed(connection)

    def test_a_message_that_does_not_come(self):
        """It says 100 MiB, sends the header, and goes away much later: no memory is given for a promise."""
        connection = self.authenticate()
        before = self.server.status('VmRSS')
        connection.sendall(b'l\1\0\1' + struct.pack('<III', 100 * 1024 * 1024, 1, 0) + b'x' * 1000)
        time.sleep(1)
        self.assertLess(self.server.status('VmRSS') - before, 10 * 1024)
        self.check_alive()

    def test_no_session(self):
        """Calls of what is not there are answered, in an orderly way."""
        connection = self.authenticate()
        connection.sendall(ping())
        self.assertIn(b'org.freedesktop.DBus.Error.UnknownMethod', connection.recv(4096))

    def test_who_asks_on_and_on_and_reads_nothing_is_cut_off(self):
        connection = self.authenticate()
        before = self.server.status('VmRSS')
        with self.assertRaises((BrokenPipeError, ConnectionResetError)):
            for _ in range(1000):
                connection.sendall(ping() * 1000)
        self.assertLess(self.server.status('VmRSS') - before, (128 if self.server.is_sanitized() else 32) * 1024)

    def test_who_asks_more_than_that_and_reads_is_answered(self):
        connection = self.authenticate()
        for _ in range(10):
            connection.sendall(ping() * 1000)
            got = b''
            while got.count(b'UnknownMethod') < 1000:
                got += connection.recv(65536)

    def test_who_never_reads_is_left(self):
        """Answers wait to be written to it: a listener that is closed gives them two seconds, and then nothing of it stays."""
        path = str(self.directory / 'closing')
        server = self.peer('closing', f'dbus:unix:path={path}')
        self.assertEqual(server.line(), 'listening')
        connections = [self.authenticate(path) for _ in range(4)]
        for connection in connections:
            connection.sendall(ping() * 4000)
        time.sleep(0.5)
        threads = server.status('Threads')
        server.process.send_signal(signal.SIGUSR1)
        self.assertEqual(server.line(), 'closed')
        left = select.poll()
        for connection in connections:
            left.register(connection, 0)
        deadline = time.monotonic() + 10
        while len(left.poll(100)) < len(connections):
            self.assertLess(time.monotonic(), deadline, 'the connection is still open')
        while server.status('Threads') > threads:
            self.assertLess(time.monotonic(), deadline, 'threads are still there')
            time.sleep(0.05)


if __name__ == '__main__':
    harness.main()
