#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Peers that break the rules of docs/dbus.md, called by hand: each gets a clear error, and others are served on."""

import os
import socket
import time

import gi

gi.require_version('Gio', '2.0')
from gi.repository import Gio, GLib  # noqa: E402

import bus  # noqa: E402
from bus import harness  # noqa: E402

ERRORS = 'org.libchan.Error.'
NAME, BASE = 'org.example.Echo', '/org/example/Echo'
OPTIONS = '&max-message-depth=20&max-streams=8&max-message-bytes=4096&max-message-nodes=100&max-message-handles=4&message-fds=2&session-fds=3' \
          '&queue-bytes=8192&session-window=65536&max-unread-bytes=262144&max-sessions=3&max-sessions-per-peer=3&keepalive-sec=0'


class Refused(Exception):
    pass


class Peer:
    """The client's end of a session of method calls, which answers whatever it is called."""

    def __init__(self, address, options=None, base=BASE):
        flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
        self.connection = Gio.DBusConnection.new_for_address_sync(address, flags, None, None)
        self.connection.add_filter(self.answer)
        self.session, self.offer = self.call(base, 'Listener', 'Open', GLib.Variant('(oa{sv})', ('/peer', options or {})))

    def answer(self, connection, message, incoming):
        if incoming and message.get_message_type() == Gio.DBusMessageType.METHOD_CALL:
            connection.send_message(Gio.DBusMessage.new_method_reply(message), Gio.DBusSendMessageFlags.NONE)
            return None
        return message

    def call(self, path, interface, method, body, fds=None):
        try:
            result = self.connection.call_with_unix_fd_list_sync(NAME, path, f'org.libchan.{interface}', method, body, None,
                                                                 Gio.DBusCallFlags.NONE, 10000, fds, None)
        except GLib.Error as error:
            name = Gio.DBusError.get_remote_error(error)
            raise Refused((name or '').removeprefix(ERRORS), error.message) from None
        return result[0].unpack()

    def peer(self, method, signature, *values, fds=None):
        return self.call(self.session, 'Peer', method, GLib.Variant(signature, values), fds)

    def open(self, number, parent=0, kind='receiver', capacity=4, name=''):
        self.peer('Open', '(ttsssu)', number, parent, kind, name, '', capacity)

    def push(self, number, count, body, handles=(), fds=None):
        return self.peer('Push', '(tuvav)', number, count, body, list(handles), fds=fds)

    def close(self):
        self.connection.close_sync(None)


