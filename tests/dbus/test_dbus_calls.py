#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a program of ours calls its peer, and in which order."""

import queue

import gi

gi.require_version('Gio', '2.0')
from gi.repository import Gio, GLib  # noqa: E402

import bus  # noqa: E402
from bus import harness  # noqa: E402
from test_dbus_hostile import NAME, Peer  # noqa: E402


class Watching(Peer):
    """Keeps what it is called, in order; answers only if it is told to."""

    def __init__(self, address, answers=True, **options):
        self.calls, self.answers, self.lying = queue.Queue(), answers, []
        super().__init__(address, **options)

    def answer(self, connection, message, incoming):
        if not incoming or message.get_message_type() != Gio.DBusMessageType.METHOD_CALL:
            return message
        if message.get_path() == '/peer':
            self.calls.put((message.get_member(), message.get_body().unpack() if message.get_body() else ()))
            if not self.answers:
                self.lying.append(message)
                return None
        return super().answer(connection, message, incoming)

    def request(self, number, child):
        """Of the echo-server: to be answered on the channel `child`."""
        self.open(child, number, 'sender', 1)
        self.push(number, 1, GLib.Variant('a{sv}', {'P': GLib.Variant('s', 'hello'), 'R': GLib.Variant('(sv)', ('h', GLib.Variant('u', 0)))}),
                  [GLib.Variant('(so)', ('sender', f'{self.session}/channel/{child}'))])


class Order(bus.BusCase):
    def test_taken_comes_before_what_came_of_it(self):
        """Who sends a job is to know that it was taken before it gets the answer: else a job that is answered would be lost
        if the one who answered died between the two."""
        server = self.run_program(harness.program('echo-server'), self.uri(NAME))
        server.line()
        client = Watching(self.address, options={'session-window': GLib.Variant('t', 65536)})
        for number in range(1, 41, 4):
            client.open(number, capacity=1)
            client.request(number, number + 2)
            seen = []
            while len(seen) < 2:
                member, values = client.calls.get(timeout=20)
                if member in ('Taken', 'Push'):
                    seen.append((member, values[0]))
            self.assertEqual(seen, [('Taken', number), ('Push', number + 2)])
        client.close()


if __name__ == '__main__':
    harness.main()
