#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Peers that say of a byte stream what is not so, or end it while they write: no end of file where bytes are missing."""

import socket
import time

import gi

gi.require_version('Gio', '2.0')
from gi.repository import Gio, GLib  # noqa: E402

import bus  # noqa: E402
from bus import harness  # noqa: E402
from test_dbus_hostile import ERRORS, NAME, Peer  # noqa: E402

RESET, CONNECTION_LOST, PROTOCOL = 2, 3, 5      # ChanChannelError
WINDOW = 64 * 1024


class Bytes(bus.BusCase):
    def setUp(self):
        super().setUp()
        self.reader = self.peer('bytes', self.uri(NAME))
        self.assertEqual(self.reader.line(), 'listening')
        self.client = Peer(self.address)
        self.client.open(1)
        self.client.open(3, 1, 'byte-stream')
        self.socket, theirs = socket.socketpair()
        self.addCleanup(self.socket.close)
        fds = Gio.UnixFDList.new()
        fds.append(theirs.fileno())
        theirs.close()
        handle = GLib.Variant('(soh)', ('byte-stream', f'{self.client.session}/channel/3', 0))
        self.client.push(1, 1, GLib.Variant('s', 'a stream'), [handle], fds)
        self.assertEqual(self.reader.line(), 'begun')

    def finish(self, n_bytes):
        self.client.peer('Finish', '(tut)', 3, 0, n_bytes)

    def assert_read(self, n_bytes, code, words=''):
        """What the application gets, when it reads."""
        self.client.push(1, 2, GLib.Variant('s', 'go'))
        line = self.reader.last_line(20).split(' ', 4)
        self.assertEqual(line[:2], ['closed' if code is None else 'error', str(n_bytes)], line)
        if code is not None:
            self.assertEqual(line[2:4], ['chan-channel-error-quark', str(code)], line)
            self.assertIn(words, line[4])
        self.client.close()

    def test_as_it_should_be(self):
        self.socket.sendall(bytes(20))
        self.finish(20)
        self.assert_read(20, None)

    def test_fewer_bytes_came(self):
        self.socket.sendall(bytes(10))
        self.socket.close()
        self.finish(20)
        self.assert_read(10, CONNECTION_LOST, 'before all was read')

    def test_fewer_bytes_come_later(self):
        self.finish(20)
        self.socket.sendall(bytes(10))
        self.socket.close()
        self.assert_read(10, CONNECTION_LOST, 'before all was read')

    def test_more_bytes_came(self):
        self.socket.sendall(bytes(20))
        self.client.peer('Ping', '()')
        self.finish(10)
        self.assert_read(20, PROTOCOL, 'more than it says')

    def fill(self):
        """As much as goes into the socket while nobody reads"""
        n, until = 0, time.monotonic() + 1
        self.socket.setblocking(False)
        while time.monotonic() < until:
            try:
                n += self.socket.send(bytes(4096))
            except BlockingIOError:
                time.sleep(0.01)
        return n

    def test_reset_behind_more_than_there_is_room_for(self):
        """It comes behind what was written before it; nothing is read at once for which there is no room, and nothing that is
        written after it."""
        n = self.fill()
        self.assertGreater(n, WINDOW)
        self.client.peer('Reset', '(tss)', 3, ERRORS + 'Reset', 'no more of this')
        with self.assertRaises(BlockingIOError):
            self.socket.send(b'x')
        self.client.push(1, 2, GLib.Variant('s', 'go'))
        self.socket.setblocking(True)
        self.socket.settimeout(20)
        try:
            for _ in range(100):
                self.socket.sendall(bytes(4096))
            self.fail('what comes behind the end is read')
        except (BrokenPipeError, ConnectionResetError):
            pass
        line = self.reader.last_line(20).split(' ', 4)
        self.assertEqual(line, ['error', str(n), 'chan-channel-error-quark', str(RESET), 'no more of this'])
        self.client.close()

    def test_the_end_of_the_session(self):
        """What was promised comes, though there was no room for it, and no more than that."""
        n = self.fill()
        self.finish(n - 10)
        self.client.peer('Finish', '(tut)', 1, 1, 0)
        self.client.peer('Close', '(ss)', '', '')
        self.assertEqual(self.reader.last_line(20), f'closed {n - 10}')
        self.client.close()


if __name__ == '__main__':
    harness.main()