class Hostile(bus.BusCase):
    def setUp(self):
        super().setUp()
        self.server = self.run_program(harness.program('echo-server'), self.uri(NAME, 'auto', OPTIONS))
        self.server.line()
        self.client = Peer(self.address)
        self.addCleanup(self.end)

    def end(self):
        """The server lives, and serves others."""
        self.client.close()
        self.assertIsNone(self.server.process.poll(), ''.join(self.server.err.text))
        deadline = 50
        while True:
            try:
                other = Peer(self.address)
                break
            except Refused:
                # Those that are gone are counted until the server saw that.
                deadline -= 1
                self.assertGreater(deadline, 0)
                GLib.usleep(100000)
        other.open(1)
        other.push(1, 1, GLib.Variant('s', 'in order'))
        other.close()

    def refused(self, name, function, *arguments, **options):
        with self.assertRaises(Refused) as caught:
            function(*arguments, **options)
        self.assertEqual(caught.exception.args[0], name, caught.exception.args)
        self.assertTrue(caught.exception.args[1])

    def test_what_is_offered(self):
        self.assertEqual(self.client.offer, {'max-message-bytes': 4096, 'channel-window': 8192, 'session-window': 65536,
                                             'session-fds': 3, 'unread-window': 256 * 1024 - 2 * 4096})

    def test_arguments_and_methods(self):
        self.refused('Protocol', self.client.peer, 'Push', '(s)', 'what')
        self.refused('Protocol', self.client.peer, 'Ping', '(s)', 'what')
        self.refused('Unsupported', self.client.peer, 'Explode', '(s)', 'what')

    def test_numbers_of_streams(self):
        self.refused('Protocol', self.client.open, 2)
        self.refused('Protocol', self.client.open, 0)
        self.client.open(5)
        self.refused('Protocol', self.client.open, 5)
        self.refused('Protocol', self.client.open, 3)
        self.refused('Protocol', self.client.open, 7, kind='teapot')
        self.refused('Protocol', self.client.open, 7, parent=99)
        self.refused('Closed', self.client.push, 99, 1, GLib.Variant('s', ''))
        for method in ('Reset', 'Stop'):
            self.refused('Protocol', self.client.peer, method, '(tss)', 99, '', '')
        for method in ('Finish', 'Taken'):
            self.refused('Protocol', self.client.peer, method, '(tut)', 99, 0, 0)

    def test_names(self):
        """They are kept as long as the channel lives, so a long one is refused. The session goes on."""
        self.client.open(1, name='n' * 8193)
        self.refused('Closed', self.client.push, 1, 1, GLib.Variant('s', 'one'))
        self.client.open(3, name='n' * 8192)
        self.client.push(3, 1, GLib.Variant('s', 'one'))

    def test_the_path_of_the_peer(self):
        """It is part of each call."""
        for length, refused in ((511, False), (512, True), (1000000, True)):
            call = (BASE, 'Listener', 'Open', GLib.Variant('(oa{sv})', ('/' + 'p' * (length - 1), {})))
            if refused:
                self.refused('Limit', self.client.call, *call)
            else:
                self.client.call(*call)

    def test_a_gap_ends_the_channel(self):
        self.client.open(1)
        self.client.push(1, 1, GLib.Variant('s', 'one'))
        self.refused('ConnectionLost', self.client.push, 1, 3, GLib.Variant('s', 'three'))
        self.refused('Closed', self.client.push, 1, 2, GLib.Variant('s', 'two'))

    def test_calls_that_come_again(self):
        self.client.open(1)
        self.client.push(1, 1, GLib.Variant('s', 'one'))
        self.refused('ConnectionLost', self.client.push, 1, 1, GLib.Variant('s', 'one'))
        self.client.open(3)
        self.client.push(3, 1, GLib.Variant('s', 'one'))
        for _ in range(2):
            self.client.peer('Finish', '(tut)', 3, 1, 0)
        self.refused('Closed', self.client.push, 3, 2, GLib.Variant('s', 'after the end'))
        self.client.open(5)
        for _ in range(2):
            self.client.peer('Reset', '(tss)', 5, ERRORS + 'Reset', 'again')
        self.refused('Protocol', self.client.open, 5)
        self.client.peer('Close', '(ss)', '', '')
        for method, signature, values in (('Close', '(ss)', ('', '')), ('Ping', '()', ())):
            # What is said depends on how far the end of the session has come.
            with self.assertRaises(Refused) as caught:
                self.client.peer(method, signature, *values)
            self.assertIn(caught.exception.args[0], ('Closed', 'Permission', 'org.freedesktop.DBus.Error.UnknownMethod'))

    def test_calls_behind_the_end(self):
        """Each is answered, or they would count as not answered for ever."""
        answered = []
        calls = [('Close', GLib.Variant('(ss)', ('', '')))] + [('Ping', None)] * 50
        for method, body in calls:
            self.client.connection.call(NAME, self.client.session, 'org.libchan.Peer', method, body, None, Gio.DBusCallFlags.NONE, 10000,
                                        None, lambda connection, result: answered.append(result))
        deadline = time.monotonic() + 5
        while len(answered) < len(calls) and time.monotonic() < deadline:
            GLib.MainContext.default().iteration(False)
            time.sleep(0.01)
        self.assertEqual(len(answered), len(calls))

    def test_half_of_what_was_said(self):
        """A Finish that says more than came: something was lost."""
        self.client.open(1)
        self.client.push(1, 1, GLib.Variant('s', 'one'))
        self.client.peer('Finish', '(tut)', 1, 2, 0)
        self.refused('Closed', self.client.push, 1, 2, GLib.Variant('s', 'two'))

    def test_deep(self):
        """GDBus takes 64 containers in each other, the one that is called what it says."""
        for n, depth in enumerate((21, 40, 58)):
            body = GLib.Variant('s', 'x')
            for _ in range(depth):
                body = GLib.Variant('v', body)
            self.client.open(2 * n + 1)
            self.refused('TooComplex', self.client.push, 2 * n + 1, 1, body)
        body = GLib.Variant('s', 'x')
        for _ in range(100):
            body = GLib.Variant('v', body)
        # This one the bus cuts off.
        other = Peer(self.address)
        with self.assertRaises(Refused):
            other.push(1, 1, body)
        self.assertTrue(other.connection.is_closed())

    def test_more_taken_than_sent(self):
        self.client.open(1)
        self.refused('Protocol', self.client.peer, 'Taken', '(tut)', 1, 5, 0)
        self.refused('Protocol', self.client.peer, 'Taken', '(tut)', 1, 0, 5)

    def test_a_stream_that_no_message_named(self):
        self.client.open(1)
        self.client.open(3, 1, 'receiver')
        self.refused('Closed', self.client.push, 3, 1, GLib.Variant('s', 'not named yet'))

    def test_too_large_and_too_complex(self):
        for n, (name, body) in enumerate([('TooLarge', GLib.Variant('ay', bytes(5000))),
                                          ('TooLarge', GLib.Variant('ay', bytes(50000))),
                                          ('TooComplex', GLib.Variant('as', ['x'] * 200)),
                                          ('Protocol', GLib.Variant('(sv)', ('no type', GLib.Variant('s', 'x')))),
                                          ('Protocol', GLib.Variant('(sv)', ('mi', GLib.Variant('ai', [1, 2])))),
                                          ('Protocol', GLib.Variant('(sv)', ('mi', GLib.Variant('s', 'x')))),
                                          ('Protocol', GLib.Variant('(sv)', ('=as', GLib.Variant('ay', b'\xff\xff\xff')))),
                                          ('UnknownHandle', GLib.Variant('(sv)', ('h', GLib.Variant('u', 0)))),
                                          ('Protocol', GLib.Variant('(sv)', ('h', GLib.Variant('u', 2 ** 31))))]):
            with self.subTest(name=name, n=n):
                self.client.open(2 * n + 1)
                self.refused(name, self.client.push, 2 * n + 1, 1, body)

    def test_handles(self):
        path = f'{self.client.session}/channel/'
        fds = Gio.UnixFDList.new()
        for handles in ([GLib.Variant('(so)', ('sender', path + '99'))],
                        [GLib.Variant('(so)', ('sender', '/elsewhere'))],
                        [GLib.Variant('(so)', ('receiver', path + 'CHILD'))],
                        [GLib.Variant('(soh)', ('sender', path + 'CHILD', 0))],
                        [GLib.Variant('(so)', ('sender', path + 'CHILD'))] * 2,
                        [GLib.Variant('s', 'nonsense')]):
            number = getattr(self, 'number', 1)
            self.number = number + 4
            self.client.open(number)
            self.client.open(number + 2, number, 'sender')
            handles = [GLib.Variant.parse(None, handle.print_(True).replace('CHILD', str(number + 2)), None, None) if 'CHILD' in handle.print_(True)
                       else handle for handle in handles]
            with self.subTest(handles=[handle.print_(True) for handle in handles]):
                self.refused('UnknownHandle', self.client.push, number, 1, GLib.Variant('s', 'x'), handles, fds)

    def test_descriptors(self):
        fds = Gio.UnixFDList.new()
        with open(os.devnull, encoding='ascii') as null:
            for _ in range(3):
                fds.append(null.fileno())
        self.client.open(1)
        self.refused('TooComplex', self.client.push, 1, 1, GLib.Variant('s', 'x'), [GLib.Variant('h', i) for i in range(3)], fds)
        self.client.open(3)
        self.refused('UnknownHandle', self.client.push, 3, 1, GLib.Variant('s', 'x'), [GLib.Variant('h', 0)] * 2, fds)
        self.client.open(5)
        self.refused('TooComplex', self.client.push, 5, 1, GLib.Variant('s', 'x'), [GLib.Variant('s', 'x')] * 5)

    def opened(self, wanted=None):
        """What the server has open: when that is wanted, or does not change for a while."""
        found = []
        for _ in range(100):
            found.append(sorted(os.listdir(f'/proc/{self.server.process.pid}/fd'), key=int))
            if found[-1] == wanted or wanted is None and len(found) > 5 and found[-1] == found[-6]:
                break
            time.sleep(0.02)
        return found[-1]

    def test_descriptors_of_what_is_refused(self):
        """None stays open, whatever is wrong with the call that brings them."""
        one, text = [GLib.Variant('h', 0)], GLib.Variant('s', 'x')
        push = ('Push', '(tuvav)')
        # The number of the channel is put in for 0.
        calls = (('TooComplex', *push, (0, 1, text, [GLib.Variant('h', i) for i in range(3)])),
                 ('TooComplex', *push, (0, 1, text, one * 5)),
                 ('UnknownHandle', *push, (0, 1, text, one * 2)),
                 ('UnknownHandle', *push, (0, 1, text, [GLib.Variant('h', 7)])),
                 ('UnknownHandle', *push, (0, 1, text, [GLib.Variant('(soh)', ('sender', '/elsewhere', 0))])),
                 ('ConnectionLost', *push, (0, 2, text, one)),
                 ('TooLarge', *push, (0, 1, GLib.Variant('ay', bytes(5000)), one)),
                 ('TooComplex', *push, (0, 1, GLib.Variant('as', ['x'] * 200), one)),
                 ('Closed', *push, (99, 1, text, one)),
                 ('Protocol', 'Push', '(th)', (0, 0)),
                 ('Protocol', 'Finish', '(tut)', (99, 0, 0)),
                 ('Unsupported', 'Explode', '(h)', (0,)))
        base = None
        # The first time round is for what the server keeps of its own.
        for turn in range(3):
            for n, (name, method, signature, values) in enumerate(calls):
                number = 2 * (turn * len(calls) + n) + 1
                fds = Gio.UnixFDList.new()
                with open(os.devnull, encoding='ascii') as null:
                    for _ in range(3):
                        fds.append(null.fileno())
                self.client.open(number)
                with self.subTest(method=method, n=n):
                    self.refused(name, self.client.peer, method, signature, *(values[0] or number, *values[1:]), fds=fds)
                self.client.peer('Reset', '(tss)', number, ERRORS + 'Reset', 'the next')
            if turn == 0:
                base = self.opened()
        self.assertEqual(self.opened(base), base)

    def test_streams(self):
        """Too many: each is opened and at once reset, not the session."""
        for number in range(1, 40, 2):
            self.client.open(number)
        self.refused('Closed', self.client.push, 39, 1, GLib.Variant('s', 'x'))
        self.client.push(1, 1, GLib.Variant('s', 'x'))

    def test_sessions(self):
        others = [Peer(self.address), Peer(self.address)]
        self.refused('Limit', Peer, self.address)
        for other in others:
            other.close()

    def test_others_than_the_peer(self):
        other = Peer(self.address)
        self.refused('Permission', other.call, self.client.session, 'Peer', 'Ping', None)
        self.refused('Permission', other.call, self.client.session, 'Session', 'Close', None)
        self.client.open(1)
        self.refused('Permission', other.call, self.client.session + '/channel/1', 'Channel', 'Receive', None)
        other.close()

    def test_no_socket(self):
        fds = Gio.UnixFDList.new()
        with open(os.devnull, encoding='ascii') as null:
            fds.append(null.fileno())
        body = GLib.Variant('(ha{sv})', (0, {}))
        self.refused('Protocol', self.client.call, BASE, 'Listener', 'OpenDirect', body, fds)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams:
            fds = Gio.UnixFDList.new()
            fds.append(datagrams.fileno())
            self.refused('Protocol', self.client.call, BASE, 'Listener', 'OpenDirect', body, fds)


