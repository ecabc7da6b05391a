#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A peer that behaves like Go libchan, and knows its freedoms, is a client of our echo-server."""

import contextlib
import math
import os
import struct
import time

import echo_raw
import harness
import msgpack_lite as mp
import spdy


def integers():
    """(value, its bytes) in every code that can hold it."""
    values = {0, 1, -1, -32, -33, 127, (1 << 64) - 1, (1 << 63) - 1, 1 << 63, -(1 << 63)}
    values |= {sign * (1 << bits) + more for bits in (7, 8, 15, 16, 31, 32, 53, 62) for sign in (1, -1) for more in (-1, 0, 1)}
    for value in sorted(values):
        if -32 <= value < 128:
            yield value, struct.pack('>b', value)
        for code, form in mp.NUMBERS.items():
            if code >= 0xcc:
                with contextlib.suppress(struct.error):
                    yield value, bytes([code]) + struct.pack(form, value)


class Case(harness.ServerCase):
    program_name = 'echo-server'

    def setUp(self):
        super().setUp()
        self.peer = self.server.connect()
        self.echo = echo_raw.Echo(self.peer)

    def tearDown(self):
        self.peer.close()
        super().tearDown()
        self.peer.check()

    def assert_echoed(self, value, **options):
        self.assertEqual(self.echo.exchange(value, **options), value)


class Messages(Case):
    def test_nested_sender(self):
        answer = self.echo.ask('hello, libchan ☺')
        self.assertEqual(self.echo.answer(answer)[0], 'hello, libchan ☺')

    def test_message_of_one_mib(self):
        for value in ('é' * (1 << 19), os.urandom(1 << 20), [1] * 100000):
            with self.subTest(type(value)):
                self.assertTrue(self.echo.exchange(value, timeout=30) == value)

    def test_message_of_one_mib_in_one_frame(self):
        blob = os.urandom(1 << 20)
        self.assertTrue(self.echo.exchange(blob, size=1 << 24) == blob)

    def test_thousand_messages_one_after_the_other(self):
        for number in range(1000):
            self.assert_echoed(number)

    def test_thousand_messages_sent_ahead_keep_their_answers(self):
        answers = []
        for number in range(1000):
            answers.append(self.echo.ask(number))
            if len(answers) > 200:      # the server may bound the streams that are open at once
                self.assertEqual(self.echo.answer(answers.pop(0))[0], number - 200)
        self.assertEqual([self.echo.answer(stream)[0] for stream in answers], list(range(800, 1000)))

    def test_message_split_into_frames_of_one_byte(self):
        self.assert_echoed({'split': ['x' * 40, 1 << 40, None]}, size=1)

    def test_two_messages_in_one_frame(self):
        first, second = (self.peer.open_nested(self.echo.channel) for _ in range(2))
        self.peer.directions([first.as_(mp.SENDER), second.as_(mp.SENDER)])
        raw = b''.join(mp.encode({'P': n, 'R': stream.as_(mp.SENDER)}) for n, stream in enumerate((first, second)))
        self.peer.send_frame(spdy.data(self.echo.channel.id, raw))
        self.assertEqual([self.echo.answer(stream)[0] for stream in (first, second)], [0, 1])

    def test_message_and_a_half_in_one_frame(self):
        streams = [self.peer.open_nested(self.echo.channel) for _ in range(3)]
        raw = b''.join(mp.encode({'P': n, 'R': stream.as_(mp.SENDER)}) for n, stream in enumerate(streams))
        for start in range(0, len(raw), 17):
            self.peer.send_frame(spdy.data(self.echo.channel.id, raw[start:start + 17]))
        self.assertEqual([self.echo.answer(stream)[0] for stream in streams], [0, 1, 2])

    def test_frames_of_no_bytes_mean_nothing(self):
        answer = self.peer.open_nested(self.echo.channel)
        empty = spdy.data(self.echo.channel.id)
        raw = mp.encode({'P': 'x' * 100, 'R': answer.as_(mp.SENDER)})
        for piece in (empty, spdy.data(self.echo.channel.id, raw[:30]), empty, empty,
                      spdy.data(self.echo.channel.id, raw[30:]), empty):
            self.peer.send_frame(piece)
        self.assertEqual(self.echo.answer(answer)[0], 'x' * 100)

    def test_frames_cut_anywhere_by_the_network(self):
        answer = self.peer.open_nested(self.echo.channel)
        frame = spdy.data(self.echo.channel.id, mp.encode({'P': 'cut', 'R': answer.as_(mp.SENDER)}))
        for number in range(len(frame)):
            self.peer.send_raw(frame[number:number + 1])
            self.peer.flush()
        self.assertEqual(self.echo.answer(answer)[0], 'cut')

    def test_fin_on_the_frame_of_the_last_message(self):
        answer = self.peer.open_nested(self.echo.channel)
        raw = mp.encode({'P': 'last', 'R': answer.as_(mp.SENDER)})
        self.peer.send_frame(spdy.data(self.echo.channel.id, raw, spdy.FLAG_FIN))
        self.assertEqual(self.echo.answer(answer)[0], 'last')
        self.peer.wait(lambda: self.echo.channel.fin_in, what='no FIN in answer to ours')

    def test_clean_end_of_everything(self):
        self.assert_echoed('last')
        self.peer.fin(self.echo.channel)
        self.peer.wait_finished()


