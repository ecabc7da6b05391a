#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whoever connects from peer to peer and does not speak D-Bus as it should, before it is known and after."""

import os
import socket
import struct
import time

import bus
from bus import harness

AUTHENTICATION_SEC = 10


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

    def connect(self):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(AUTHENTICATION_SEC + 10)
        connection.connect(self.path)
        self.addCleanup(connection.close)
        return connection

    def authenticate(self):
        connection = self.connect()
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
        fields = b''
        for code, kind, text in ((1, b'o', b'/nowhere'), (2, b's', b'org.libchan.Peer'), (3, b's', b'Ping')):
            fields += b'\0' * (-len(fields) % 8) + bytes([code, 1]) + kind + b'\0' + struct.pack('<I', len(text)) + text + b'\0'
        header = b'l\1\0\1' + struct.pack('<III', 0, 1, len(fields)) + fields
        connection.sendall(header + b'\0' * (-len(header) % 8))
        self.assertIn(b'org.freedesktop.DBus.Error.UnknownMethod', connection.recv(4096))


if __name__ == '__main__':
    harness.main()
