#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs over D-Bus by one line of configuration; services that the bus starts; what docs/dbus.md shows."""

import os
import pathlib
import re
import subprocess
import xml.etree.ElementTree

import bus
from bus import harness

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / 'examples' / 'dbus' / 'org.example.Echo.service.in'


class Switch(bus.BusCase):
    """The program stays as it is; the Uri= line changes."""

    def setUp(self):
        super().setUp()
        name = 'dbus:session?name=org.example.Game'
        self.uris = [name, f'{name}&direct=require', f'{name}&direct=never', f'dbus:unix:path={self.directory}/game',
                     f'dbus:unix:path={self.directory}/game?direct=never']

    def environment(self):
        return {**super().environment(), 'CHAN_CONFIG': str(self.directory / 'chan.conf')}

    def configure(self, uri):
        (self.directory / 'chan.conf').write_text(f'[Endpoint game]\nUri={uri}\n', encoding='utf-8')

    def test_ping_pong(self):
        for uri in self.uris:
            with self.subTest(uri):
                self.configure(uri)
                self.assertIn('100 rounds', self.output(harness.program('ping-pong'), '-n', 100, '@game').stdout)

    def test_rexec(self):
        for uri in self.uris:
            with self.subTest(uri):
                self.configure(uri)
                server = self.run_program(harness.program('rexec-server'), '@game')
                server.line()
                done = subprocess.run([harness.program('rexec'), '@game', '--', 'sort', '-rn'], input=b'1\n2\n' * 100000, check=True,
                                      capture_output=True, timeout=bus.TIMEOUT, env=self.environment())
                self.assertEqual(done.stdout, b'2\n' * 100000 + b'1\n' * 100000)
                server.stop()
                self.wait_until_free('org.example.Game')

    def test_echo_server(self):
        for uri in self.uris[:3]:
            with self.subTest(uri):
                self.configure(uri)
                server = self.run_program(harness.program('echo-server'), '@game')
                server.line()
                self.assertEqual(echo(self, 'org.example.Game', '/org/example/Game', '"hello"'), 'a{sv} 1 "P" s "hello"')
                server.stop()
                self.wait_until_free('org.example.Game')


def call(case, name, path, interface, method, *arguments):
    return case.output('busctl', '--user', 'call', name, path, f'org.libchan.{interface}', method, *arguments).stdout.strip()


def echo(case, name, base, text):
    """What the echo server answers to a message by hand."""
    requests = call(case, name, base, 'Listener', 'OpenChannel', 's', 'requests').split('"')[1]
    answers = call(case, name, requests, 'Channel', 'SendWith', 'vas', 'a{sv}', 2, 'P', 's', text.strip('"'), 'R', '(sv)', 'h', 'u', 0,
                   1, 'sender').split('"')[1]
    got = call(case, name, answers, 'Channel', 'Receive')
    prefix, suffix = 'vav ', ' 0'
    assert got.startswith(prefix) and got.endswith(suffix), got
    return got[len(prefix):-len(suffix)]


