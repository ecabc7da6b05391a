#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What would kill, wedge or mislead a peer in Go is not sent, as a client and as a server: a test for each rule.

The judge (strict.py) looks at every frame of many scenarios, and test_rawpeer_self.py proves that it finds what breaks a
rule. Each test here wants to see that the rule had its chance (`seen`), and that nothing broke it (`words`).
"""

import subprocess
import threading
import time
import unittest

import harness
import msgpack_lite as mp
import raw_ends as ends
import raw_peer
import rawpeer
import spdy
from test_raw_server import RawServer

SCENARIOS = ('echo', 'large', 'values', 'integers', 'times', 'nil', 'extra', 'nested-both', 'three-deep', 'untyped', 'many-handles',
             'close', 'abort', 'abort-back', 'receiver-closes', 'bare', 'server-opens', 'byte-streams', 'send-back')
CODES = range(1, 7)
QUICKLY = 0.3


class Record:
    """Everything that came over some sessions."""

    def __init__(self):
        self.violations, self.frames, self.opened_by_raw = [], [], 0

    def add(self, peer):
        self.violations += peer.violations
        self.frames += peer.frames
        self.opened_by_raw += sum(stream.ours for stream in peer.streams.values())

    def of(self, kind):
        return [frame for frame in self.frames if frame.type == kind]

    def data(self):
        return b''.join(frame.payload for frame in self.of(None))


def served(peer):
    """The raw peer as a server, until its client has left."""
    try:
        while True:
            request = raw_peer.Request(peer, ends.Receiver(peer, peer.accept()))
            threading.Thread(target=raw_peer.serve_request, args=(request,), daemon=True).start()
    except (rawpeer.Closed, rawpeer.Timeout):
        pass


def call_us(record, scenario):
    server = harness.Server('interop-peer', 'serve', ('tcp://127.0.0.1:0',))
    try:
        caller = raw_peer.Caller(server.uri)
        raw_peer.SCENARIOS[scenario][0](caller)
        caller.finish(scenario)
        for peer in caller.peers:
            record.add(peer)
    finally:
        server.stop()


def we_call(record, scenario, option='', handle=served, **options):
    """Our client against a raw server; gives its exit status."""
    raw = RawServer(handle, **options)
    try:
        done = subprocess.run([harness.program('interop-peer'), 'call', raw.address + option, scenario], env=harness.environment(),
                              capture_output=True, text=True, timeout=40, check=False)
        for peer in raw.peers:
            record.add(peer)
    finally:
        raw.close()
    return done.returncode


class Rules:
    """For both roles. `record` has what our side sent."""

    def obeyed(self, words, seen):
        self.assertEqual([text for text in self.record.violations if words in text], [])
        self.assertTrue(seen, 'the rule had no chance to be broken')

    def test_nothing_at_all_is_wrong(self):
        self.obeyed('', len(self.record.frames) > 200)

    def test_control_frames_are_of_version_3(self):
        self.obeyed('of version', self.record.of(spdy.SYN_REPLY))

    def test_control_frames_are_of_types_that_go_knows(self):
        kinds = {frame.type for frame in self.record.frames}
        self.assertLessEqual(kinds, {None, spdy.SYN_STREAM, spdy.SYN_REPLY, spdy.RST_STREAM, spdy.SETTINGS, spdy.PING, spdy.GOAWAY})
        self.obeyed('control frame of type', len(kinds) > 4)

    def test_no_headers_frames(self):
        self.obeyed('HEADERS', self.record.frames)

    def test_no_window_updates_for_what_was_read(self):
        self.assertEqual(self.record.of(spdy.WINDOW_UPDATE), [])
        self.assertTrue(self.record.of(None))

    def test_settings_come_first_or_not_at_all(self):
        self.obeyed('SETTINGS', self.record.of(spdy.SETTINGS))

    def test_header_names_are_lower_case(self):
        names = {name for frame in self.record.frames for name, _ in frame.headers or ()}
        self.obeyed('upper case', {'libchan-ref', 'libchan-parent-ref', ':status'} <= names)

    def test_no_header_that_go_forbids(self):
        self.obeyed('header “', self.record.of(spdy.SYN_STREAM))

    def test_header_blocks_end_with_a_sync_flush(self):
        self.obeyed('sync flush', self.record.of(spdy.SYN_STREAM) and self.record.of(spdy.SYN_REPLY))

    def test_header_blocks_are_whole(self):
        self.obeyed('header block', self.record.of(spdy.SYN_STREAM))

    def test_stream_ids_are_of_our_parity_and_rise(self):
        self.obeyed('stream id', len(self.record.of(spdy.SYN_STREAM)) > 20)

    def test_nothing_is_said_of_stream_0(self):
        self.obeyed('stream 0', self.record.frames)

    def test_refs_are_numbers_and_unique(self):
        refs = {int(frame.header('libchan-ref')) for frame in self.record.of(spdy.SYN_STREAM)}
        self.assertEqual(min(refs), 2)
        self.obeyed('libchan-ref', len(refs) > 20)

    def test_no_unidirectional_or_pushed_streams(self):
        self.assertEqual({(frame.flags, frame.payload[4:8]) for frame in self.record.of(spdy.SYN_STREAM)}, {(0, bytes(4))})
        self.obeyed('UNIDIRECTIONAL', True)

    def test_each_stream_is_answered_once_and_only_those_of_the_peer(self):
        self.assertEqual(len(self.record.of(spdy.SYN_REPLY)), self.record.opened_by_raw)
        self.obeyed('SYN_REPLY for', self.record.opened_by_raw > 20)
        self.obeyed('second SYN_REPLY', True)

    def test_syn_reply_comes_before_data(self):
        replied = {frame.stream_id for frame in self.record.of(spdy.SYN_REPLY)}
        self.obeyed('DATA before SYN_REPLY', replied & {frame.stream_id for frame in self.record.of(None)})

    def test_syn_reply_comes_before_a_reset(self):
        self.obeyed('RST_STREAM before SYN_REPLY', self.record.of(spdy.RST_STREAM))

    def test_resets_have_a_status(self):
        self.obeyed('status 0', self.record.of(spdy.RST_STREAM))

    def test_no_data_after_a_reset(self):
        self.obeyed('DATA after RST_STREAM', self.record.of(spdy.RST_STREAM))

    def test_no_data_after_fin(self):
        self.obeyed('DATA after FIN', [frame for frame in self.record.of(None) if frame.fin])

    def test_fin_is_a_frame_of_its_own(self):
        self.assertEqual({frame.payload for frame in self.record.of(None) if frame.fin}, {b''})

    def test_no_data_the_wrong_way(self):
        self.obeyed('the wrong way', self.record.of(None))

    def test_no_data_for_streams_that_nobody_opened(self):
        self.obeyed('nobody opened', self.record.of(None))

    def test_fin_never_cuts_a_message(self):
        self.obeyed('FIN inside a message', [frame for frame in self.record.of(None) if frame.fin])

    def test_streams_are_opened_before_the_message_that_names_them(self):
        self.obeyed('not opened before', len(self.record.of(spdy.SYN_STREAM)) > 20)

    def test_floats_are_float64(self):
        self.obeyed('float32', b'\xcb\x3f\xf8\x00' in self.record.data())

    def test_integers_are_written_as_signed(self):
        self.obeyed('fits a signed', b'\xd1\x00\xff' in self.record.data())

    def test_map_keys_are_strings_and_unique(self):
        self.obeyed('map key', b'k15' in self.record.data())
        self.obeyed('key twice', True)

    def test_exts_are_those_that_go_knows(self):
        found = {code for code in CODES if any(head + bytes([code]) in self.record.data() for head in (b'\xd6', b'\xc7\x0c'))}
        self.obeyed('ext code', found == set(CODES))


class AsServer(Rules, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.record = Record()
        for scenario in SCENARIOS:
            call_us(cls.record, scenario)

    def test_settings_is_the_first_frame_alone(self):
        self.assertEqual(len(self.record.of(spdy.SETTINGS)), len(SCENARIOS))
        self.assertEqual(self.record.frames[0].type, spdy.SETTINGS)

    def test_many_streams_are_answered_before_a_message_names_them(self):
        server = harness.Server('interop-peer', 'serve', ('tcp://127.0.0.1:0',))
        self.addCleanup(server.stop)
        caller = raw_peer.Caller(server.uri)
        caller.peer.answer_streams = False
        channel = caller.open()
        outs = [channel.give(mp.SENDER) for _ in range(40)]
        answers = caller.send(channel, 'many-handles', {'Outs': [ext for ext, _ in outs]})
        check_held(self, caller.peer, answers.stream, 40)
        caller.peer.close()


class AsClient(Rules, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.record = Record()
        for scenario in SCENARIOS:
            assert we_call(cls.record, scenario, '?settle-ms=200') == 0, scenario

    def test_goaway_comes_when_every_stream_is_finished(self):
        self.obeyed('GOAWAY', len(self.record.of(spdy.GOAWAY)) == len(SCENARIOS))

    def test_nothing_comes_after_goaway(self):
        self.obeyed('after GOAWAY', self.record.of(spdy.GOAWAY))

    def test_no_settings_if_the_dialect_is_given(self):
        record = Record()
        self.assertEqual(we_call(record, 'echo', '?dialect=2'), 0)
        self.assertEqual(record.frames[0].type, spdy.SYN_STREAM)
        self.assertEqual((record.of(spdy.SETTINGS), record.violations), ([], []))

    def test_many_streams_are_answered_before_a_message_names_them(self):
        against_client('?dialect=2', 'many-handles', lambda peer: check_held(self, peer, peer.accept(), 42), answer_streams=False)


def against_client(option, scenario, check, **options):
    """check(peer) in a raw server that our client calls."""
    done, errors = threading.Event(), []

    def handle(peer):
        try:
            check(peer)
            peer.check()
        except Exception as error:
            errors.append(error)
        done.set()

    raw = RawServer(handle, **options)
    with subprocess.Popen([harness.program('interop-peer'), 'call', raw.address + option, scenario], env=harness.environment(),
                          stdout=subprocess.DEVNULL) as client:
        came = done.wait(2 * rawpeer.TIMEOUT)
        client.kill()
    raw.close()
    if errors:
        raise errors[0]
    if not came:
        raise AssertionError('the client did not come')


def check_held(case, peer, stream, count):
    """Our side opens `count` streams; the message that names them comes when all but eight are answered."""
    def opened():
        return [other for other in peer.streams.values() if not other.ours and not other.replied]

    peer.wait(lambda: len(opened()) >= count, what=f'not {count} streams')
    time.sleep(QUICKLY)
    waiting = sorted(opened(), key=lambda other: other.id)
    case.assertEqual((len(waiting), bytes(stream.input)), (count, b''))
    for other in waiting[:count - 9]:
        peer.reply(other)
    time.sleep(QUICKLY)
    case.assertEqual(bytes(stream.input), b'', 'nine are not answered')
    peer.reply(waiting[count - 9])
    peer.wait(lambda: stream.input, what='no message after the answers')


class Keepalive(unittest.TestCase):
    """PING: not 0, of our parity, without flags."""

    def check_pings(self, peer, parity):
        peer.wait(lambda: sum(frame.type == spdy.PING for frame in peer.frames) >= 2, what='no PING')
        numbers = [frame.word for frame in peer.frames if frame.type == spdy.PING]
        self.assertEqual({(number % 2, number > 0) for number in numbers}, {(parity, True)})
        self.assertEqual(len(set(numbers)), len(numbers))
        peer.check()

    def test_pings_of_a_server(self):
        server = harness.Server('interop-peer', 'serve', ('tcp://127.0.0.1:0?keepalive-sec=1',))
        self.addCleanup(server.stop)
        with rawpeer.Peer.connect(server.host, server.port) as peer:
            peer.open_channel()
            self.check_pings(peer, 0)

    def test_pings_of_a_client(self):
        against_client('?keepalive-sec=1', 'echo', lambda peer: self.check_pings(peer, 1))


class Refusal(unittest.TestCase):
    """A stream that is refused is answered first: a reset alone blocks a worker of Go for ever."""

    def check_refusals(self, peer, channels):
        peer.wait(lambda: all(channel.replied for channel in channels), what='a stream without SYN_REPLY')
        peer.wait(lambda: any(channel.reset == spdy.REFUSED_STREAM for channel in channels), what='none was refused')
        peer.check()

    def test_refusals_of_a_server(self):
        server = harness.Server('interop-peer', 'serve', ('tcp://127.0.0.1:0?max-streams=4',))
        self.addCleanup(server.stop)
        with rawpeer.Peer.connect(server.host, server.port) as peer:
            self.check_refusals(peer, [peer.open_channel() for _ in range(20)])

    def test_refusals_of_a_client(self):
        def check(peer):
            peer.accept()
            self.check_refusals(peer, [peer.open_channel() for _ in range(20)])

        against_client('?max-streams=4', 'server-opens', check)


if __name__ == '__main__':
    harness.main()
