# SPDX-License-Identifier: LGPL-2.1-or-later
"""The raw peer for generation 1: as Node's jschan behaves, or as libchan for Go did before 2015-01-26.

jschan sends SETTINGS first, obeys windows and grants them; its server opens streams by PUSH, and its client takes
no others from a server. Each message is one DATA frame: what would kill jschan, or be lost in it, is a violation.
"""

import copy
import struct

import msgpack_lite as mp
import rawpeer
import spdy
import strict

CHANNEL, BYTES = 1, 2               # ext codes
SENDS, RECEIVES = 2, 1              # direction of a channel: what who gets the message does
WINDOW, DEFAULT_WINDOW = 1048576, 65536
READ_SIZE = 65536                   # Node reads no more at once
HTTP_HEAD = b'HTTP/1.1 200 OK\r\nDate: Thu, 26 Nov 2026 01:16:32 GMT\r\nConnection: close\r\n\r\n'
REPLIES = {'jschan': (('date', 'Thu, 26 Nov 2026 01:16:32 GMT'), (':status', '200 OK'), (':version', 'HTTP/1.1')),
           'go': (('status', '200'),)}


def channel(stream, direction):
    return mp.Ext(CHANNEL, struct.pack('>BI', direction, stream.ref))


def byte_stream(stream):
    return mp.Ext(BYTES, struct.pack('>I', stream.ref))


def ref_of(ext):
    return int.from_bytes(ext.data[-4:], 'big')


class Decoder(mp.Decoder):
    def ext(self, length):
        value = mp.Ext(self.unpack('>b'), self.take(length))
        self.extensions.append(value)
        if value.code == CHANNEL and (length != 5 or value.data[0] not in (SENDS, RECEIVES)):
            self.complaints.append(f'a channel as {value.data.hex()}')
        if value.code == BYTES and length != 4:
            self.complaints.append(f'a byte stream as {value.data.hex()}')
        if value.code not in (CHANNEL, BYTES):
            self.complaints.append(f'ext code {value.code} is unknown to jschan')
        return value


class Judge(strict.Judge):
    """What hurts jschan, in place of some rules for Go."""

    kind = 'jschan'

    def syn_stream(self, frame):
        push = frame.flags & spdy.FLAG_UNIDIRECTIONAL
        plain = copy.copy(frame)
        plain.flags &= ~spdy.FLAG_UNIDIRECTIONAL
        super().syn_stream(plain)
        associated = int.from_bytes(frame.payload[4:8], 'big')
        ref = int(frame.header('libchan-ref') or 0)
        parent = frame.header('libchan-parent-ref')
        if ref % 2 != (frame.stream_id or 0) % 2:
            self.violation(f'libchan-ref {ref} of stream {frame.stream_id}: it is the other side\'s to give')
        if self.kind == 'jschan' and not self.parity and not (push and associated % 2 and associated in self.streams):
            self.violation(f'stream {frame.stream_id} of a server is no PUSH of one of the client\'s: jschan resets it')
        if push and (self.kind == 'go' or self.parity):
            self.violation(f'PUSH of stream {frame.stream_id}: only jschan\'s client wants it')
        if parent == '0' and push:
            self.violation('a top-level channel as PUSH')

    def syn_reply(self, frame):
        stream = self.streams.get(frame.stream_id)
        if stream is not None and getattr(stream, 'pushed', False):
            self.violation(f'SYN_REPLY for the PUSH {frame.stream_id}: jschan resets it')
        super().syn_reply(frame)

    def sent(self, frame):
        super().sent(frame)
        if frame.type == spdy.SYN_STREAM and frame.flags & spdy.FLAG_UNIDIRECTIONAL:
            stream = self.streams[frame.stream_id]
            stream.replied = stream.pushed = True

    def goaway(self, frame):
        """jschan finishes what it has, and ends no half of a channel that it reads."""
        if frame.word:
            self.violation(f'GOAWAY with status {frame.word}: the peer calls us faulty')
        self.gone_away = True

    def direction(self, stream_id, data_allowed, owes_fin=True):
        """jschan throws away what comes the wrong way."""


