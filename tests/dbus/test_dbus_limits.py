#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a bus does not pass: said by who sends, and nothing else ends; or one clear error where only the bus knows."""

import bus
from bus import harness

CONNECTION_LOST, TOO_LARGE, TOO_COMPLEX, UNSUPPORTED = 3, 6, 7, 15    # ChanChannelError
MIB = 1024 * 1024
LARGE = '&max-message-bytes=209715200&max-unread-bytes=536870912&session-window=209715200'


class OddCase(bus.BusCase):
    """A message that is not as others, and then an ordinary one."""

    def send(self, uri, streams, size):
        """What the sender said of both, and what the receiver of how many came."""
        receiver = self.peer('receive', uri)
        self.assertEqual(receiver.line(), 'listening')
        sender = self.peer('odd', uri, streams, size)
        said, came = [sender.line(), sender.last_line()], receiver.last_line()
        if 'name=' in uri:
            self.wait_until_free('org.example.Odd')
        return said, came

    def assert_refused(self, line, code, words):
        self.assertEqual(line.split()[:4], ['error', '0', 'chan-channel-error-quark', str(code)], line)
        self.assertIn(words, line)

    def check_refused(self, uri, streams, size, code, words):
        said, came = self.send(uri, streams, size)
        self.assert_refused(said[0], code, words)
        self.assertEqual((said[1], came), ('closed 1', 'closed 1'))

    def check_sent(self, uri, streams, size):
        said, came = self.send(uri, streams, size)
        self.assertEqual((said, came), (['sent', 'closed 1'], 'closed 2'))

    def peer_uri(self, more=''):
        return f'dbus:unix:path={self.directory}/peer?direct=never{more}'


class Ordinary(OddCase):
    def test_large(self):
        """24 MiB at most, whatever max-message-bytes allows: many a bus takes 32."""
        uri = self.uri('org.example.Odd', more=LARGE)
        self.check_sent(uri, 0, 23 * MIB)
        self.check_refused(uri, 0, 25 * MIB, TOO_LARGE, 'at most 25165824 bytes')
        self.check_refused(self.peer_uri(LARGE), 0, 150 * MIB, TOO_LARGE, 'at most 25165824 bytes')

    def test_streams_of_a_message(self):
        """A bus cuts off who sends more than 16 descriptors."""
        self.check_sent(self.uri('org.example.Odd'), 16, 10)
        self.check_refused(self.uri('org.example.Odd'), 17, 10, TOO_COMPLEX, 'at most 16 byte streams and file descriptors, not 17')
        self.check_sent(self.peer_uri(), 60, 10)


class Generous(OddCase):
    """A bus that passes more descriptors, as its users know."""

    limits = '<limit name="max_message_unix_fds">64</limit>'

    def test_streams_of_a_message(self):
        self.check_sent(self.uri('org.example.Odd', more='&message-fds=40'), 40, 10)
        self.check_refused(self.uri('org.example.Odd', more='&message-fds=40'), 41, 10, TOO_COMPLEX, 'at most 40')


class Small(OddCase):
    """A bus that takes less than we think: it cuts off who sends more."""

    limits = '<limit name="max_message_size">1000000</limit>'

    def test_large(self):
        said, came = self.send(self.uri('org.example.Odd'), 0, 2 * MIB)
        self.assertIn(said[0].split()[0], ('sent', 'error'))
        for line in (said[1], came):
            self.assertEqual((line.split()[0], line.split()[3]), ('error', str(CONNECTION_LOST)), line)
        self.assertEqual(came.split()[1], '0')

    def test_streams_of_a_message(self):
        self.check_sent(self.uri('org.example.Odd'), 16, 900000)


class NoDescriptors(OddCase):
    """A bus over TCP, which passes none: messages only."""

    configuration = bus.CONFIGURATION.replace('unix:path={directory}/bus', 'tcp:host=127.0.0.1,port=0,family=ipv4') \
                                     .replace('EXTERNAL', 'DBUS_COOKIE_SHA1')

    @property
    def address(self):
        return self.daemon.out.text[0].strip().split(',guid')[0]

    def environment(self):
        home = {'HOME': str(self.directory)}
        if not hasattr(self, 'daemon'):
            return {**harness.environment(), **home}
        return {**super().environment(), **home}

    def test_large(self):
        for direct in ('auto', 'never'):
            self.check_sent(self.uri('org.example.Odd', direct), 0, MIB)

    def test_streams_of_a_message(self):
        self.check_refused(self.uri('org.example.Odd', 'auto'), 1, 10, UNSUPPORTED, 'passes no file descriptors')
        receiver = self.peer('receive', self.uri('org.example.Odd', 'require'))
        self.assertEqual(receiver.line(), 'listening')
        self.assertIn('error', self.peer('odd', self.uri('org.example.Odd', 'require'), 0, 10).last_line())


if __name__ == '__main__':
    harness.main()