class Streams(Case):
    def test_message_before_its_stream(self):
        answer = self.peer.reserve(self.echo.channel)
        self.peer.send_message(self.echo.channel, {'P': 'early', 'R': answer.as_(mp.SENDER)})
        self.peer.ping()
        time.sleep(0.2)
        self.peer.announce(answer)
        self.assertEqual(self.echo.answer(answer)[0], 'early')

    def test_message_before_its_stream_holds_up_no_other_channel(self):
        answer = self.peer.reserve(self.echo.channel)
        self.peer.send_message(self.echo.channel, {'P': 'early', 'R': answer.as_(mp.SENDER)})
        # ids must rise, so the missing stream is opened with an id above those of the other channel
        other = echo_raw.Echo(self.peer)
        self.assertEqual(other.exchange('meanwhile'), 'meanwhile')
        answer.id = self.peer.reserve(None).id
        self.peer.announce(answer)
        self.assertEqual(self.echo.answer(answer)[0], 'early')

    def test_stream_long_before_its_message(self):
        answer = self.peer.open_nested(self.echo.channel)
        self.peer.wait(lambda: answer.replied, what='no SYN_REPLY')
        time.sleep(0.2)
        self.peer.send_message(self.echo.channel, {'P': 'late', 'R': answer.as_(mp.SENDER)})
        self.assertEqual(self.echo.answer(answer)[0], 'late')

    def test_500_nested_streams_before_their_messages(self):
        streams = [self.peer.open_nested(self.echo.channel) for _ in range(500)]
        for number, stream in reversed(list(enumerate(streams))):
            self.peer.send_message(self.echo.channel, {'P': number, 'R': stream.as_(mp.SENDER)})
        self.assertEqual([self.echo.answer(stream)[0] for stream in streams], list(range(500)))

    def test_answer_stream_that_we_reset(self):
        """The server cannot answer; that is no reason to end the channel."""
        for _ in range(20):
            self.peer.rst(self.echo.ask('unwanted'), spdy.CANCEL)
        self.assert_echoed('wanted')

    def test_answer_stream_that_we_reset_before_the_message(self):
        answer = self.peer.open_nested(self.echo.channel)
        self.peer.rst(answer, spdy.REFUSED_STREAM)
        self.peer.send_message(self.echo.channel, {'P': 'unwanted', 'R': answer.as_(mp.SENDER)})
        echo = echo_raw.Echo(self.peer)
        self.assertEqual(echo.exchange('wanted'), 'wanted')

    def test_stream_ids_and_refs_with_gaps(self):
        self.peer._next_id += 1000
        self.peer._next_ref += 70000
        self.assert_echoed('far away')

    def test_ref_of_64_bits(self):
        self.peer._next_ref = 1 << 32
        self.assert_echoed('eight bytes')

    def test_ref_in_every_form_of_ext(self):
        for head in (b'\xd6\x04', b'\xc7\x04\x04', b'\xc8\0\x04\x04', b'\xc9\0\0\0\x04\x04', b'\xd7\x04\0\0\0\0'):
            with self.subTest(head.hex()):
                answer = self.peer.open_nested(self.echo.channel)
                self.peer.directions(answer.as_(mp.SENDER))
                raw = mp.Raw(head + struct.pack('>I', answer.ref))
                self.peer.send_message(self.echo.channel, {'P': 1, 'R': raw})
                self.assertEqual(self.echo.answer(answer)[0], 1)

    def test_several_top_level_channels(self):
        others = [echo_raw.Echo(self.peer) for _ in range(5)]
        for number, echo in enumerate(reversed(others)):
            self.assertEqual(echo.exchange(number), number)
        self.peer.fin(others[0].channel)
        self.assertEqual(others[1].exchange('open'), 'open')

    def test_top_level_channel_with_parent_0_and_headers_of_http(self):
        more = [('libchan-parent-ref', '0'), (':method', 'POST'), (':path', '/'), (':version', 'HTTP/1.1'), ('x-y', '')]
        echo = echo_raw.Echo(self.peer, self.peer.open_channel(more))
        self.assertEqual(echo.exchange('headers'), 'headers')