class Peer(rawpeer.Peer):
    def __init__(self, sock, role, kind='jschan', **options):
        self.kind = kind
        self._peer_window = DEFAULT_WINDOW
        super().__init__(sock, role, **options)
        self._next_ref = self._next_id

    @property
    def judge(self):
        return self._judge

    @judge.setter
    def judge(self, other):
        self._judge = Judge(peer_is_client=bool(other.parity))
        self._judge.kind = self.kind

    def _run(self):
        if self.kind == 'jschan':
            with self._changed:
                self._queue(spdy.settings([(spdy.SETTINGS_INITIAL_WINDOW_SIZE, WINDOW)]))
        super()._run()

    # ---- what comes

    def _received(self, frame):
        super()._received(frame)
        if frame.type == spdy.SETTINGS and spdy.SETTINGS_INITIAL_WINDOW_SIZE in frame.settings():
            window = frame.settings()[spdy.SETTINGS_INITIAL_WINDOW_SIZE]
            for stream in self.streams.values():
                self._state(stream).credit += window - self._peer_window
            self._peer_window = window
        elif frame.type == spdy.WINDOW_UPDATE and frame.stream_id in self.streams:
            self._state(self.streams[frame.stream_id]).credit += frame.word

    def _state(self, stream):
        if not hasattr(stream, 'credit'):
            stream.credit, stream.granted = self._peer_window, WINDOW
            stream.messages, stream.pushed, stream.head_due, stream.skips = [], False, False, False
        return stream

    def _syn_stream(self, frame):
        parent = frame.header('libchan-parent-ref') or ''
        stream = rawpeer.Stream(frame.stream_id, int(frame.header('libchan-ref')), int(parent or 0), ours=False,
                                headers=frame.headers)
        self._state(stream)
        stream.fin_in = frame.fin
        stream.pushed = stream.head_due = bool(frame.flags & spdy.FLAG_UNIDIRECTIONAL)
        self.streams[stream.id] = self.by_ref[stream.ref] = stream
        if parent == '0':
            self.waiting_channels.append(stream)
        if not stream.pushed:
            self.reply(stream, REPLIES[self.kind])

    def _data(self, frame):
        stream = self.streams.get(frame.stream_id)
        if not stream or stream.fin_in:
            return
        super()._data(frame)
        state = self._state(stream)
        if frame.payload:
            state.messages.append(frame.payload)
        if self.kind == 'jschan':
            state.granted -= len(frame.payload)
            if state.granted < 0:
                self.judge.violation(f'stream {stream.id}: more than the window allows')
            if state.granted <= WINDOW / 2:
                self._queue_frame(spdy.window_update(stream.id, WINDOW - state.granted))
                state.granted = WINDOW

    # ---- what goes

    def reserve(self, parent):
        with self._changed:
            stream = super().reserve(parent)
            self._next_ref += 1
            return self._state(stream)

    def announce(self, stream, more=(), flags=0):
        """A stream without parent is a byte stream; of a server for jschan, PUSH of the channel `stream.associated`."""
        with self._changed:
            pairs = [('libchan-ref', str(stream.ref))]
            if stream.parent is not None:
                pairs.append(('libchan-parent-ref', str(stream.parent)))
            elif self.kind == 'jschan':
                pairs.append(('libchan-parent-ref', ''))
            associated = getattr(stream, 'associated', 0)
            stream.pushed = stream.skips = bool(associated)
            self.streams[stream.id] = stream
            self._wait_for_room()
            flags |= spdy.FLAG_UNIDIRECTIONAL if associated else 0
            self._queue_frame(spdy.syn_stream(stream.id, self.headers(pairs + list(more)), flags, associated))

    def _open(self, parent, more, flags=0, associated=0):
        with self._changed:
            stream = self.reserve(None)
            stream.parent, stream.associated = parent, associated
            self.announce(stream, more, flags)
            return stream

    def _associated(self, parent):
        return parent.id if self.kind == 'jschan' and self.role == 'server' else 0

    def open_nested(self, parent, **options):
        return self._open(parent.ref, (), associated=self._associated(parent), **options)

    def open_bytes(self, parent, **options):
        return self._open(None, (), associated=self._associated(parent), **options)

    def _head(self, stream):
        """Node's HTTP says its head before what a client writes on a PUSH."""
        if self._state(stream).head_due:
            stream.head_due = False
            self.send_frame(spdy.data(stream.id, HTTP_HEAD))

    def send_message(self, stream, value, size=None):
        with self._changed:
            self._head(stream)
            self.send_frame(spdy.data(stream.id, mp.encode(value)))

    def write(self, stream, payload, size=rawpeer.CHUNK_SIZE, timeout=rawpeer.TIMEOUT):
        self._head(stream)
        while payload:
            with self._changed:
                if self.kind == 'jschan':
                    self.wait(lambda: stream.credit > 0 or stream.reset is not None or self.closed, timeout, 'no window')
                    if stream.reset is not None:
                        raise rawpeer.StreamReset(stream.reset)
                    size = min(size, max(stream.credit, 1))
                chunk, payload = payload[:size], payload[size:]
                stream.credit -= len(chunk)
                self.send_frame(spdy.data(stream.id, chunk), timeout)

    # ---- messages

    def recv_message_raw(self, stream, timeout=rawpeer.TIMEOUT):
        with self._changed:
            state = self._state(stream)
            if state.skips:
                self.wait(lambda: state.messages or stream.fin_in or stream.reset is not None or self.closed, timeout)
                if state.messages:
                    state.skips = False
                    head = state.messages.pop(0)
                    if not head.startswith(b'HTTP/1.1 200 OK\r\n'):
                        self.judge.violation('no head before the first message on a PUSH: jschan loses the message')
            self.wait(lambda: state.messages or stream.fin_in or stream.reset is not None or self.closed, timeout, 'no message')
            if not state.messages:
                stream.input.clear()
                self._raise_end(stream)
            return self._whole(state.messages.pop(0))

    def _whole(self, payload):
        if self.kind == 'jschan' and len(payload) + 8 > READ_SIZE:
            self.judge.violation(f'a message of {len(payload)} bytes: Node cannot read its frame at once, and jschan dies')
        decoder = Decoder(payload)
        try:
            value = decoder.value()
        except mp.Short:
            self.judge.violation('a message in more than one DATA frame: jschan dies')
            raise
        if decoder.position != len(payload):
            self.judge.violation('two messages in one DATA frame: jschan loses the second')
        self.judge.message(decoder.complaints)
        return value, payload

    def stream_of(self, ext, timeout=rawpeer.TIMEOUT):
        return super().stream_of(mp.Ext(ext.code, ext.data[-4:]), timeout)
