#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Listeners that break the rules of docs/dbus.md, and strangers that meddle: a client of ours gets one clear error, or
nothing of it."""

import queue
import time

import gi

gi.require_version('Gio', '2.0')
from gi.repository import Gio, GLib  # noqa: E402

import bus  # noqa: E402
from bus import harness  # noqa: E402

NAME, BASE = 'org.example.Trap', '/org/example/Trap'
CONNECTION_LOST, TIMED_OUT, PROTOCOL, TOO_COMPLEX, LIMIT = 3, 4, 5, 7, 8      # ChanChannelError
UNANSWERED = 32                       # calls
OFFER = {'max-message-bytes': GLib.Variant('t', 4096), 'channel-window': GLib.Variant('t', 65536), 'session-window': GLib.Variant('t', 65536)}
SEND = Gio.DBusSendMessageFlags.NONE


class Listener:
    """Owns the name, and keeps what it is called; the test answers."""

    def __init__(self, address, name=NAME):
        flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
        self.connection = Gio.DBusConnection.new_for_address_sync(address, flags, None, None)
        self.calls, self.replies = queue.Queue(), queue.Queue()
        self.connection.add_filter(self.came)
        if name is not None:
            self.own(name)

    def came(self, connection, message, incoming):
        kind = message.get_message_type()
        if incoming and kind == Gio.DBusMessageType.METHOD_CALL:
            self.calls.put(message)
            return None
        if incoming and kind in (Gio.DBusMessageType.METHOD_RETURN, Gio.DBusMessageType.ERROR) and message.get_sender() != 'org.freedesktop.DBus':
            self.replies.put(message)
        return message

    def bus(self, method, body):
        return self.connection.call_sync('org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus', method, body, None,
                                         Gio.DBusCallFlags.NONE, 10000, None).unpack()[0]

    def own(self, name):
        assert self.bus('RequestName', GLib.Variant('(su)', (name, 4))) == 1

    def release(self, name):
        assert self.bus('ReleaseName', GLib.Variant('(s)', (name,))) == 1

    def next(self, member):
        call = self.calls.get(timeout=20)
        assert call.get_member() == member, (call.get_member(), member)
        return call

    def answer(self, call, body=None):
        reply = Gio.DBusMessage.new_method_reply(call)
        if body is not None:
            reply.set_body(body)
        self.connection.send_message(reply, SEND)

    def open(self, path=f'{BASE}/session/1', offer=None):
        """A session of messages; the client's object."""
        call = self.next('Open')
        client, _ = call.get_body().unpack()
        self.client = (call.get_sender(), client)
        self.answer(call, GLib.Variant('(oa{sv})', (path, OFFER if offer is None else offer)))

    def call(self, method, body=None):
        """Of the client's object; the error's name, or None."""
        call = Gio.DBusMessage.new_method_call(*self.client, 'org.libchan.Peer', method)
        if body is not None:
            call.set_body(body)
        self.connection.send_message(call, SEND)
        return self.replies.get(timeout=20).get_error_name()

    def close(self):
        self.connection.close_sync(None)