class Activation(bus.BusCase):
    """Nobody runs; the first message starts the service."""

    def start_daemon(self):
        for name, program in (('org.example.Echo', 'echo-server'), ('org.example.Rexec', 'rexec-server')):
            text = TEMPLATE.read_text(encoding='utf-8').replace('@name@', name).replace('@program@', str(harness.program(program)))
            (self.directory / 'services' / f'{name}.service').write_text(text, encoding='utf-8')
        return super().start_daemon()

    def end_services(self, *names):
        for name in names:
            pid = self.output('busctl', '--user', 'call', 'org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus',
                              'GetConnectionUnixProcessID', 's', name).stdout.split()[1]
            os.kill(int(pid), 15)

    def test_by_connecting(self):
        for direct in ('require', 'never'):
            with self.subTest(direct):
                done = self.output(harness.program('rexec'), f'dbus:session?name=org.example.Rexec&direct={direct}', '--', 'echo', 'hello')
                self.assertEqual(done.stdout, 'hello\n')
                self.end_services('org.example.Rexec')

    def test_by_hand(self):
        self.assertEqual(echo(self, 'org.example.Echo', '/org/example/Echo', '"started"'), 'a{sv} 1 "P" s "started"')
        self.end_services('org.example.Echo')

    def test_a_name_that_nobody_has(self):
        done = self.output(harness.program('rexec'), 'dbus:session?name=org.example.Nobody', '--', 'true', check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn('nobody owns this name on the bus, and it cannot be started on demand', done.stderr)


class Monitor(bus.BusCase):
    """What others see of it on the bus."""

    def watch(self, direct):
        """All that passes while a command is run remotely, as dbus-monitor shows it."""
        monitor = self.run_program('stdbuf', '-oL', 'dbus-monitor', '--address', self.address)
        while 'NameLost' not in monitor.line():
            pass
        uri = self.uri('org.example.Rexec', direct)
        server = self.run_program(harness.program('rexec-server'), uri)
        server.line()
        self.assertEqual(self.output(harness.program('rexec'), uri, '--', 'echo', 'good day').stdout, 'good day\n')
        server.stop()
        self.output('busctl', '--user', 'call', 'org.freedesktop.DBus', '/', 'org.freedesktop.DBus', 'NameHasOwner', 's', 'org.example.Last')
        while 'org.example.Last' not in monitor.line():
            pass
        monitor.stop()
        return ''.join(monitor.out.text)

    def test_messages_can_be_read(self):
        text = self.watch('never')
        for words in ('interface=org.libchan.Peer; member=Open', 'member=Push', 'string "good day"', 'member=Finish', 'member=Close'):
            self.assertIn(words, text)

    def test_a_session_over_a_socket_is_not_on_the_bus(self):
        text = self.watch('require')
        self.assertIn('member=OpenDirect', text)
        self.assertNotIn('good day', text)
        self.assertNotIn('org.libchan.Peer', text)


class Document(bus.BusCase):
    """Each block of docs/dbus.md that begins with "$ " is what a person sees."""

    def environment(self):
        return {**super().environment(), 'PATH': f'{harness.build_dir() / "examples"}:{os.environ["PATH"]}', 'LANG': 'C.UTF-8',
                'LC_ALL': 'C.UTF-8', 'SYSTEMD_COLORS': '0', 'COLUMNS': '200'}

    def run_line(self, line):
        if line.endswith(' &'):
            words = re.findall(r"'([^']*)'|(\S+)", line[:-2])
            self.run_program(*(quoted or plain for quoted, plain in words)).line()
            return ''
        done = self.output('sh', '-c', line, check=False)
        return done.stdout + done.stderr

    def test_transcript(self):
        text = (ROOT / 'docs' / 'dbus.md').read_text(encoding='utf-8')
        blocks = re.findall(r'^```console\n(.*?)^```$', text, re.DOTALL | re.MULTILINE)
        self.assertTrue(blocks)
        seen = 0
        for block in blocks:
            for line, expected in re.findall(r'^\$ (.*\n(?:> .*\n)*)((?:(?!\$ ).*\n)*)', block, re.MULTILINE):
                line = line.replace('\\\n> ', '').rstrip('\n')
                with self.subTest(line):
                    self.assertEqual(self.run_line(line), expected)
                seen += 1
        self.assertGreater(seen, 8)


    def test_interface(self):
        """The table of calls has the types of the interface."""
        text = (ROOT / 'docs' / 'dbus.md').read_text(encoding='utf-8')
        table = text[text.index('| method | arguments | says |'):]
        rows = re.findall(r'^\| `(\w+)` \| (.*?) \|', table[:table.index('\n\n')], re.MULTILINE)
        told = {name: ''.join(re.findall(r'`([^`]+)`', arguments)) for name, arguments in rows}
        interface = xml.etree.ElementTree.parse(ROOT / 'plugins' / 'dbus' / 'org.libchan.xml').find("interface[@name='org.libchan.Peer']")
        self.assertEqual(told, {method.get('name'): ''.join(arg.get('type') for arg in method.findall('arg'))
                                for method in interface.findall('method')})


if __name__ == '__main__':
    harness.main()