class Credit(bus.BusCase):
    def test_more_than_may_be_unread(self):
        """A channel that the application has not accepted: nothing of it is taken."""
        server = self.peer('receive', self.uri(NAME, 'never', OPTIONS))
        server.line()
        client = Peer(self.address)
        client.open(1)
        client.open(3)
        with self.assertRaises(Refused) as caught:
            for count in range(1, 100):
                client.push(3, count, GLib.Variant('ay', bytes(1000)))
        self.assertEqual(caught.exception.args[0], 'Limit')
        self.assertEqual(count, 8)
        client.push(1, 1, GLib.Variant('(ts)', (0, 'another channel goes on')))
        self.assertEqual(server.line(), 'begun')
        client.close()


class Kept(bus.BusCase):
    """What channels leave behind that are over, and calls that nobody looks at."""

    limits = '<limit name="max_replies_per_connection">50000</limit>'

    def flood(self, client, n):
        body = GLib.Variant('s', 'x' * 60000)
        for number in range(3, 2 * n, 2):
            for method, signature, values in (('Open', '(ttsssu)', (number, 0, 'receiver', '', '', 4)),
                                              ('Push', '(tuvav)', (number, 1, body, [])),
                                              ('Reset', '(tss)', (number, ERRORS + 'Reset', ''))):
                call = Gio.DBusMessage.new_method_call(NAME, client.session, 'org.libchan.Peer', method)
                call.set_body(GLib.Variant(signature, values))
                client.connection.send_message(call, Gio.DBusSendMessageFlags.NONE)
        client.connection.flush_sync(None)

    def test_memory(self):
        """90 MB for a session whose application takes nothing, from a peer that does not wait for answers."""
        options = OPTIONS.replace('max-streams=8', 'max-streams=100000').replace('max-message-bytes=4096', 'max-message-bytes=65536')
        server = self.peer('receive', self.uri(NAME, 'never', options))
        server.line()
        client = Peer(self.address)
        client.open(1)
        client.push(1, 1, GLib.Variant('(ts)', (0, 'the channel that is read')))
        self.assertEqual(server.line(), 'begun')
        self.flood(client, 1500)
        other = Peer(self.address)
        other.open(1)
        other.push(1, 1, GLib.Variant('s', 'another session goes on'))
        peak = server.status('VmHWM')
        print(f'# at most {peak} KiB')
        if not server.is_sanitized():
            self.assertLess(peak, 48 * 1024)
        self.assertIsNone(server.process.poll())
        other.close()
        client.close()

    def test_answers_are_in_order(self):
        """Also where there is no room for more calls: whoever is answered out of order thinks that an answer was lost."""
        options = OPTIONS.replace('max-streams=8', 'max-streams=100000').replace('max-message-bytes=4096', 'max-message-bytes=65536')
        server = self.peer('receive', self.uri(NAME, 'never', options))
        server.line()
        client = Peer(self.address)
        client.open(1)
        client.push(1, 1, GLib.Variant('(ts)', (0, 'the channel that is read')))
        self.assertEqual(server.line(), 'begun')
        answered = []
        client.connection.add_filter(lambda connection, message, incoming: answered.append(message.get_reply_serial()) or message
                                     if incoming and message.get_reply_serial() else message)
        self.flood(client, 400)
        time.sleep(1)
        self.assertGreater(len(answered), 10)
        self.assertEqual(answered, list(range(answered[0], answered[0] + len(answered))))
        client.close()

    def test_one_on_each(self):
        """A message on each of many channels may be there whatever others hold, but not without an end."""
        server = self.peer('receive', self.uri(NAME, 'never', OPTIONS.replace('max-streams=8', 'max-streams=1000')))
        server.line()
        client = Peer(self.address)
        n, window = 0, client.offer['unread-window']
        body = GLib.Variant('ay', bytes(4000))
        size = 256 + GLib.Variant('v', body).get_size()
        client.open(1)
        with self.assertRaises(Refused) as caught:
            for n in range(200):
                client.open(2 * n + 3)
                client.push(2 * n + 3, 1, body)
        self.assertEqual(caught.exception.args[0], 'Limit')
        self.assertEqual(n, -(-window // size))
        client.peer('Ping', '()')
        client.close()

    def test_descriptors(self):
        server = self.peer('receive', self.uri(NAME, 'never', OPTIONS))
        server.line()
        client = Peer(self.address)
        client.open(1)
        client.open(3)
        with open(os.devnull, encoding='ascii') as null:
            for count, name in ((1, None), (2, 'Limit')):
                fds = Gio.UnixFDList.new()
                for _ in range(2):
                    fds.append(null.fileno())
                handles = [GLib.Variant('h', 0), GLib.Variant('h', 1)]
                if name is None:
                    client.push(3, count, GLib.Variant('s', 'x'), handles, fds)
                    continue
                with self.assertRaises(Refused) as caught:
                    client.push(3, count, GLib.Variant('s', 'x'), handles, fds)
                self.assertEqual(caught.exception.args[0], name)
        client.push(1, 1, GLib.Variant('(ts)', (0, 'another channel goes on')))
        self.assertEqual(server.line(), 'begun')
        client.close()


class Modes(bus.BusCase):
    def test_listener_that_wants_the_other_mode(self):
        for listens, connects, works in (('never', 'auto', True), ('never', 'require', False), ('require', 'auto', True),
                                         ('require', 'never', False)):
            with self.subTest(listens=listens, connects=connects):
                server = self.run_program(harness.program('rexec-server'), self.uri('org.example.Rexec', listens))
                server.line()
                done = self.output(harness.program('rexec'), self.uri('org.example.Rexec', connects), '--', 'echo', 'hello', check=False)
                self.assertEqual(done.stdout, 'hello\n' if works else '')
                self.assertEqual('takes' in done.stderr, not works, done.stderr)
                server.stop()
                self.wait_until_free('org.example.Rexec')


if __name__ == '__main__':
    harness.main()
