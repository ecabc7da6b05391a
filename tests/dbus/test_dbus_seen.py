#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a person sees of sessions of two programs, with busctl and gdbus."""

import pathlib
import re
import subprocess
import time
import xml.etree.ElementTree

import gi

gi.require_version('Gio', '2.0')
from gi.repository import Gio, GLib  # noqa: E402

import bus  # noqa: E402
from bus import harness  # noqa: E402
from test_dbus_calls import Watching  # noqa: E402
from test_dbus_hostile import NAME as ECHO, BASE as ECHO_BASE  # noqa: E402

NAME, BASE = 'org.example.Room', '/org/example/Room'


class Seen(bus.BusCase):
    def get(self, name, path, interface, *properties):
        """What busctl says of the properties, a line for each; or why not."""
        done = self.output('busctl', '--user', 'get-property', name, path, f'org.libchan.{interface}', *properties, check=False)
        return done.stdout.splitlines() if done.returncode == 0 else done.stderr

    def paths(self, name):
        """All object paths, as busctl finds them."""
        return self.output('busctl', '--user', '--list', 'tree', name).stdout.split()

    def node(self, name, path):
        """What an object says of itself: its interfaces with their members, and the names of those below it."""
        text = self.output('gdbus', 'introspect', '--xml', '--address', self.address, '--dest', name, '--object-path', path).stdout
        root = xml.etree.ElementTree.fromstring(text)
        members = {interface.get('name'): {member.get('name') for member in interface if member.get('name')}
                   for interface in root.findall('interface')}
        return {name: members[name] for name in members if name.startswith('org.libchan.')}, {below.get('name') for below in root.findall('node')}

    def wait_for(self, function, expected):
        """The bus tells a program of what happened after the one who did it."""
        deadline = time.monotonic() + bus.TIMEOUT / 2
        while (got := function()) != expected:
            self.assertLess(time.monotonic(), deadline, f'{got} instead of {expected}')
            time.sleep(0.05)


