#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Frames, header blocks and streams that lie, flood or come at the wrong time. Each ends its connection or its
stream, never the server, and costs no one else anything. The names give the row of the threat table."""

import struct
import time
import zlib

import echo_raw
import harness
import rawpeer
import spdy
from hostile import HostileCase

TOP = [('libchan-ref', '2')]


def syn(plain, peer, stream_id=1, flush=zlib.Z_SYNC_FLUSH):
    return spdy.syn_stream(stream_id, peer.header_writer.raw(plain, flush))


class Frames(HostileCase):
    def test_a1_settings_count_lies(self):
        for count in (0xffffffff, 0x10000000, 2, 0):
            with self.subTest(count=count):
                self.assert_connection_ends(spdy.settings([(4, 1)], count=count))

    def test_a1_settings_of_odd_length(self):
        for payload in (b'', b'\0\0\0', struct.pack('>II', 1, 7), bytes(11)):
            with self.subTest(payload):
                self.assert_connection_ends(spdy.control(spdy.SETTINGS, payload))

    def test_a1_more_than_32_settings(self):
        self.assert_connection_ends(spdy.settings([(4, 1)] * 33))

    def test_a3_control_frame_longer_than_any(self):
        self.assert_connection_ends(struct.pack('>HHI', 0x8003, spdy.SYN_STREAM, 0xffffff) + bytes(100))

    def test_lengths_of_control_frames_with_a_fixed_one(self):
        for kind, length in ((spdy.PING, 4), (spdy.RST_STREAM, 8), (spdy.GOAWAY, 8), (spdy.WINDOW_UPDATE, 8)):
            for wrong in (0, length - 1, length + 1):
                with self.subTest(kind=kind, length=wrong):
                    self.assert_connection_ends(spdy.control(kind, bytes(wrong)))

    def test_lengths_of_frames_with_header_blocks(self):
        for kind, length in ((spdy.SYN_STREAM, 9), (spdy.SYN_REPLY, 3), (spdy.HEADERS, 3), (spdy.SYN_STREAM, 0)):
            with self.subTest(kind=kind):
                self.assert_connection_ends(spdy.control(kind, bytes(length)))

    def test_a12_nothing_is_done_after_a_fatal_error(self):
        peer, echo = self.channel()
        raw, answer = self.request(peer, echo.channel, 'after')
        peer.ping()
        known = len(peer.frames)
        block = peer.headers([('libchan-ref', '99')])
        self.assert_connection_ends(spdy.settings([], count=5) + spdy.ping(1001) + spdy.data(echo.channel.id, raw) +
                                    spdy.syn_stream(999, block), peer=peer)
        self.assertEqual([frame.name for frame in peer.frames[known:]], ['GOAWAY'])
        self.assertEqual(bytes(answer.input), b'')

    def test_a17_a_frame_that_never_ends_holds_up_nobody(self):
        peers = [self.attacker() for _ in range(30)]
        for peer in peers:
            peer.send_raw(struct.pack('>HHI', 0x8003, spdy.SYN_STREAM, 100) + b'\0')
        echo_raw.assert_served(self.server)


class HeaderBlocks(HostileCase):
    def assert_block_ends(self, plain):
        peer = self.attacker()
        self.assert_connection_ends(syn(plain, peer), peer=peer)

    def test_a2_header_count_lies(self):
        for count in (0xffffffff, 0x10000000, 2):
            with self.subTest(count=count):
                self.assert_block_ends(spdy.plain_headers(TOP, count))

    def test_a2_lengths_of_names_and_values_lie(self):
        name = struct.pack('>II', 1, 11) + b'libchan-ref'
        for plain in (struct.pack('>II', 1, 0xffffffff) + b'x', struct.pack('>II', 1, 0x7fffffff), b'', b'\0\0',
                      name, name + struct.pack('>I', 0xffffffff) + b'2', name + struct.pack('>I', 2) + b'2'):
            with self.subTest(plain):
                self.assert_block_ends(plain)

    def test_a2_too_many_headers(self):
        self.assert_block_ends(spdy.plain_headers(TOP + [(f'x{n}', '') for n in range(1000)]))

    def test_a2_name_and_value_too_long(self):
        self.assert_block_ends(spdy.plain_headers(TOP + [('x' * 10000, '1')]))
        self.assert_block_ends(spdy.plain_headers(TOP + [('x', '1' * 31000)]))

    def test_a3_bomb_in_a_header_block(self):
        bomb = struct.pack('>II', 1, 11) + b'libchan-ref' + struct.pack('>I', 14 << 20) + bytes(14 << 20)
        memory = self.server.rss_kib()
        peer = self.attacker()
        raw = syn(bomb, peer)
        self.assertLess(len(raw), 16384)
        self.assert_connection_ends(raw, peer=peer)
        self.assertLess(self.server.rss_kib() - memory, 2048 + (self.server.rss_limit_kib if self.server.is_sanitized else 0))

    def test_a4_bytes_after_the_last_header(self):
        self.assert_block_ends(spdy.plain_headers(TOP) + b'\0')

    def test_a4_corrupt_blocks(self):
        good = spdy.HeaderWriter().block(TOP)
        for block in (b'', b'garbage', good[:-8], good[:12], good[:1] + b'\xff' + good[2:], good[:2] + b'abcd' + good[6:],
                      good[:8] + b'\xff' * 20 + spdy.SYNC_FLUSH_END):
            with self.subTest(block):
                self.assert_connection_ends(spdy.syn_stream(1, block))

    def test_a4_wrong_dictionary(self):
        self.assert_connection_ends(spdy.syn_stream(1, spdy.HeaderWriter(dictionary=b'not the one').block(TOP)))

    def test_a4_zlib_stream_that_ends(self):
        peer = self.attacker()
        first = syn(spdy.plain_headers(TOP), peer, flush=zlib.Z_FINISH)
        self.assert_connection_ends(first, spdy.syn_stream(3, spdy.HeaderWriter().block([('libchan-ref', '3')])), peer=peer)

    def test_a4_windows_levels_and_flushes_of_other_implementations_are_good(self):
        for level, window in ((0, 11), (0, 15), (1, 9), (6, 13), (9, 15)):
            with self.subTest(level=level, window=window):
                peer = self.attacker()
                peer.header_writer = spdy.HeaderWriter(level, window)
                self.assertEqual(echo_raw.Echo(peer).exchange('window'), 'window')

    def test_a5_no_compressed_byte_comes_back(self):
        peer, _ = self.channel()
        self.assertTrue(all(frame.plain in frame.block for frame in peer.frames if frame.headers is not None))


class Floods(HostileCase):
    def test_a6_rapid_reset(self):
        peer = self.attacker()
        chunks = []
        for number in range(5000):
            block = peer.headers([('libchan-ref', str(number + 2))])
            chunks.append(spdy.syn_stream(2 * number + 1, block) + spdy.rst(2 * number + 1, spdy.CANCEL))
        self.assert_flood_ends(peer, b''.join(chunks), 1)

    def test_a7_made_you_reset(self):
        """Streams without libchan-ref, each of which the server has to refuse."""
        peer = self.attacker()
        chunks = [spdy.syn_stream(2 * number + 1, peer.headers([('x', 'y')])) for number in range(5000)]
        self.assert_flood_ends(peer, b''.join(chunks), 1)

    def test_a8_pings(self):
        self.assert_flood_ends(self.attacker(), b''.join(spdy.ping(2 * n + 1) for n in range(5000)), 4)

    def test_a8_pings_whose_answers_nobody_reads(self):
        peer = self.attacker()
        peer.reading = False
        try:
            for _ in range(40):
                peer.send_raw(b''.join(spdy.ping(2 * n + 1) for n in range(50000)), 2)
        except (rawpeer.Closed, rawpeer.Timeout):
            pass

    def test_a8_settings(self):
        self.assert_flood_ends(self.attacker(), spdy.settings([(4, 1)]) * 5000, 1)

    def test_a9_empty_data(self):
        peer, echo = self.channel()
        self.assert_flood_ends(peer, spdy.data(echo.channel.id) * 10000, 10)

    def test_a9_headers(self):
        peer, echo = self.channel()
        for _ in range(10):
            chunks = [spdy.control(spdy.HEADERS, struct.pack('>I', echo.channel.id) + peer.headers([])) for _ in range(4000)]
            try:
                peer.send_raw(b''.join(chunks), 30)
            except rawpeer.Closed:
                break
        peer.wait_closed(30)

    def test_a9_messages_of_one_byte(self):
        peer, echo = self.channel()
        self.assert_flood_ends(peer, spdy.data(echo.channel.id, b'\xc0') * 10000, 12)

    def test_a9_unknown_control_frames(self):
        self.assert_flood_ends(self.attacker(), spdy.control(spdy.NOOP) * 10000, 10)

    def test_a19_streams_that_nobody_claims(self):
        """1,024 of them; the others are answered, then refused."""
        peer, echo = self.channel()
        streams = [peer.open_nested(echo.channel) for _ in range(1500)]
        peer.wait(lambda: all(stream.replied for stream in streams) or peer.closed, what='no SYN_REPLY')
        self.assert_connection_lives(peer)
        refused = [stream for stream in streams if stream.reset is not None]
        self.assertTrue(476 <= len(refused) <= 600, f'{len(refused)} of 1500 refused')
        self.assertEqual({stream.reset for stream in refused}, {spdy.REFUSED_STREAM})


class StreamIds(HostileCase):
    def syn(self, peer, stream_id, ref):
        return spdy.syn_stream(stream_id, peer.headers([('libchan-ref', str(ref))]))

    def test_a13_stream_zero(self):
        peer = self.attacker()
        self.assert_connection_ends(self.syn(peer, 0, 2), peer=peer)
        self.assert_connection_ends(spdy.data(0, b'x'))
        self.assert_connection_ends(spdy.rst(0, 1))

    def test_a13_even_id_from_a_client(self):
        """Go takes it, so it may be served; if it is not, then by GOAWAY."""
        peer = self.attacker()
        peer.send_raw(self.syn(peer, 2, 2) + spdy.ping(1))
        peer.wait(lambda: peer.pongs or peer.closed)
        self.assertTrue({spdy.SYN_REPLY, spdy.GOAWAY} & {frame.type for frame in peer.frames})

    def test_a13_id_used_again(self):
        peer = self.attacker()
        self.assert_connection_ends(self.syn(peer, 1, 2), self.syn(peer, 1, 3), peer=peer)

    def test_a13_falling_id(self):
        peer = self.attacker()
        self.assert_connection_ends(self.syn(peer, 5, 2), self.syn(peer, 3, 3), peer=peer)

    def test_a13_data_for_a_closed_stream(self):
        """Answered by RST_STREAM 2 or 9, or by silence; others on the connection do not notice."""
        peer, echo = self.channel()
        stream = peer.open_nested(echo.channel)
        peer.rst(stream)
        peer.send_raw(spdy.data(stream.id, b'late') * 10)
        self.assertEqual(echo.exchange('next'), 'next')
        self.assertIn(stream.reset, (None, spdy.INVALID_STREAM, spdy.STREAM_ALREADY_CLOSED))

    def test_a14_data_after_fin(self):
        """Go itself sends that when an application sends after it closed."""
        peer, echo = self.channel()
        other = echo_raw.Echo(peer)
        peer.fin(echo.channel)
        peer.send_raw(spdy.data(echo.channel.id, b'\xc0') * 5)
        self.assertEqual(other.exchange('next'), 'next')

    def test_a14_frames_twice_or_out_of_turn(self):
        peer, echo = self.channel()
        other = echo_raw.Echo(peer)
        fin = spdy.data(echo.channel.id, flags=spdy.FLAG_FIN)
        reset = spdy.rst(echo.channel.id, spdy.CANCEL)
        for raw in (fin, fin, reset, reset, fin, spdy.data(echo.channel.id, b'\xc0')):
            peer.send_raw(raw)
            self.assertEqual(other.exchange('next'), 'next')

    def test_a14_syn_reply_for_streams_of_our_own_or_of_nobody(self):
        """A glitch, or the end of the connection; nothing in between."""
        for stream_id in (1, 2, 99):
            with self.subTest(stream_id):
                peer, _ = self.channel()
                peer.send_raw(spdy.syn_reply(stream_id, peer.headers([(':status', '200')])) * 1 + spdy.ping(4001))
                peer.wait(lambda: 4001 in peer.pongs or peer.closed, 5)
                if peer.closed:
                    self.assertIsNotNone(peer.wait_closed())

    def test_a15_window_overflow(self):
        peer, echo = self.channel()
        stream = peer.open_nested(echo.channel)
        peer.send_raw(spdy.window_update(stream.id, 0x7fffffff) * 2)
        self.assert_reset(peer, stream, spdy.FLOW_CONTROL_ERROR)
        self.assertEqual(echo.exchange('next'), 'next')

    def test_a15_window_update_of_zero(self):
        peer, echo = self.channel()
        peer.send_raw(spdy.window_update(echo.channel.id, 0))
        self.assertEqual(echo.exchange('next'), 'next')

    def test_a15_more_data_than_the_window(self):
        peer = self.attacker()
        peer.send_raw(spdy.settings([(spdy.SETTINGS_INITIAL_WINDOW_SIZE, 1 << 20)]))
        echo = echo_raw.Echo(peer)
        self.assertEqual(echo.exchange('credit'), 'credit')
        told = [frame.settings() for frame in peer.frames if frame.type == spdy.SETTINGS]
        window = max([entries.get(spdy.SETTINGS_INITIAL_WINDOW_SIZE, 65536) for entries in told] or [65536])
        stream = peer.open_nested(echo.channel)         # nobody claims it, so nobody grants it more
        for _ in range(window // 16384 + 8):
            peer.send_raw(spdy.data(stream.id, bytes(16384)))
        self.assert_reset(peer, stream, spdy.FLOW_CONTROL_ERROR)
        self.assertEqual(echo.exchange('next'), 'next')

    def test_a16_the_last_stream_id(self):
        peer = self.attacker()
        peer._next_id = 0x7ffffffd
        echo = echo_raw.Echo(peer)
        self.assertEqual(echo.exchange('the very last'), 'the very last')
        self.assert_connection_ends(self.syn(peer, 1, 9), peer=peer)

    def test_a10_answers_that_nobody_reads(self):
        """The server stops reading from such a client instead of keeping its answers."""
        peer, echo = self.channel()
        peer.reading = False
        blob = 'x' * 100000
        try:
            end = time.monotonic() + 5
            while time.monotonic() < end:
                answer = peer.reserve(echo.channel)
                peer.announce(answer)
                peer.send_message(echo.channel, {'P': blob, 'R': answer.as_(4)}, size=16384)
        except (rawpeer.Timeout, rawpeer.Closed):
            pass


if __name__ == '__main__':
    harness.main()
