#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Messages and references that lie. Each ends its channel at most; the connection and its other channels go on.
The names give the row of the threat table."""

import itertools
import os
import struct
import time

import echo_raw
import harness
import msgpack_lite as mp
import rawpeer
import spdy
from hostile import HostileCase

UNKNOWN_HANDLE = spdy.INVALID_STREAM
TOO_LARGE = spdy.FRAME_TOO_LARGE
BAD = (spdy.PROTOCOL_ERROR,)
BIG = (spdy.PROTOCOL_ERROR, TOO_LARGE)
DANGLING_SECONDS = 10


class References(HostileCase):
    def test_a20_reference_to_a_stream_that_never_comes(self):
        peer, echo = self.channel()
        other = echo_raw.Echo(peer)
        peer.send_message(echo.channel, {'P': 1, 'R': mp.reference(mp.SENDER, 99999)})
        start = time.monotonic()
        self.assertEqual(other.exchange('meanwhile'), 'meanwhile')
        self.assert_reset(peer, echo.channel, UNKNOWN_HANDLE, timeout=DANGLING_SECONDS + 5)
        self.assertGreater(time.monotonic() - start, DANGLING_SECONDS - 2, 'too early for a stream that is only late')
        self.assertEqual(other.exchange('afterwards'), 'afterwards')

    def test_a21_reference_to_the_channel_itself_or_to_another_channel(self):
        """A top-level channel is no handle: nothing may come of naming it, and nothing may break."""
        for _ in range(2):
            peer, echo = self.channel()
            other = echo_raw.Echo(peer)
            peer.send_message(echo.channel, {'P': 1, 'R': echo.channel.as_(mp.SENDER)})
            self.assertEqual(other.exchange('next'), 'next')

    def test_a21_second_stream_with_the_same_ref(self):
        peer, echo = self.channel()
        first = peer.open_nested(echo.channel)
        second = peer.reserve(echo.channel)
        second.ref = first.ref
        peer.announce(second)
        self.assert_reset(peer, second, spdy.PROTOCOL_ERROR)
        peer.send_message(echo.channel, {'P': 'for the first', 'R': first.as_(mp.SENDER)})
        self.assertEqual(echo.answer(first)[0], 'for the first')
        self.assertEqual(bytes(second.input), b'')

    def test_a21_handle_claimed_twice(self):
        peer, echo = self.channel()
        other = echo_raw.Echo(peer)
        answer = echo.ask('once')
        peer.send_message(echo.channel, {'P': 'twice', 'R': answer.as_(mp.SENDER)})
        self.assertEqual(echo.answer(answer)[0], 'once')
        self.assert_reset(peer, echo.channel, spdy.PROTOCOL_ERROR)
        self.assertEqual(bytes(answer.input), b'')
        self.assertEqual(other.exchange('next'), 'next')

    def test_a21_handle_twice_in_one_message(self):
        peer, echo = self.channel()
        answer = peer.open_nested(echo.channel)
        peer.send_message(echo.channel, {'P': answer.as_(mp.SENDER), 'R': answer.as_(mp.SENDER)})
        self.assert_reset(peer, echo.channel, spdy.PROTOCOL_ERROR)

    def test_more_than_64_handles_in_one_message(self):
        peer, echo = self.channel()
        streams = [peer.open_nested(echo.channel) for _ in range(65)]
        peer.send_message(echo.channel, {'P': [stream.as_(mp.SENDER) for stream in streams], 'R': None})
        self.assert_reset(peer, echo.channel, *BIG)
        self.assertEqual(echo_raw.Echo(peer).exchange('next'), 'next')

    def test_references_of_odd_length(self):
        for raw in (b'\xd4\x04\x02', b'\xd5\x04\0\x02', b'\xc7\0\x04', b'\xc7\x05\x04\0\0\0\0\x02', b'\xd8\x04' + bytes(16)):
            with self.subTest(raw):
                self.assert_channel_fails(mp.encode({'P': 1, 'R': mp.Raw(raw)}), *BAD)

    def test_unknown_ext_codes(self):
        for raw in (b'\xd4\x00\x00', b'\xd6\x09\0\0\0\2', b'\xd4\x80\x00', b'\xc7\x00\x7f'):
            with self.subTest(raw):
                self.assert_channel_fails(mp.encode({'P': mp.Raw(raw)}), *BAD)

    def test_time_of_odd_length_or_with_too_many_nanoseconds(self):
        for raw in (b'\xd6\x06\0\0\0\2', b'\xd7\x06' + bytes(8), b'\xc7\x0c\x06' + bytes(8) + b'\xff' * 4):
            with self.subTest(raw):
                self.assert_channel_fails(mp.encode({'P': mp.Raw(raw)}), *BAD)


class Messages(HostileCase):
    def test_b1_lengths_that_lie(self):
        for code in (0xdb, 0xc6, 0xc9, 0xdd, 0xdf):
            for length in (0xffffffff, 0x7fffffff, 0x10000000):
                with self.subTest(code=code, length=length):
                    self.assert_channel_fails(struct.pack('>BI', code, length) + b'\x01', *BIG)

    def test_b1_lengths_that_lie_inside_a_message(self):
        for code in (0xdb, 0xc6, 0xc9, 0xdd, 0xdf):
            with self.subTest(code=code):
                self.assert_channel_fails(b'\x81\xa1P' + struct.pack('>BI', code, 0x10000000) + b'\x01', *BIG)

    def test_b1_a_message_of_more_than_4_mib(self):
        self.assert_channel_fails(mp.encode({'P': bytes(5 << 20)})[:1 << 20], *BIG)

    def test_b2_depth(self):
        for opener in (b'\x91', b'\x81\xa1a', b'\xdc\x00\x01', b'\xdd\x00\x00\x00\x01'):
            for depth in (65, 100000):
                with self.subTest(opener=opener, depth=depth):
                    self.assert_channel_fails(opener * depth + b'\x01', *BIG)

    def test_b2_messages_cut_short_by_fin(self):
        whole = mp.encode({'P': [1, 2.5, 'text', b'bin', mp.time_value(1, 2)]})
        peer, echo = self.channel()
        for length in range(1, len(whole)):
            channel = peer.open_channel()
            peer.send_raw(spdy.data(channel.id, whole[:length], spdy.FLAG_FIN))
            peer.wait(lambda stream=channel: stream.reset is not None or stream.fin_in or peer.closed, 5, f'{length} bytes')
            self.assertEqual(channel.reset, spdy.PROTOCOL_ERROR, f'{length} bytes of a message are no proper end')
        self.assertEqual(echo.exchange('next'), 'next')

    def test_b3_four_million_nils(self):
        self.assert_channel_fails(struct.pack('>BI', 0xdd, 4000000) + b'\xc0' * 4000000, *BIG)

    def test_b3_many_small_containers(self):
        self.assert_channel_fails(struct.pack('>BI', 0xdd, 4000000) + b'\x90' * 4000000, *BIG)
        self.assert_channel_fails(struct.pack('>BI', 0xdd, 2000000) + b'\x91\xc0' * 2000000, *BIG)

    def test_b4_the_same_key_twice(self):
        for value in (mp.Map([('P', 1), ('P', 2)]), {'P': mp.Map([('a', 1), ('b', 2), ('a', 3)])}):
            with self.subTest(value):
                self.assert_channel_fails(mp.encode(value), *BAD)

    def test_b4_keys_that_are_no_strings(self):
        """Lists and maps as keys crash a Go process that gets them: not even an echo of them may be sent."""
        for key in ([], {}, [1], None, 1.5):
            with self.subTest(key):
                self.assert_channel_fails(mp.encode({'P': mp.Map([(key, 1)])}), *BAD)

    def test_b4_65536_keys_with_one_hash(self):
        """“AZ” and “B9” have the same g_str_hash, so these all have."""
        keys = [''.join(parts) for parts in itertools.product(('AZ', 'B9'), repeat=16)]
        peer, echo = self.channel()
        answer = echo.ask({key: 1 for key in keys})
        start = time.monotonic()
        try:
            self.assertEqual(len(echo.answer(answer, 10)[0]), len(keys))
        except rawpeer.Timeout:
            self.assert_reset(peer, echo.channel, *BIG)
        self.assertLess(time.monotonic() - start, 15 if self.server.is_sanitized else 3)

    def test_b5_garbage_after_a_message(self):
        """The message is delivered; what follows fails."""
        peer, echo = self.channel()
        raw, answer = self.request(peer, echo.channel, 'good')
        peer.send_raw(spdy.data(echo.channel.id, raw + b'\xc1'))
        self.assertEqual(echo.answer(answer)[0], 'good')
        self.assert_reset(peer, echo.channel, *BAD)
        self.assertEqual(echo_raw.Echo(peer).exchange('next'), 'next')

    def test_b5_the_code_that_means_nothing(self):
        for raw in (b'\xc1', b'\x81\xa1P\xc1', b'\x92\x01\xc1'):
            with self.subTest(raw):
                self.assert_channel_fails(raw, *BAD)

    def test_b9_numbers_come_back_exactly_or_not_at_all(self):
        for raw in (b'\xcf' + b'\xff' * 8, b'\xcf\x80' + bytes(7), b'\xd3\x80' + bytes(7), b'\xcb\x80' + bytes(7),
                    b'\xcb\x7f\xf8' + bytes(6), b'\xcb\x7f\xf0' + bytes(6), b'\xcb\x7f\xf0' + bytes(5) + b'\x01',
                    b'\xcb\xff\xf8' + bytes(5) + b'\x07', b'\xcb' + bytes(7) + b'\x01'):
            peer, echo = self.channel()
            answer = echo.ask(mp.Raw(raw))
            with self.subTest(raw.hex()):
                self.assertIn(raw, echo.answer(answer)[1])

    def test_b10_text_that_is_not_utf_8(self):
        """An error, or the same bytes; never something repaired."""
        for text in (b'\xff\xfe', b'\xc0\x80', b'\xed\xa0\x80', b'a\x80', b'\xf4\x90\x80\x80'):
            peer, echo = self.channel()
            answer = echo.ask(mp.Raw(bytes([0xa0 | len(text)]) + text))
            peer.wait(lambda stream=answer, channel=echo.channel: stream.input or channel.reset is not None, 5)
            with self.subTest(text):
                if echo.channel.reset is None:
                    self.assertIn(text, echo.answer(answer)[1])
                else:
                    self.assertIn(echo.channel.reset, BAD)

    def test_b10_text_with_nul(self):
        """GVariant cannot hold it: an error, never a text cut short."""
        self.assert_channel_fails(mp.encode({'P': 'a\0b'}), *BAD)

    def test_random_bytes(self):
        """Anything may happen to the channel, nothing to the others."""
        peer, echo = self.channel()
        for _ in range(200):
            channel = peer.open_channel()
            peer.send_raw(spdy.data(channel.id, os.urandom(200), spdy.FLAG_FIN))
            if peer.closed:
                break
        self.assertEqual(echo.exchange('next'), 'next')


if __name__ == '__main__':
    harness.main()