class Values(Case):
    def test_nil_fields(self):
        self.assert_echoed(None)
        self.assert_echoed([None, {'a': None}])

    def test_nil_where_the_sender_should_be(self):
        self.peer.send_message(self.echo.channel, {'P': 1, 'R': None})
        echo = echo_raw.Echo(self.peer)
        self.assertEqual(echo.exchange('next'), 'next')

    def test_unknown_fields(self):
        more = {'Another': {'deep': [1, 2, {'er': b'x'}]}, '': 'empty name', 'Nil': None}
        self.assertEqual(self.echo.exchange('known', more=more), 'known')

    def test_integers_at_every_edge_in_every_code(self):
        for value, raw in integers():
            answer = self.echo.exchange(mp.Raw(raw))
            self.assertEqual((answer, type(answer)), (value, int), raw.hex())

    def test_floats_keep_their_bits(self):
        bits = [struct.unpack('>Q', struct.pack('>d', value))[0] for value in
                (0.0, -0.0, 1.5, -2.25, 1e300, 5e-324, 2.0 ** 53 + 2, math.pi, math.inf, -math.inf, math.nan)]
        for number in bits:
            raw = b'\xcb' + struct.pack('>Q', number)
            answer = self.echo.answer(self.echo.ask(mp.Raw(raw)))[1]
            self.assertIn(raw, answer)

    def test_float32_comes_back_as_float64(self):
        answer = self.echo.answer(self.echo.ask(mp.Raw(b'\xca\x3f\xc0\x00\x00')))
        self.assertEqual(answer[0], 1.5)
        self.assertIn(b'\xcb' + struct.pack('>d', 1.5), answer[1])

    def test_booleans_and_strings(self):
        for value in (True, False, '', 'a', 'x' * 31, 'x' * 32, 'x' * 255, 'x' * 256, 'x' * 65536, '☺𝄞', 'line\nline'):
            self.assert_echoed(value)

    def test_binaries(self):
        for length in (0, 1, 255, 256, 65535, 65536):
            value = os.urandom(length)
            answer = self.echo.exchange(value)
            self.assertEqual((answer, type(answer)), (value, bytes))

    def test_lists_and_maps(self):
        deep = 1
        for _ in range(20):
            deep = {'d': [deep]}
        for value in ([], {}, [[]], [{}], {'a': {}}, {'a': [], 'b': [1, 'x', None, 2.5, b'b', [True]]}, [1] * 15, [1] * 16,
                      {str(n): n for n in range(16)}, {str(n): [n] for n in range(70000 // 70)}, deep,
                      ['mixed', 1, {'x': 'y'}], [[1, 2], ['a']]):
            self.assert_echoed(value)

    def test_strings_and_containers_with_longer_lengths_than_needed(self):
        for raw, value in ((b'\xdb\0\0\0\1a', 'a'), (b'\xda\0\1a', 'a'), (b'\xdd\0\0\0\1\1', [1]), (b'\xdc\0\1\1', [1]),
                           (b'\xdf\0\0\0\1\xa1k\1', {'k': 1}), (b'\xc6\0\0\0\1b', b'b')):
            self.assertEqual(self.echo.exchange(mp.Raw(raw)), value)

    def test_times(self):
        for seconds, nanoseconds in ((0, 0), (1424694896, 789012345), (-62135596800, 0), (253402300799, 999999999)):
            self.assert_echoed(mp.time_value(seconds, nanoseconds))
        self.assert_echoed([mp.time_value(1, 2), {'t': mp.time_value(3, 4)}])


class Connection(Case):
    def test_settings_and_window_updates_that_ask_for_nothing(self):
        for raw in (spdy.settings([(4, 100)]), spdy.settings([]), spdy.settings([(7, 1 << 20)]),
                    spdy.window_update(0, 1 << 16), spdy.window_update(self.echo.channel.id, 1 << 16),
                    spdy.window_update(9999, 1)):
            self.peer.send_raw(raw)
            self.assert_echoed('still here')

    def test_ping_is_answered(self):
        for _ in range(5):
            self.assertLess(self.peer.ping(), 1)

    def test_ping_with_the_id_of_the_server_is_ignored(self):
        self.peer.send_raw(spdy.ping(2))
        self.assert_echoed('still here')

    def test_data_and_reset_for_unknown_streams_are_ignored(self):
        self.peer.send_raw(spdy.data(999, b'x') + spdy.rst(1001, spdy.CANCEL))
        self.assert_echoed('still here')

    def test_lost_connection(self):
        for raw in (b'', b'\x80', spdy.data(1, b'\x82\xa1P')[:9], spdy.data(1, b'\x82\xa1P')):
            for hard in (False, True):
                with self.subTest(raw=raw, hard=hard):
                    peer = self.server.connect()
                    echo = echo_raw.Echo(peer)
                    self.assertEqual(echo.exchange('first'), 'first')
                    peer.send_raw(raw)
                    peer.close(hard)
                    echo_raw.assert_served(self.server)
        self.assert_echoed('the first client is still served')

    def test_goaway_from_the_client_does_not_lose_the_answer(self):
        answers = [self.echo.ask(number) for number in range(3)]
        self.peer.send_raw(spdy.goaway())
        self.assertEqual([self.echo.answer(stream)[0] for stream in answers], [0, 1, 2])
        self.peer.check()
        self.peer.close()
        echo_raw.assert_served(self.server)

    def test_two_clients_with_the_same_numbers(self):
        with echo_raw.client(self.server) as other:
            mine, theirs = self.echo.ask('mine'), other.ask('theirs')
            self.assertEqual((mine.id, mine.ref), (theirs.id, theirs.ref))
            self.assertEqual((other.answer(theirs)[0], self.echo.answer(mine)[0]), ('theirs', 'mine'))

    def test_idle_connection_stays(self):
        """Go sends no PING of its own, so silence says nothing."""
        time.sleep(2)
        self.assert_echoed('awake')


class Secrecy(Case):
    def test_header_blocks_are_stored_not_compressed(self):
        """Against CRIME: what was sent can be found in what was compressed."""
        self.assert_echoed(1)
        blocks = [frame for frame in self.peer.frames if frame.headers is not None]
        self.assertTrue(blocks)
        for frame in blocks:
            self.assertIn(frame.plain, frame.block)


if __name__ == '__main__':
    harness.main()
