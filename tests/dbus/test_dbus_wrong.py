#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a person gets wrong, in a URI and by hand: one clear line and an exit status each, and the service lives."""

import bus
from bus import harness

NAME, BASE = 'org.example.Wrong', '/org/example/Wrong'
BAD_URI, CANNOT_CONNECT, OTHER = 241, 243, 249      # of rexec
BAD_CONFIG, FAILED = 78, 1                          # of rexec-server


class Uris(bus.BusCase):
    def assert_fails(self, program, uri, status, words):
        command = [harness.program(program), uri] + (['--', 'true'] if program == 'rexec' else [])
        done = self.output(*command, check=False)
        self.assertEqual((done.returncode, done.stdout), (status, ''), done.stderr)
        self.assertTrue(done.stderr.startswith(f'{program}: '), done.stderr)
        self.assertEqual(done.stderr.count('\n'), 1, done.stderr)
        self.assertIn(words, done.stderr)

    def test_addresses(self):
        for uri, words in (('dbus:', 'Write dbus:session, dbus:system, or'), ('dbus:nonsense', 'Write dbus:session, dbus:system, or'),
                           ('dbus:session', 'a name is needed'), ('dbus:session?name=not..valid', 'well-known bus name'),
                           ('dbus:session?name=:1.7', 'well-known bus name'), (self.uri(NAME, more='&path=a/b'), 'must be an object path'),
                           (self.uri(NAME, more=f'&path=/{"p" * 400}'), 'may have 400 bytes'),
                           (self.uri(NAME, 'maybe'), 'it takes one of auto, never, require'), (self.uri(NAME, more='&nmae=x'), 'There is no option “nmae”')):
            with self.subTest(uri[:60]):
                self.assert_fails('rexec', uri, BAD_URI, words)
                self.assert_fails('rexec-server', uri, BAD_CONFIG, words)

    def test_nobody_is_there(self):
        self.assert_fails('rexec', self.uri(NAME), CANNOT_CONNECT, 'nobody owns this name')
        self.assert_fails('rexec', f'dbus:unix:path={self.directory}/none', CANNOT_CONNECT, 'No such file or directory')
        self.assert_fails('rexec-server', f'dbus:unix:path={self.directory}/none?name={NAME}', FAILED, 'No such file or directory')

    def test_what_is_there_is_something_else(self):
        server = self.run_program(harness.program('rexec-server'), self.uri(NAME))
        server.line()
        self.assert_fails('rexec-server', self.uri(NAME), FAILED, 'another program owns it on the bus')
        self.assert_fails('rexec', self.uri(NAME, more='&path=/other'), OTHER, 'does not exist at path “/other”')
        self.assert_fails('rexec', self.uri('org.freedesktop.DBus'), OTHER, 'org.freedesktop.DBus')
        self.assertEqual(self.output(harness.program('rexec'), self.uri(NAME), '--', 'echo', 'hello').stdout, 'hello\n')


class ByHand(bus.BusCase):
    def setUp(self):
        super().setUp()
        self.server = self.run_program(harness.program('echo-server'), self.uri(NAME, 'auto'))
        self.server.line()

    def busctl(self, *arguments):
        return self.output('busctl', '--user', 'call', NAME, *arguments, check=False)

    def assert_refused(self, words, *arguments):
        done = self.busctl(*arguments)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        self.assertIn(words, done.stderr)

    def open(self):
        done = self.busctl(BASE, 'org.libchan.Listener', 'OpenChannel', 's', 'requests')
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.split('"')[1]

    def test_calls(self):
        channel = self.open()
        for words, arguments in (('does not match expected type “(v)”', (channel, 'org.libchan.Channel', 'Send', 's', 'no variant')),
                                 ('does not match expected type “(v)”', (channel, 'org.libchan.Channel', 'Send')),
                                 ('This is the end that sends', (channel, 'org.libchan.Channel', 'Receive')),
                                 ('No such method', (channel, 'org.libchan.Channel', 'Sned')),
                                 ('No such interface', (channel, 'org.libchan.Chanel', 'Send')),
                                 ('does not exist at path', (f'{channel}0', 'org.libchan.Channel', 'Send')),
                                 ('may have 8192 bytes', (BASE, 'org.libchan.Listener', 'OpenChannel', 's', 'n' * 8193)),
                                 ('may have 8192 bytes', (channel.split('/channel')[0], 'org.libchan.Session', 'OpenChannel', 's', 'n' * 8193))):
            with self.subTest(words):
                self.assert_refused(words, *arguments)
        done = self.busctl(channel, 'org.libchan.Channel', 'Send', 'v', 's', 'still there')
        self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == '__main__':
    harness.main()
