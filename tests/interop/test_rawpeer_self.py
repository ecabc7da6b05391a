#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The raw peer itself: against recorded sessions of other implementations, against a copy of itself, and that its
judge finds what it is there to find. Needs no program."""

import os
import pathlib
import socket
import unittest
import zlib

import harness
import msgpack_lite as mp
import rawpeer
import rexec_raw
import spdy
import strict
from transcript import Transcript

DIRECTORY = pathlib.Path(os.environ.get('CHAN_TEST_VECTORS', spdy.VECTORS))

# name: frames c2s, frames s2c, messages c2s, messages s2c
SESSIONS = {
    'bytestream': (6, 6, 1, 0),
    'bytestream_in': (17, 6, 1, 1),
    'close_eof': (10, 5, 6, 1),
    'echo': (5, 5, 1, 1),
    'gopeer_rexec_echo': (9, 11, 1, 1),
    'many': (1005, 5, 1001, 1),
    'nested_3_deep': (10, 10, 2, 2),
    'nested_both': (8, 7, 2, 1),
    'nil_fields': (5, 5, 1, 1),
    'rexec_stderr_exit4': (9, 10, 1, 1),
    'time': (5, 5, 1, 1),
    'transport_close_goaway': (4, 0, 1, 0),
    'types_any': (5, 5, 1, 1),
}
# Of Node and generation 1: other message codes, so only the frames.
OLD_SESSIONS = {'jschan_to_gogen1': (10, 9), 'jschan_to_jschan_rexec_echo': (10, 10)}


class Recorded(unittest.TestCase):
    def test_recorded_sessions_have_their_frames_and_messages(self):
        for name, expected in SESSIONS.items():
            with self.subTest(name):
                record = Transcript(DIRECTORY, name)
                self.assertEqual((len(record.frames['c2s']), len(record.frames['s2c']),
                                  len(record.messages('c2s')), len(record.messages('s2c'))), expected)

    def test_recorded_sessions_of_generation_1_have_their_frames(self):
        for name, expected in OLD_SESSIONS.items():
            with self.subTest(name):
                record = Transcript(DIRECTORY, name)
                self.assertEqual((len(record.frames['c2s']), len(record.frames['s2c'])), expected)

    def test_recorded_message_is_what_was_sent(self):
        record = Transcript(DIRECTORY, 'types_any')
        payload = record.messages('s2c')[0]['Payload']
        self.assertEqual(payload, {'bin': b'\1\2\3', 'i': 42, 't': True, 'neg': -7, 'f': 2.25, 's': 'str',
                                   'm': {'deep': {'er': 1}}, 'big': 1 << 40, 'n': None, 'l': [1, 'x', None, False]})

    def test_messages_of_go_are_encoded_again_byte_for_byte(self):
        for name in SESSIONS:
            record = Transcript(DIRECTORY, name)
            for way in ('c2s', 's2c'):
                for message in record.messages(way):
                    raw = mp.encode(message)
                    self.assertTrue(any(raw in record.payload(way, number) for number in record.stream_ids()), message)

    def test_judge_acquits_go(self):
        for name in set(SESSIONS) - {'transport_close_goaway'}:
            with self.subTest(name):
                record = Transcript(DIRECTORY, name)
                self.assertEqual(judged(record.frames['c2s'], True, record.frames['s2c']), [])
                self.assertEqual(judged(record.frames['s2c'], False, record.frames['c2s']), [])

    def test_judge_convicts_the_early_goaway_of_go(self):
        record = Transcript(DIRECTORY, 'transport_close_goaway')
        self.assertIn('GOAWAY with streams open', judged(record.frames['c2s'], True, ())[0])


def judged(frames, peer_is_client, own):
    judge = strict.Judge(peer_is_client)
    for frame in own:
        judge.sent(frame)
    for frame in frames:
        judge.received(frame)
    return judge.violations


class Pair(unittest.TestCase):
    def setUp(self):
        ours, theirs = socket.socketpair()
        self.client, self.server = rawpeer.Peer(ours, 'client'), rawpeer.Peer(theirs, 'server')

    def tearDown(self):
        self.client.close()
        self.server.close()


class Exchange(Pair):
    def tearDown(self):
        super().tearDown()
        self.client.check()
        self.server.check()

    def test_remote_execution_between_two_raw_peers(self):
        service = rexec_raw.Service(self.server)
        blob = os.urandom(200000)
        for codes in (rexec_raw.DUPLEX_CODES, rexec_raw.PLAIN_CODES):
            self.assertEqual(rexec_raw.run(self.client, 'echo', 'hello', codes=codes), (b'hello\n', b'', 0))
            self.assertEqual(rexec_raw.run(self.client, 'cat', stdin=blob, codes=codes), (blob, b'', 0))
            result = rexec_raw.run(self.client, 'sh', '-c', 'echo out; echo err >&2; exit 4', codes=codes)
            self.assertEqual(result, (b'out\n', b'err\n', 4))
        self.assertEqual(service.errors, [])

    def test_message_in_frames_of_one_byte_and_two_in_one_frame(self):
        channel = self.client.open_channel()
        self.client.send_message(channel, {'a': [1, None, 2.5, b'x', 'y']}, size=1)
        self.client.send_frame(spdy.data(channel.id, mp.encode(1) + mp.encode('two')))
        accepted = self.server.accept()
        self.assertEqual(self.server.recv_message(accepted), {'a': [1, None, 2.5, b'x', 'y']})
        self.assertEqual([self.server.recv_message(accepted) for _ in range(2)], [1, 'two'])

    def test_fin_reset_and_a_lost_connection_are_told_apart(self):
        first, second, third = (self.client.open_channel() for _ in range(3))
        self.client.fin(first)
        self.client.rst(second, spdy.CANCEL)
        channels = [self.server.accept() for _ in range(3)]
        with self.assertRaises(rawpeer.EndOfStream):
            self.server.recv_message(channels[0])
        with self.assertRaises(rawpeer.StreamReset):
            self.server.recv_message(channels[1])
        with self.assertRaises(rawpeer.Timeout):
            self.server.recv_message(channels[2], 0.05)
        self.client.fin(third)
        self.client.close()
        with self.assertRaises(rawpeer.EndOfStream):
            self.server.recv_message(channels[2])
        self.server.wait_closed()

    def test_ping_and_streams_opened_by_the_server(self):
        self.assertLess(self.client.ping(), 5)
        self.assertLess(self.server.ping(), 5)
        channel = self.server.open_channel()
        self.assertEqual((channel.id, channel.ref), (2, 2))
        self.server.send_message(channel, 'from the server')
        self.assertEqual(self.client.recv_message(self.client.accept()), 'from the server')


class Codec(unittest.TestCase):
    def test_integers_at_every_edge_survive(self):
        edges = {0, -32, -33, 127, 128, (1 << 64) - 1, -(1 << 63)}
        edges |= {sign * (1 << bits) + more for bits in (7, 8, 15, 16, 31, 32, 62) for sign in (1, -1) for more in (-1, 0, 1)}
        for value in edges:
            decoder = mp.Decoder(mp.encode(value))
            self.assertEqual((decoder.value(), decoder.complaints), (value, []))

    def test_numbers_are_written_as_go_does(self):
        self.assertEqual(mp.encode(200), b'\xd1\x00\xc8')
        self.assertEqual(mp.encode((1 << 64) - 1), b'\xcf' + b'\xff' * 8)
        self.assertEqual(mp.encode(2.25), bytes.fromhex('cb4002000000000000'))

    def test_objects_cut_anywhere_are_short(self):
        raw = mp.encode({'a': [1, -200, 1 << 40, 2.5, 'x' * 300, b'y' * 70000], 'e': mp.reference(mp.SENDER, 7), 'n': None})
        for length in [*range(100), *range(len(raw) - 100, len(raw))]:
            with self.assertRaises(mp.Short):
                mp.Decoder(raw[:length]).value()

    def test_complaints(self):
        for raw in (b'\xcc\xc8', b'\xcf' + bytes(8), b'\xca' + bytes(4), b'\x81\x01\x02', b'\x82\xa1a\x01\xa1a\x02',
                    b'\xd4\x09\x00', b'\xd4\x04\x00', b'\x81\x90\x00'):
            decoder = mp.Decoder(raw)
            decoder.value()
            self.assertTrue(decoder.complaints, raw.hex())


class Strictness(Pair):
    """What the client does here the server has to notice."""

    def convict(self, words, *raw):
        for piece in raw:
            self.client.send_raw(piece)
        self.client.flush()
        self.server.wait(lambda: any(words in text for text in self.server.violations), 5, f'no complaint about “{words}”')

    def block(self, *pairs):
        return self.client.headers(pairs or [('libchan-ref', '77')])

    def test_control_frames(self):
        for words, raw in {'type 5': spdy.control(5), 'type 10': spdy.control(10), 'PING with flags': spdy.ping(1, 1),
                           'PING with id 0': spdy.ping(0), 'PING of 8': spdy.control(6, bytes(8)),
                           'SETTINGS of 12': spdy.settings([(7, 1)], count=2), 'version 2': spdy.control(6, b'\0\0\0\1', version=2),
                           'status 0': spdy.rst(1, 0), 'stream 0': spdy.rst(0, 1)}.items():
            self.convict(words, raw)
        self.convict('GOAWAY with flags', spdy.control(7, bytes(8), 1))

    def test_headers_frame(self):
        self.client.open_channel()
        self.convict('HEADERS', spdy.control(spdy.HEADERS, b'\0\0\0\1' + self.block()))

    def test_stream_ids(self):
        self.convict('wrong parity', spdy.syn_stream(2, self.block()))
        self.convict('must rise', spdy.syn_stream(1, self.block(('libchan-ref', '78'))))
        self.convict('libchan-ref 78 twice', spdy.syn_stream(3, self.block(('libchan-ref', '78'))))
        self.convict('UNIDIRECTIONAL', spdy.syn_stream(5, self.block(('libchan-ref', '79')), flags=2))
        self.convict('nobody opened', spdy.data(99, b'x'))

    def test_header_names(self):
        self.convict('upper case', spdy.syn_stream(1, self.block(('Libchan-Ref', '2'), ('libchan-ref', '2'))))
        self.convict('“host”', spdy.syn_stream(3, self.block(('host', 'x'), ('libchan-ref', '3'))))
        self.convict('libchan-ref “”', spdy.syn_stream(5, self.block(('x', 'y'))))

    def test_header_block_without_flush(self):
        deflate = self.client.header_writer
        block = deflate.raw(spdy.plain_headers([('libchan-ref', '2')]), zlib.Z_PARTIAL_FLUSH)
        self.convict('without sync flush', spdy.syn_stream(1, block))

    def test_answers_before_syn_reply(self):
        self.client.answer_streams = False
        stream = self.server.open_channel()
        self.client.wait(lambda: self.client.frames)
        self.convict('DATA before SYN_REPLY', spdy.data(stream.id, b'x'))
        self.convict('RST_STREAM before SYN_REPLY', spdy.rst(stream.id, spdy.REFUSED_STREAM))
        self.convict('DATA after RST_STREAM', spdy.data(stream.id, b'x'))

    def test_goaway_with_streams_open(self):
        self.client.open_channel()
        self.convict('GOAWAY with streams open', spdy.goaway())
        self.convict('after GOAWAY', spdy.ping(3))

    def test_data_after_fin_and_the_wrong_way(self):
        channel = self.client.open_channel()
        self.client.fin(channel)
        self.convict('DATA after FIN', spdy.data(channel.id, b'x'))
        ours = self.server.open_channel()
        self.client.wait(lambda: self.client.by_ref)
        self.convict('the wrong way', spdy.data(ours.id, b'x'))

    def test_messages(self):
        channel = self.client.open_channel()
        for words, value in {'fits a signed': mp.Raw(b'\xcc\xc8'), 'float32': mp.Raw(b'\xca' + bytes(4)), 'map key': {1: 2},
                             'not opened before': mp.reference(mp.SENDER, 99)}.items():
            self.client.send_message(channel, value)
            self.server.recv_message(self.server.streams.get(1) or self.server.accept())
            self.assertTrue(any(words in text for text in self.server.violations), self.server.violations)


if __name__ == '__main__':
    harness.main()
