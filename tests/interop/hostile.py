# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the hostile tests have in common: a server under attack, and what must hold afterwards."""

import contextlib
import time

import echo_raw
import harness
import msgpack_lite as mp
import rawpeer
import spdy

FLOOD_TIMEOUT = 30


class HostileCase(harness.ServerCase):
    """After each test the server lives, has not grown, and serves an honest client at once, beside and after the attack."""

    program_name = 'echo-server'

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with echo_raw.client(cls.server) as echo:       # so that buffers and code pages are there
            echo.exchange('x' * 1000000)
        cls.bystander = cls.server.connect()
        cls.bystander_echo = echo_raw.Echo(cls.bystander)

    @classmethod
    def tearDownClass(cls):
        cls.bystander.close()
        super().tearDownClass()
        cls.bystander.check()

    def setUp(self):
        super().setUp()
        self.attackers = []
        self.memory = self.server.rss_kib()

    def tearDown(self):
        try:
            start = time.monotonic()
            self.assertEqual(self.bystander_echo.exchange('still served'), 'still served')
            self.assertLess(time.monotonic() - start, 1, 'the client beside the attack waited too long')
            echo_raw.assert_served(self.server)
            self.assertLess(self.server.rss_kib() - self.memory, self.server.rss_limit_kib, 'KiB of growth')
        finally:
            for peer in self.attackers:
                peer.close(hard=True)
        super().tearDown()

    def attacker(self):
        peer = self.server.connect(strictly=False)
        self.attackers.append(peer)
        return peer

    def channel(self):
        """(peer, echo) with a channel that works."""
        peer = self.attacker()
        echo = echo_raw.Echo(peer)
        self.assertEqual(echo.exchange('first'), 'first')
        return peer, echo

    # ---- what the row of the threat table asks for

    def assert_connection_ends(self, *raw, peer=None, goaway=True):
        """GOAWAY with PROTOCOL_ERROR, then the end."""
        peer = peer or self.attacker()
        for piece in raw:
            with contextlib.suppress(rawpeer.Closed):    # it may have ended at an earlier piece
                peer.send_raw(piece)
        frame = peer.wait_closed(5)
        if goaway:
            self.assertIsNotNone(frame, f'closed without GOAWAY; got {peer.frames[-3:]}')
            self.assertEqual(frame.word, spdy.PROTOCOL_ERROR)
            self.assertIs(peer.frames[-1], frame, 'something came after GOAWAY')
        return peer

    def assert_connection_lives(self, peer):
        peer.ping(5)
        self.assertIsNone(next((frame for frame in peer.frames if frame.type == spdy.GOAWAY), None))

    def assert_reset(self, peer, stream, *statuses, timeout=5):
        """A stream that we opened was reset, after SYN_REPLY."""
        peer.wait(lambda: stream.reset is not None or peer.closed, timeout, 'no RST_STREAM')
        self.assertIn(stream.reset, statuses, f'connection: {peer.closed}, last frames: {peer.frames[-3:]}')
        self.assertTrue(stream.replied, 'RST_STREAM before SYN_REPLY')

    def assert_channel_fails(self, raw, *statuses, timeout=5):
        """A message that ends its channel, and nothing else."""
        peer, echo = self.channel()
        other = echo_raw.Echo(peer)
        peer.send_raw(b''.join(spdy.data(echo.channel.id, raw[at:at + 16384]) for at in range(0, len(raw), 16384)))
        self.assert_reset(peer, echo.channel, *statuses, timeout=timeout)
        self.assertEqual(other.exchange('another channel'), 'another channel')
        self.assert_connection_lives(peer)

    def assert_flood_ends(self, peer, chunk, count):
        """The connection is cut before, or soon after, all is sent."""
        try:
            for _ in range(count):
                peer.send_raw(chunk, FLOOD_TIMEOUT)
            peer.wait_closed(FLOOD_TIMEOUT)
        except rawpeer.Closed:
            pass
        peer.wait_closed(FLOOD_TIMEOUT)

    @staticmethod
    def request(peer, channel, value):
        """(bytes of a request, the stream for its answer)"""
        answer = peer.open_nested(channel)
        return mp.encode({'P': value, 'R': answer.as_(mp.SENDER)}), answer