class Programs(Seen):
    """A chat room and its guests."""

    def setUp(self):
        super().setUp()
        self.server = self.run_program(harness.program('chat-server'), self.uri(NAME))
        self.server.line()

    def come_in(self, name):
        guest = subprocess.Popen([harness.program('chat'), self.uri(NAME), name], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 env=self.environment(), preexec_fn=harness.die_with_parent)
        self.addCleanup(self.end, guest)
        self.assertEqual(guest.stdout.readline(), f'room: {name} comes in\n')
        return guest

    @staticmethod
    def end(guest):
        guest.kill()
        guest.wait(10)
        guest.stdin.close()
        guest.stdout.close()

    @staticmethod
    def sessions(*numbers):
        """What there is of them: the guest's channel to the room, and its inbox, which came in a message."""
        each = [[f'/{number}', f'/{number}/channel', f'/{number}/channel/1', f'/{number}/channel/3'] for number in numbers]
        return [f'{BASE}/session{path}' for path in sum(each, [''])]

    def test_the_objects_are_there_while_the_session_is(self):
        ann = self.come_in('ann')
        above = ['/', '/org', '/org/example', BASE]
        self.assertEqual(sorted(self.paths(NAME)), above + self.sessions(1))
        bob = self.come_in('bob')
        self.assertEqual(sorted(self.paths(NAME)), above + self.sessions(1, 2))
        ann.stdin.close()
        self.assertEqual(ann.wait(bus.TIMEOUT), 0)
        self.wait_for(lambda: sorted(self.paths(NAME)), above + self.sessions(2))
        bob.kill()
        self.wait_for(lambda: sorted(self.paths(NAME)), above)
        self.assertIn('UnknownMethod', self.raw_error(f'{BASE}/session/2/channel/1'))

    def raw_error(self, path):
        done = self.output('gdbus', 'call', '--address', self.address, '--dest', NAME, '--object-path', path, '--method',
                           'org.freedesktop.DBus.Properties.Get', 'org.libchan.Channel', 'Name', check=False)
        self.assertNotEqual(done.returncode, 0)
        return done.stderr

    def test_channels(self):
        """Both ends, each of which says what whoever has it may do."""
        self.come_in('ann')
        session = f'{BASE}/session/1'
        self.assertEqual(self.get(NAME, f'{session}/channel/1', 'Channel', 'Name', 'Direction'), ['s "chat"', 's "receive"'])
        self.assertEqual(self.get(NAME, f'{session}/channel/3', 'Channel', 'Name', 'Direction'), ['s ""', 's "send"'])
        self.assertIn('does not exist', self.get(NAME, f'{session}/channel/2', 'Channel', 'Name'))
        guest = self.get(NAME, session, 'Session', 'Peer')[0].split('"')[1]
        ours = [path for path in self.paths(guest) if path.endswith('/channel/1')]
        self.assertEqual(len(ours), 1, self.paths(guest))
        self.assertEqual(self.get(guest, ours[0], 'Channel', 'Name', 'Direction'), ['s "chat"', 's "send"'])
        self.assertEqual(self.get(guest, re.sub('1$', '3', ours[0]), 'Channel', 'Direction'), ['s "receive"'])

    def test_the_session(self):
        guest = self.come_in('ann')
        owner, user, by_hand = self.get(NAME, f'{BASE}/session/1', 'Session', 'Peer', 'User', 'ByHand')
        pid = self.output('busctl', '--user', 'call', 'org.freedesktop.DBus', '/', 'org.freedesktop.DBus', 'GetConnectionUnixProcessID', 's',
                          owner.split('"')[1]).stdout
        self.assertEqual(pid, f'u {guest.pid}\n')
        uid = self.output('id', '-u').stdout.strip()
        self.assertEqual((user, by_hand), (f'u {uid}', 'b false'))

    def test_introspection(self):
        """As the interface stands in the tree."""
        self.come_in('ann')
        interfaces = {interface.name: {member.name for member in [*interface.methods, *interface.properties]}
                      for interface in Gio.DBusNodeInfo.new_for_xml(self.interface()).interfaces}

        def of(*names):
            return {f'org.libchan.{name}': interfaces[f'org.libchan.{name}'] for name in names}

        session = f'{BASE}/session/1'
        self.assertEqual(self.node(NAME, BASE), (of('Listener'), {'session'}))
        self.assertEqual(self.node(NAME, f'{BASE}/session'), ({}, {'1'}))
        self.assertEqual(self.node(NAME, session), (of('Session', 'Peer'), {'channel'}))
        self.assertEqual(self.node(NAME, f'{session}/channel'), ({}, {'1', '3'}))
        self.assertEqual(self.node(NAME, f'{session}/channel/1'), (of('Channel'), set()))

    @staticmethod
    def interface():
        return (pathlib.Path(__file__).resolve().parents[2] / 'plugins' / 'dbus' / 'org.libchan.xml').read_text(encoding='utf-8')

    def test_only_to_be_looked_at(self):
        """Others than the peer may not use them; the session goes on."""
        guest = self.come_in('ann')
        session = f'{BASE}/session/1'
        for path, interface, words in ((f'{session}/channel/1', 'Channel', ['Receive']), (f'{session}/channel/3', 'Channel', ['Send', 'v', 's', 'x']),
                                       (f'{session}/channel/3', 'Channel', ['Close']), (session, 'Session', ['OpenChannel', 's', 'x']),
                                       (session, 'Session', ['Close']), (session, 'Peer', ['Close', 'ss', '', ''])):
            with self.subTest(path=path, words=words):
                done = self.output('busctl', '--user', 'call', NAME, path, f'org.libchan.{interface}', *words, check=False)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn('This session is of two programs', done.stderr)
        guest.stdin.write('still here\n')
        guest.stdin.flush()
        self.assertEqual(guest.stdout.readline(), 'ann: still here\n')


class Channels(Seen):
    """Channels of a session come and go."""

    def test_each_is_there_as_long_as_it_lasts(self):
        server = self.run_program(harness.program('echo-server'), self.uri(ECHO))
        server.line()
        client = Watching(self.address)
        self.addCleanup(client.close)

        def names():
            return {path.removeprefix(f'{client.session}/channel/'): self.get(ECHO, path, 'Channel', 'Name') for path in self.paths(ECHO)
                    if path.startswith(f'{client.session}/channel/')}

        self.assertTrue(client.session.startswith(f'{ECHO_BASE}/session/'), client.session)
        self.wait_for(names, {})
        for number, name in ((1, 'first'), (3, 'second'), (5, '')):
            client.peer('Open', '(ttsssu)', number, 0, 'receiver', name, '', 4)
        self.wait_for(names, {'1': ['s "first"'], '3': ['s "second"'], '5': ['s ""']})
        client.peer('Finish', '(tut)', 3, 0, 0)
        self.wait_for(lambda: sorted(names()), ['1', '5'])
        # One that came in a message: the service sends the answer, closes it, and is done when the client is.
        client.request(1, 7)
        while client.calls.get(timeout=bus.TIMEOUT)[0] != 'Finish':
            pass
        self.assertEqual(self.get(ECHO, f'{client.session}/channel/7', 'Channel', 'Name', 'Direction'), ['s ""', 's "send"'])
        answer = GLib.Variant('v', GLib.Variant('a{sv}', {'P': GLib.Variant('s', 'hello')}))
        client.peer('Taken', '(tut)', 7, 1, 256 + answer.get_size())
        client.peer('Finish', '(tut)', 7, 0, 0)
        self.wait_for(lambda: sorted(names()), ['1', '5'])


if __name__ == '__main__':
    harness.main()
