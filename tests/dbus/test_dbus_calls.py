#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a program of ours calls its peer, and in which order."""

import queue
import signal
import time

import gi

gi.require_version('Gio', '2.0')
from gi.repository import Gio, GLib  # noqa: E402

import bus  # noqa: E402
from bus import harness  # noqa: E402
from test_dbus_hostile import BASE, ERRORS, NAME, Peer, Refused  # noqa: E402


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

    def begin(self):
        """Another session, over the same connection."""
        self.session, self.offer = self.call(BASE, 'Listener', 'Open', GLib.Variant('(oa{sv})', ('/peer', {})))

    def request(self, number, child):
        """Of the echo-server: to be answered on the channel `child`."""
        self.open(child, number, 'sender', 1)
        self.push(number, 1, GLib.Variant('a{sv}', {'P': GLib.Variant('s', 'hello'), 'R': GLib.Variant('(sv)', ('h', GLib.Variant('u', 0)))}),
                  [GLib.Variant('(so)', ('sender', f'{self.session}/channel/{child}'))])


class Silent:
    """Asks for a session, and answers nothing."""

    def __init__(self, address):
        flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
        self.connection = Gio.DBusConnection.new_for_address_sync(address, flags, None, None)
        self.asked, self.answered = queue.Queue(), queue.Queue()
        self.connection.add_filter(self.came)
        call = Gio.DBusMessage.new_method_call(NAME, BASE, 'org.libchan.Listener', 'Open')
        call.set_body(GLib.Variant('(oa{sv})', ('/peer', {})))
        self.connection.send_message(call, Gio.DBusSendMessageFlags.NONE)

    def came(self, connection, message, incoming):
        kind = message.get_message_type()
        if incoming and kind == Gio.DBusMessageType.METHOD_CALL:
            self.asked.put(message)
            return None
        if incoming and kind in (Gio.DBusMessageType.METHOD_RETURN, Gio.DBusMessageType.ERROR):
            self.answered.put(message)
        return message


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


class Owed(bus.BusCase):
    """Answers that never come."""

    limits = '<limit name="max_replies_per_connection">128</limit>'

    def setUp(self):
        super().setUp()
        self.server = self.run_program(harness.program('echo-server'), self.uri(NAME, more='&keepalive-sec=0'))
        self.server.line()

    def leave_calls(self, client):
        """A session whose calls are left unanswered: one for each stream, which cannot be opened like that."""
        for number in range(1, 65, 2):
            client.open(number, kind='sender')
        for _ in range(32):
            self.assertEqual(client.calls.get(timeout=20)[0], 'Reset')
        client.peer('Close', '(ss)', ERRORS + 'Failed', '')

    def assert_served(self):
        honest = Watching(self.address, options={'session-window': GLib.Variant('t', 65536)})
        honest.open(1)
        honest.request(1, 3)
        while honest.calls.get(timeout=20)[0] != 'Push':
            pass
        honest.close()

    def test_by_one_peer(self):
        """Session after session: they count for the peer, not for the session, and others are served."""
        hostile = Watching(self.address, answers=False)
        self.leave_calls(hostile)
        with self.assertRaises(Refused) as caught:
            for _ in range(5):
                hostile.begin()
                self.leave_calls(hostile)
        self.assertEqual(caught.exception.args[0], 'Limit', caught.exception.args)
        self.assert_served()
        # Late is better than never.
        for message in hostile.lying:
            Peer.answer(hostile, hostile.connection, message, True)
        hostile.begin()
        hostile.close()

    def test_by_several(self):
        """Until there is no room for any; what those owe who leave is forgotten."""
        hostile = []
        with self.assertRaises(Refused) as caught:
            for _ in range(5):
                hostile.append(Watching(self.address, answers=False))
                self.leave_calls(hostile[-1])
        self.assertEqual(caught.exception.args[0], 'Limit', caught.exception.args)
        self.assertEqual(len(hostile), 3)
        for client in hostile:
            client.close()
        for _ in range(50):
            try:
                self.assert_served()
                return
            except Refused:
                time.sleep(0.1)
        self.fail('nobody is let in any more')


class Opened(bus.BusCase):
    def test_many_by_who_answers_nothing(self):
        """Each is refused by a call, which waits for those before it to be answered."""
        server = self.run_program(harness.program('echo-server'), self.uri(NAME, more='&max-streams=4&keepalive-sec=0'))
        server.line()
        client = Watching(self.address, answers=False)
        with self.assertRaises(Refused) as caught:
            for number in range(1, 1000, 2):
                client.open(number)
        self.assertEqual(caught.exception.args[0], 'Limit', caught.exception.args)
        self.assertGreater(number, 2 * 4 * 16)
        client.close()


class Asked(bus.BusCase):
    """The service calls who wants a session, before it begins."""

    def setUp(self):
        super().setUp()
        self.server = self.run_program(harness.program('echo-server'), self.uri(NAME, more='&keepalive-sec=0&max-sessions-per-peer=1'))
        self.server.line()

    def ask(self):
        client = Silent(self.address)
        self.assertEqual(client.asked.get(timeout=20).get_path(), '/org/libchan/MayICall')
        return client

    def assert_served(self):
        for _ in range(50):
            try:
                Peer(self.address).close()
                return
            except Refused:
                time.sleep(0.1)
        self.fail('the session of who is gone counts on')

    def test_who_goes_before_the_answer(self):
        """It has no session."""
        self.ask().connection.close_sync(None)
        self.assert_served()

    def test_who_does_not_answer(self):
        client = self.ask()
        # It counts as long as it is asked.
        with self.assertRaises(Refused) as caught:
            Peer(self.address)
        self.assertEqual(caught.exception.args[0], 'Limit')
        error = client.answered.get(timeout=20).get_error_name()
        self.assertEqual(error, ERRORS + 'TimedOut')
        self.assert_served()
        client.connection.close_sync(None)


class Closing(bus.BusCase):
    def test_who_was_asked_before_the_listener_was_closed(self):
        """The program still has the listener, and takes nobody any more."""
        server = self.peer('closing', self.uri(NAME))
        self.assertEqual(server.line(), 'listening')
        client = Silent(self.address)
        asked = client.asked.get(timeout=20)
        server.process.send_signal(signal.SIGUSR1)
        self.assertEqual(server.line(), 'closed')
        client.connection.send_message(Gio.DBusMessage.new_method_reply(asked), Gio.DBusSendMessageFlags.NONE)
        self.assertEqual(client.answered.get(timeout=20).get_error_name(), ERRORS + 'Closed')
        client.connection.close_sync(None)


if __name__ == '__main__':
    harness.main()
