#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A receiver that stands still, a bus that is full, a bus that dies: everything arrives in order, or there is one clear error."""

import os
import signal
import time

import bus
from bus import harness

MESSAGES, SIZE = 10000, 10000   # 100 MB
# 300 MB go through GDBus and its checks, which takes its time beside other tests or with a sanitizer.
harness.TEST_TIMEOUT, harness.PROGRAM_TIMEOUT = (limit * harness.SLOWNESS for limit in (120, 280))
STOPPED_SEC = 10 * max(1, int(float(os.environ.get('CHAN_TEST_RUNS', '1'))))
MEMORY_KIB = 64 * 1024
CONNECTION_LOST, LIMIT = 3, 8   # ChanChannelError
ROOM = 8


class Stopped(bus.BusCase):
    def pass_on(self, uri, watched):
        receiver = self.peer('receive', uri)
        self.assertEqual(receiver.line(), 'listening')
        sender = self.peer('send', uri, MESSAGES, SIZE)
        self.assertEqual(receiver.line(), 'begun')
        receiver.pause()
        time.sleep(STOPPED_SEC)
        self.assertIsNone(sender.process.poll())
        sanitized = receiver.is_sanitized()
        paused = [program.status('VmHWM') for program in (receiver, sender, *watched)]
        receiver.go_on()
        self.assertEqual(receiver.last_line(), f'closed {MESSAGES}')
        self.assertEqual(sender.last_line(), f'closed {MESSAGES}')
        # The kernel's figure is of the whole life: the pause, and all that came after it.
        peaks = [self.peak(receiver), self.peak(sender), *(program.status('VmHWM') for program in watched)]
        print(f'# {uri}: at most {paused} KiB when it stood still, {peaks} in all')
        for before, in_all in zip(paused, peaks):
            self.assertGreaterEqual(in_all, before)
        if not sanitized:
            self.assertLess(max(peaks), MEMORY_KIB)

    def peak(self, program):
        """Of a process that has ended: what it said before its last line."""
        word, kib = program.out.text[-2].split()
        self.assertEqual(word, 'peak')
        return int(kib)

    def test_messages_on_a_bus(self):
        self.pass_on(self.uri('org.example.Bulk'), [self.daemon])

    def test_messages_from_peer_to_peer(self):
        self.pass_on(f'dbus:unix:path={self.directory}/peer?direct=never', [])

    def test_direct(self):
        self.pass_on(self.uri('org.example.Bulk', 'require'), [self.daemon])


class Full(bus.BusCase):
    """A bus that keeps track of less calls than a session may have on their way: it refuses the others, not the last of all."""

    limits = f'<limit name="max_replies_per_connection">{ROOM}</limit>'

    def test_one_clear_error(self):
        receiver = self.peer('receive', self.uri('org.example.Bulk'))
        receiver.line()
        sender = self.peer('hold', self.uri('org.example.Bulk'), 1000, 10)
        self.assertEqual(receiver.line(), 'begun')
        self.assertEqual(sender.line(), 'held')
        # From here on nothing is answered.
        receiver.pause()
        sender.process.send_signal(signal.SIGUSR1)
        self.assertRegex(sender.line(), '^peak ')
        said = sender.line().split(' ', 4)
        receiver.go_on()
        came = receiver.last_line().split(' ', 4)
        print(f'# sender: {said}, receiver: {came}')
        text = 'The bus has no room for more messages to the peer'
        self.assertEqual((said[0], int(said[3]), said[4]), ('error', LIMIT, text))
        self.assertGreater(int(said[1]), ROOM)
        # It has the one before and those that the bus took, and hears why there are no more.
        self.assertEqual((came[0], int(came[1]), int(came[3]), came[4]), ('error', 1 + ROOM, LIMIT, f'The session is lost: {text}'))


class Killed(bus.BusCase):
    def test_in_the_middle_of_a_transfer(self):
        receiver = self.peer('receive', self.uri('org.example.Bulk'))
        receiver.line()
        sender = self.peer('send', self.uri('org.example.Bulk'), 10 ** 9, SIZE)
        self.assertEqual(receiver.line(), 'begun')
        time.sleep(0.2)
        self.daemon.process.kill()
        for program in (receiver, sender):
            said = program.last_line(timeout=10).split(' ', 4)
            self.assertEqual((said[0], int(said[3])), ('error', CONNECTION_LOST), said)

    def test_each_channel_that_waits(self):
        receiver = self.peer('receive', self.uri('org.example.Bulk'))
        receiver.line()
        waiter = self.peer('wait', self.uri('org.example.Bulk'), 20)
        self.assertEqual(waiter.line(), 'waiting')
        self.daemon.process.kill()
        self.assertEqual(waiter.last_line(timeout=10), 'closed 20')

    def test_a_direct_session_goes_on(self):
        receiver = self.peer('receive', self.uri('org.example.Bulk', 'require'))
        receiver.line()
        sender = self.peer('send', self.uri('org.example.Bulk', 'require'), MESSAGES, SIZE)
        self.assertEqual(receiver.line(), 'begun')
        self.daemon.process.kill()
        self.assertEqual(receiver.last_line(), f'closed {MESSAGES}')
        self.assertEqual(sender.last_line(), f'closed {MESSAGES}')


class Gone(bus.BusCase):
    """The peer's process ends without a word: an error at once."""

    def check(self, uri):
        receiver = self.peer('receive', uri)
        receiver.line()
        waiter = self.peer('wait', uri, 20)
        self.assertEqual(waiter.line(), 'waiting')
        receiver.process.kill()
        self.assertEqual(waiter.last_line(timeout=10), 'closed 20')

    def test_on_a_bus(self):
        self.check(self.uri('org.example.Bulk'))

    def test_direct(self):
        self.check(self.uri('org.example.Bulk', 'require'))

    def test_from_peer_to_peer(self):
        self.check(f'dbus:unix:path={self.directory}/peer?direct=never')


if __name__ == '__main__':
    harness.main()
