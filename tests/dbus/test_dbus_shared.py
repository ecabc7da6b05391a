#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Many sessions of one connection: none of them harms the others."""

import time

import bus
from bus import harness

CONNECTION_LOST = 3     # ChanChannelError
STUCK = 6


class Shared(bus.BusCase):
    """With the limits of a system bus, where a connection has at most 128 calls that are not answered."""

    limits = '<limit name="max_replies_per_connection">128</limit>'

    def start_receivers(self, n):
        """Each is a process of its own, with a name of its own."""
        self.receivers = []
        for i in range(n):
            self.receivers.append(self.peer('receive', self.uri(f'org.example.Receiver{i}', more='&keepalive-sec=0')))
            self.assertEqual(self.receivers[-1].line(), 'listening')
        return [self.uri(f'org.example.Receiver{i}', more='&keepalive-sec=0') for i in range(n)]

    def start_sender(self, uris):
        """They are stopped when their sessions are open."""
        sender = self.peer('share', *uris)
        for receiver in self.receivers[:-1]:
            self.assertEqual(receiver.line(), 'begun')
        return sender

    def connections(self):
        listed = self.output('busctl', '--user', 'list', '--unique', '--no-legend', '--no-pager').stdout
        return [line for line in listed.splitlines() if 'dbus-peer' in line]

    def test_peers_that_do_not_answer(self):
        uris = self.start_receivers(STUCK + 1)
        sender = self.start_sender(uris)
        # One for each listener, and one for all sessions of the sender
        self.assertEqual(len(self.connections()), STUCK + 2)
        for receiver in self.receivers[:-1]:
            receiver.pause()
        for _ in range(5):
            self.assertEqual(sender.line(), 'passed')
        # What does not answer is not lost: it goes on, and nothing was refused.
        for receiver in self.receivers[:-1]:
            receiver.go_on()
        for _ in range(2):
            self.assertEqual(sender.line(), 'passed')
        self.assertNotIn('ended', ''.join(sender.out.text))

    def test_a_peer_that_goes(self):
        uris = self.start_receivers(3)
        sender = self.start_sender(uris)
        self.assertEqual(sender.line(), 'passed')
        began = time.monotonic()
        self.receivers[0].process.kill()
        line = sender.line()
        while line == 'passed':
            line = sender.line()
        self.assertLess(time.monotonic() - began, 2)
        self.assertEqual(line.split()[:4], ['ended', '0', 'chan-channel-error-quark', str(CONNECTION_LOST)], line)
        for _ in range(3):
            self.assertEqual(sender.line(), 'passed')
        self.assertIsNone(self.receivers[1].process.poll())

    def test_sessions_with_one_listener(self):
        """Clients come and go, one is killed, one is stopped; a session that lasts does not see it."""
        uri = self.uri('org.example.Rexec', 'never')
        server = self.run_program(harness.program('rexec-server'), uri)
        server.line()
        lasts = self.run_program(harness.program('rexec'), uri, '--', 'sh', '-c', 'for i in 1 2 3 4 5 6 7 8 9 10; do echo $i; sleep 0.2; done')
        self.assertEqual(lasts.line(), '1')
        stopped = self.run_program(harness.program('rexec'), uri, '--', 'sh', '-c', 'while :; do echo much; done')
        self.assertEqual(stopped.line(), 'much')
        stopped.pause()
        killed = self.run_program(harness.program('rexec'), uri, '--', 'sleep', '100')
        time.sleep(0.3)
        killed.process.kill()
        self.assertEqual(self.output(harness.program('rexec'), uri, '--', 'echo', 'short').stdout, 'short\n')
        self.assertEqual(lasts.last_line(), '10')
        self.assertEqual(lasts.process.returncode, 0)


if __name__ == '__main__':
    harness.main()
