#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sessions by hand: their limits, and those who go away while they wait."""

import time

import bus
from bus import harness

NAME, BASE = 'org.example.Echo', '/org/example/Echo'
IDLE_SEC = 2
WAIT_SEC = 20


class Hand(bus.BusCase):
    more = ''

    def setUp(self):
        super().setUp()
        self.server = self.run_program(harness.program('echo-server'), self.uri(NAME, 'auto', self.more))
        self.server.line()

    def busctl(self, path, interface, method, *arguments):
        return self.output('busctl', '--user', '--timeout=60', 'call', NAME, path, f'org.libchan.{interface}', method, *arguments, check=False)

    def call(self, *arguments):
        done = self.busctl(*arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.strip()

    def open(self):
        """The path of the session, and of its first channel."""
        path = self.call(BASE, 'Listener', 'OpenChannel', 's', 'requests').split('"')[1]
        return path.split('/channel/')[0], path

    def ask(self, path, text):
        """The path of the channel where the answer comes."""
        return self.call(path, 'Channel', 'SendWith', 'vas', 'a{sv}', 2, 'P', 's', text, 'R', '(sv)', 'h', 'u', 0, 1, 'sender').split('"')[1]


class Limits(Hand):
    def test_channels(self):
        session, _ = self.open()
        for _ in range(63):
            self.call(session, 'Session', 'OpenChannel', 's', '')
        self.assertIn('at most 64 channels', self.busctl(session, 'Session', 'OpenChannel', 's', '').stderr)
        self.call(f'{session}/channel/7', 'Channel', 'Close')
        self.call(session, 'Session', 'OpenChannel', 's', '')

    def test_handles(self):
        _, path = self.open()
        self.call(path, 'Channel', 'SendWith', 'vas', 's', 'x', 16, *['sender'] * 16)
        self.assertIn('at most 16 handles', self.busctl(path, 'Channel', 'SendWith', 'vas', 's', 'x', 17, *['sender'] * 17).stderr)

    def test_who_waits_is_told_in_time(self):
        """Callers give up after 25 s."""
        session, _ = self.open()
        began = time.monotonic()
        done = self.busctl(session, 'Session', 'AcceptChannel')
        self.assertNotEqual(done.returncode, 0)
        self.assertIn('call again', done.stderr)
        self.assertLess(abs(time.monotonic() - began - WAIT_SEC), 4)

    def test_who_goes_away_while_it_waits(self):
        """The session goes on, and nothing is lost."""
        session, path = self.open()
        waiting = self.run_program('busctl', '--user', '--timeout=60', 'call', NAME, session, 'org.libchan.Session', 'AcceptChannel')
        time.sleep(0.3)
        waiting.process.kill()
        answers = self.ask(path, 'afterwards')
        self.assertIn('afterwards', self.call(answers, 'Channel', 'Receive'))


class Idle(Hand):
    more = f'&idle-timeout-sec={IDLE_SEC}'

    def test_it_ends(self):
        session, path = self.open()
        for _ in range(3):
            time.sleep(IDLE_SEC / 2)
            self.call(path, 'Channel', 'Send', 'v', 's', 'not idle')
        time.sleep(IDLE_SEC + 1.5)
        done = self.busctl(path, 'Channel', 'Send', 'v', 's', 'too late')
        self.assertNotEqual(done.returncode, 0)
        self.assertNotIn(session, self.output('busctl', '--user', 'tree', NAME).stdout)


if __name__ == '__main__':
    harness.main()