class Trap(bus.BusCase):
    def setUp(self):
        super().setUp()
        self.listener = Listener(self.address)
        self.addCleanup(lambda: self.listener.connection.is_closed() or self.listener.close())

    def send(self, n=1, more=''):
        return self.peer('send', self.uri(NAME, more=more), n, 10)

    def assert_error(self, program, code, words=''):
        line = program.last_line(20)
        self.assertEqual(line.split()[:1] + line.split()[2:4], ['error', 'chan-channel-error-quark', str(code)], line)
        self.assertIn(words, line)

    def test_a_wrong_answer(self):
        for body in (GLib.Variant('(s)', ('no',)), GLib.Variant('(oas)', (BASE, [])), None):
            client = self.send()
            self.listener.answer(self.listener.next('Open'), body)
            self.assert_error(client, PROTOCOL, 'wrong answer')

    def test_no_answer(self):
        client = self.send(more='&connect-timeout-sec=1')
        self.listener.next('Open')
        line = client.last_line(20)
        self.assertEqual(line.split()[:4], ['error', '0', 'g-io-error-quark', '24'], line)     # TIMED_OUT
        self.assertIn('no answer in time', line)

    def test_gone_while_it_is_asked(self):
        client = self.send()
        self.listener.next('Open')
        self.listener.close()
        self.assert_error(client, CONNECTION_LOST)

    def test_answers_out_of_order(self):
        client = self.send()
        self.listener.open()
        self.listener.next('Open')
        self.listener.answer(self.listener.next('Push'))
        self.assert_error(client, CONNECTION_LOST, 'An answer of the peer was lost on the bus')

    def test_answers_of_a_stranger(self):
        """The bus of this test lets them through; a system bus does not."""
        stranger = Listener(self.address, None)
        client = self.send()
        self.listener.open()
        calls = [self.listener.next(member) for member in ('Open', 'Push')]
        for serial in range(1, 100):
            forged = Gio.DBusMessage.new()
            forged.set_message_type(Gio.DBusMessageType.METHOD_RETURN)
            forged.set_destination(self.listener.client[0])
            forged.set_reply_serial(serial)
            stranger.connection.send_message(forged, SEND)
        stranger.connection.flush_sync(None)
        # Behind them
        self.assertIsNone(self.listener.call('Ping'))
        self.assertIsNone(client.process.poll())
        self.finish(client, calls)
        stranger.close()

    def test_a_stranger_says_that_the_peer_is_gone(self):
        """Only the bus knows, whatever the bus of this test lets through."""
        stranger = Listener(self.address, None)
        client = self.send()
        self.listener.open()
        calls = [self.listener.next(member) for member in ('Open', 'Push')]
        name = self.listener.connection.get_unique_name()
        for owned in (name, NAME):
            forged = Gio.DBusMessage.new_signal('/org/freedesktop/DBus', 'org.freedesktop.DBus', 'NameOwnerChanged')
            forged.set_destination(self.listener.client[0])
            forged.set_body(GLib.Variant('(sss)', (owned, name, '')))
            stranger.connection.send_message(forged, SEND)
        # The bus has passed them on, and what is asked then comes behind them.
        self.assertEqual(stranger.bus('GetNameOwner', GLib.Variant('(s)', (NAME,))), name)
        self.assertIsNone(self.listener.call('Ping'))
        self.finish(client, calls)
        stranger.close()

    def finish(self, client, calls=()):
        """The rest, in order."""
        for call in calls:
            self.listener.answer(call)
        while True:
            call = self.listener.calls.get(timeout=20)
            self.listener.answer(call)
            if call.get_member() == 'Close':
                break
        self.assertEqual(client.last_line(20), 'closed 1')

    def test_a_stranger_calls(self):
        stranger = Listener(self.address, None)
        client = self.send()
        self.listener.open()
        calls = [self.listener.next(member) for member in ('Open', 'Push')]
        stranger.client = self.listener.client
        for method, body in (('Ping', None), ('Close', GLib.Variant('(ss)', ('', ''))), ('Close', GLib.Variant('(ss)', ('x', 'y'))),
                             ('Reset', GLib.Variant('(tss)', (1, 'x', 'y'))),
                             ('Open', GLib.Variant('(ttsssu)', (2, 0, 'receiver', '', '', 1)))):
            self.assertEqual(stranger.call(method, body), 'org.libchan.Error.Permission')
        self.finish(client, calls)
        stranger.close()

    def test_the_name_is_taken_over(self):
        """A session is with who owned the name when it began."""
        client = self.send()
        self.listener.open()
        calls = [self.listener.next(member) for member in ('Open', 'Push')]
        self.listener.release(NAME)
        other = Listener(self.address)
        other.client = self.listener.client
        self.assertEqual(other.call('Ping'), 'org.libchan.Error.Permission')
        self.assertIsNone(self.listener.call('Ping'))
        late = self.send()
        other.open()
        self.assertNotEqual(other.client, self.listener.client)
        self.finish(client, calls)
        other.close()
        self.assert_error(late, CONNECTION_LOST)

    def test_nothing_is_offered(self):
        """Then a client has credit for 1024 bytes: two messages of this size, until they are taken."""
        client = self.peer('send', self.uri(NAME), 4, 400)
        self.listener.open(offer={})
        sizes = []
        for member in ('Open', 'Push', 'Push'):
            call = self.listener.next(member)
            self.listener.answer(call)
            if member == 'Push':
                sizes.append(256 + call.get_body().get_child_value(2).get_size())
        with self.assertRaises(queue.Empty):
            self.listener.calls.get(timeout=1)
        self.assertIsNone(self.listener.call('Taken', GLib.Variant('(tut)', (1, 2, sum(sizes)))))
        for member in ('Push', 'Push'):
            self.listener.answer(self.listener.next(member))
        client.stop()

    def test_more_than_was_offered(self):
        """Credit that is more than was used, and calls of a client's stream that never was."""
        for method, body, name in (('Taken', GLib.Variant('(tut)', (1, 9, 0)), 'Protocol'),
                                   ('Taken', GLib.Variant('(tut)', (1, 0, 2 ** 63)), 'Protocol'),
                                   ('Reset', GLib.Variant('(tss)', (99, 'x', 'y')), 'Protocol'),
                                   ('Open', GLib.Variant('(ttsssu)', (3, 0, 'receiver', '', '', 1)), 'Protocol'),
                                   ('Push', GLib.Variant('(tuvav)', (1, 1, GLib.Variant('s', 'you only send'), [])), None)):
            with self.subTest(method):
                client = self.send()
                self.listener.open()
                for member in ('Open', 'Push'):
                    self.listener.answer(self.listener.next(member))
                error = self.listener.call(method, body)
                if name is not None:
                    self.assertEqual(error, f'org.libchan.Error.{name}')
                client.stop()
                while not self.listener.calls.empty():
                    self.listener.calls.get()

    def calls_of(self, client, answer):
        """All that the client calls until it is gone."""
        calls, deadline = [], time.monotonic() + 20
        while True:
            self.assertLess(time.monotonic(), deadline, 'It goes on')
            try:
                calls.append(self.listener.calls.get(timeout=0.1))
            except queue.Empty:
                if client.process.poll() is not None and self.listener.calls.empty():
                    return calls
            else:
                answer(calls[-1])

    def refuse(self, call, name, text):
        self.listener.connection.send_message(Gio.DBusMessage.new_method_error_literal(call, f'org.libchan.Error.{name}', text), SEND)

    def answer_with_a_refused(self, call, bad):
        if call.get_member() == 'Push' and call.get_body().unpack()[1] == bad:
            self.refuse(call, 'TooComplex', 'Not this one')
        else:
            self.listener.answer(call)

    def test_a_refused_message(self):
        """It ends its channel at once, with what the peer said, and there is nothing to tell the peer of it."""
        client = self.send(1000)
        self.listener.open()
        calls = self.calls_of(client, lambda call: self.answer_with_a_refused(call, 3))
        self.assert_error(client, TOO_COMPLEX, 'Not this one')
        self.assertLess(int(client.last_line().split()[1]), 1000)
        # The process may be gone before it closes the session.
        calls = [call for call in calls if call.get_member() != 'Close']
        self.assertEqual([call.get_member() for call in calls], ['Open'] + ['Push'] * (len(calls) - 1))
        self.assertEqual([call.get_body().unpack()[1] for call in calls[1:]], list(range(1, len(calls))))
        # Those that it had sent when it heard
        self.assertLessEqual(len(calls) - 1, 2 + UNANSWERED)

    def test_what_it_says_of_an_error_is_cut(self):
        """1 KiB of it is kept, in whichever way it comes: each channel has a copy."""
        words = 'x' * 100000
        for method, values in (('Reset', ('(tss)', (1, 'org.libchan.Error.Limit', words))), ('Close', ('(ss)', ('org.libchan.Error.Limit', words))),
                               ('Push', None), ('Finish', None)):
            with self.subTest(method):
                client = self.send(1 if method == 'Finish' else 1000)
                self.listener.open()
                self.listener.answer(self.listener.next('Open'))
                call = self.listener.next('Push')
                if method == 'Finish':
                    self.listener.answer(call)
                    call = self.listener.next('Finish')
                if values is None:
                    self.refuse(call, 'Limit', words)
                else:
                    self.listener.call(method, GLib.Variant(*values))
                    self.listener.answer(call)
                self.calls_of(client, self.listener.answer)
                self.assert_error(client, LIMIT, 'xxx')
                self.assertTrue(900 < len(client.last_line().encode()) < 1100)

    def test_a_refused_message_while_it_closes(self):
        """Close is the last call, and there is one."""
        for n, bad in ((3, 1), (3, 3), (10, 10)):
            with self.subTest(n=n, bad=bad):
                client, waiting = self.send(n), []
                self.listener.open()

                def answer(call):
                    waiting.append(call)
                    while call.get_member() == 'Close' and waiting:
                        self.answer_with_a_refused(waiting.pop(0), bad)

                calls = self.calls_of(client, answer)
                self.assertEqual([call.get_member() for call in calls], ['Open'] + ['Push'] * n + ['Finish', 'Close'])
                self.assertEqual(calls[-1].get_body().unpack(), ('', ''))

    def test_a_close_without_an_answer(self):
        """Nothing follows it, when the client has waited long enough."""
        client = self.send(1, '&drain-timeout-sec=1')
        self.listener.open()
        calls = self.calls_of(client, lambda call: call.get_member() == 'Close' or self.listener.answer(call))
        self.assertEqual([call.get_member() for call in calls], ['Open', 'Push', 'Finish', 'Close'])
        self.assert_error(client, TIMED_OUT)

    def test_a_close_that_is_refused(self):
        client = self.send()
        self.listener.open()
        calls = self.calls_of(client, lambda call: self.refuse(call, 'Limit', 'No') if call.get_member() == 'Close' else self.listener.answer(call))
        self.assertEqual([call.get_member() for call in calls], ['Open', 'Push', 'Finish', 'Close'])
        self.assert_error(client, LIMIT, 'The session is lost: No')


if __name__ == '__main__':
    harness.main()
