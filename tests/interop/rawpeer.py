# SPDX-License-Identifier: LGPL-2.1-or-later
"""A libchan generation 2 peer over plain sockets, which behaves as Go libchan does and is strict about the other side.

It sends no SETTINGS and no WINDOW_UPDATE and knows no windows; it answers every SYN_STREAM with SYN_REPLY and every
PING; each side numbers its streams' references from 2. One thread does all the input and output of a peer. Every wait
has a timeout. What the other side does that would hurt a Go peer is in `violations`; check() fails the test with them.
"""

import select
import socket
import ssl
import struct
import threading
import time
import zlib

import msgpack_lite as mp
import spdy
import strict

TIMEOUT = 10
QUEUE_LIMIT = 1 << 20       # bytes that may wait for the socket before a sender has to
FRAME_SIZE = 4096           # of messages, as in Go
CHUNK_SIZE = 32768          # of byte streams, as in Go


class Timeout(Exception):
    """Nothing came in time."""


class Closed(Exception):
    """The connection has ended."""


class StreamReset(Exception):
    """The other side reset the stream; args[0] is the status."""


class EndOfStream(Exception):
    """FIN where a message was expected."""


class Stream:
    def __init__(self, stream_id, ref, parent, ours, headers=()):
        self.id, self.ref, self.parent, self.ours, self.headers = stream_id, ref, parent, ours, list(headers)
        self.input = bytearray()
        self.fin_in = self.fin_out = False
        self.replied = False        # by the side that did not open it
        self.reset = None           # status of a RST_STREAM that came

    def as_(self, code):
        """This stream in a message."""
        return mp.reference(code, self.ref)


class Peer:
    def __init__(self, sock, role, strictly=True, header_level=9, refuse=None, answer_streams=True):
        """role: 'client' or 'server'. strictly=False is for a test that misbehaves on purpose.

        refuse: a function of a stream that gives the status to refuse it with, or None.
        """
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.role = role
        self.socket = sock
        self.streams = {}
        self.by_ref = {}            # streams that the other side opened
        self.waiting_channels = []  # top-level ones that nobody has accepted
        self.frames = []            # everything that came
        self.pongs = set()
        self.closed = None          # why the connection ended
        self.refuse, self.answer_streams, self.reading = refuse, answer_streams, True
        self.judge = strict.Judge(peer_is_client=role == 'server')
        self.judge.enabled = strictly
        self.header_writer = spdy.HeaderWriter(header_level)
        self._header_reader, self._frame_reader = spdy.HeaderReader(), spdy.FrameReader()
        self._next_id, self._next_ref, self._next_ping = (1, 2, 1) if role == 'client' else (2, 2, 2)
        self._out, self._stopping, self._broken = bytearray(), False, False
        self._changed = threading.Condition(threading.RLock())
        sock.setblocking(False)
        self._wake_in, self._wake_out = socket.socketpair()
        for end in (self._wake_in, self._wake_out):
            end.setblocking(False)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @classmethod
    def connect(cls, host, port, tls=None, **options):
        """tls: an ssl.SSLContext, or None for plain TCP."""
        sock = socket.create_connection((host, port), TIMEOUT)
        return cls(tls.wrap_socket(sock, server_hostname=host) if tls else sock, 'client', **options)

    @property
    def violations(self):
        return self.judge.violations

    def check(self):
        assert not self.violations, 'a Go peer would not survive this:\n  ' + '\n  '.join(self.violations)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.close()
        if kind is None:
            self.check()

    # ---- the thread

    def _run(self):
        try:
            while not self._stopping:
                with self._changed:
                    writers = [self.socket] if self._out else []
                readers = [self._wake_in] + ([self.socket] if self.reading else [])
                if not (isinstance(self.socket, ssl.SSLSocket) and self.reading and self.socket.pending()):
                    readers, writers, _ = select.select(readers, writers, [], 5)
                if self._wake_in in readers:
                    self._drain_wake()
                self._write()
                if self.reading:
                    self._read()
            self._end('closed here')
        except (OSError, ValueError, zlib.error) as error:
            self._end(f'{type(error).__name__}: {error}')

    def _drain_wake(self):
        try:
            while self._wake_in.recv(4096):
                pass
        except BlockingIOError:
            pass

    def _write(self):
        with self._changed:
            try:
                while self._out and not self._stopping:
                    del self._out[:self.socket.send(self._out[:262144])]
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                pass
            except (BrokenPipeError, ConnectionResetError):
                self._out.clear()       # what came before the reset is still to be read
                self._broken = True
            self._changed.notify_all()

    def _read(self):
        try:
            chunk = self.socket.recv(262144)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        if not chunk:
            self._end('end of file')
            self._stopping = True
            return
        with self._changed:
            for frame in self._frame_reader.feed(chunk):
                self._received(frame)
            self._changed.notify_all()

    def _end(self, why):
        with self._changed:
            self.closed = self.closed or why
            self.socket.close()
            self._changed.notify_all()

    # ---- frames that come

    def _received(self, frame):
        self.frames.append(frame)
        try:
            self._header_reader.read(frame)
        except (ValueError, zlib.error) as error:
            self.judge.violation(f'header block of {frame.name}: {error}')
            raise
        self.judge.received(frame)
        handler = {None: self._data, spdy.SYN_STREAM: self._syn_stream, spdy.SYN_REPLY: self._syn_reply,
                   spdy.RST_STREAM: self._rst_stream, spdy.PING: self._ping}.get(frame.type)
        if handler:
            handler(frame)

    def _syn_stream(self, frame):
        ref, parent = (frame.header(name) or '0' for name in ('libchan-ref', 'libchan-parent-ref'))
        stream = Stream(frame.stream_id, int(ref or 0), int(parent or 0), ours=False, headers=frame.headers)
        stream.fin_in = frame.fin
        self.streams[stream.id] = self.by_ref[stream.ref] = stream
        if not stream.parent:
            self.waiting_channels.append(stream)
        status = self.refuse(stream) if self.refuse else None
        if self.answer_streams:
            self.reply(stream)
        if status is not None:
            self.rst(stream, status)

    def _syn_reply(self, frame):
        stream = self.streams.get(frame.stream_id)
        if stream:
            stream.replied = True
            stream.fin_in |= frame.fin

    def _rst_stream(self, frame):
        stream = self.streams.get(frame.stream_id)
        if stream and stream.reset is None:
            stream.reset = frame.word

    def _ping(self, frame):
        if frame.word % 2 == (self.role == 'client'):
            self.pongs.add(frame.word)
        else:
            self._queue(spdy.ping(frame.word))

    def _data(self, frame):
        stream = self.streams.get(frame.stream_id)
        if stream and not stream.fin_in:
            stream.input += frame.payload
            stream.fin_in = frame.fin

    # ---- frames that go

    def _queue(self, raw):
        """Called under the lock. Never waits."""
        if self.closed is None and not self._broken:
            self._out += raw
            self._wake()

    def _wake(self):
        try:
            self._wake_out.send(b'x')
        except OSError:         # it is full, so the thread will wake anyway
            pass

    def send_raw(self, raw, timeout=TIMEOUT):
        """Any bytes; waits while too much is queued. The judge does not hear of them."""
        with self._changed:
            self._wait_for_room(timeout)
            self._queue(raw)

    def _wait_for_room(self, timeout=TIMEOUT):
        self.wait(lambda: len(self._out) < QUEUE_LIMIT or self.closed or self._broken, timeout, 'the socket takes no more')
        if self.closed or self._broken:
            raise Closed(self.closed or 'broken pipe')

    def send_frame(self, raw, timeout=TIMEOUT):
        """One frame as bytes, of which the judge is told."""
        with self._changed:
            self._wait_for_room(timeout)
            self._queue_frame(raw)

    def flush(self, timeout=TIMEOUT):
        """Until the socket has taken everything."""
        self.wait(lambda: not self._out or self.closed, timeout, 'the socket takes no more')

    def wait(self, condition, timeout=TIMEOUT, what='nothing came'):
        with self._changed:
            if not self._changed.wait_for(condition, timeout):
                raise Timeout(f'{what} in {timeout} s')

    def headers(self, pairs):
        """A header block. Blocks must be sent in the order in which they are made."""
        return self.header_writer.block(pairs)

    def reply(self, stream, pairs=((':status', '200'),)):
        with self._changed:
            stream.replied = True
            self._queue_frame(spdy.syn_reply(stream.id, self.headers(pairs)))

    def open_channel(self, more=(), **options):
        """A top-level channel: we send, the other side receives."""
        stream = self._open(0, more, **options)
        self.judge.direction(stream.id, False)
        return stream

    def open_nested(self, parent, **options):
        """A stream to be named in a message on the channel `parent`."""
        return self._open(parent.ref, (), **options)

    def reserve(self, parent):
        """A stream that has its numbers, but has not been opened: give it to announce() later."""
        with self._changed:
            stream = Stream(self._next_id, self._next_ref, parent.ref if parent else 0, ours=True)
            self._next_id += 2
            self._next_ref += 1
            return stream

    def announce(self, stream, more=(), flags=0):
        with self._changed:
            pairs = [('libchan-ref', str(stream.ref))]
            if stream.parent:
                pairs.append(('libchan-parent-ref', str(stream.parent)))
            self.streams[stream.id] = stream
            self._wait_for_room()
            self._queue_frame(spdy.syn_stream(stream.id, self.headers(pairs + list(more)), flags))

    def _open(self, parent, more, flags=0):
        with self._changed:
            stream = self.reserve(None)
            stream.parent = parent
            self.announce(stream, more, flags)
            return stream

    def wait_for_replies(self):
        """To streams of ours. A program in Go gives a message up if ten other streams come before one that it names."""
        self.wait(lambda: self.closed or all(stream.replied for stream in self.streams.values() if stream.ours), what='no SYN_REPLY')

    def write(self, stream, payload, size=CHUNK_SIZE, timeout=TIMEOUT):
        for start in range(0, len(payload), size):
            self.send_frame(spdy.data(stream.id, payload[start:start + size]), timeout)

    def fin(self, stream):
        with self._changed:
            if not stream.fin_out:
                stream.fin_out = True
                self._queue_frame(spdy.data(stream.id, flags=spdy.FLAG_FIN))

    def rst(self, stream, status=spdy.CANCEL):
        with self._changed:
            stream.fin_out = True
            self._queue_frame(spdy.rst(stream.id, status))

    def _queue_frame(self, raw):
        for frame in spdy.FrameReader().feed(raw):
            self.judge.sent(frame)
        self._queue(raw)

    # ---- messages

    def send_message(self, stream, value, size=FRAME_SIZE):
        with self._changed:
            self.directions(value)
            self.write(stream, mp.encode(value), size)

    def directions(self, value):
        """Tells the judge which of our streams in a message the other side may send data on."""
        if isinstance(value, mp.Ext) and value.code in range(1, 6):
            ref = int.from_bytes(value.data, 'big')
            stream = next((s for s in self.streams.values() if s.ours and s.ref == ref), None)
            if stream:
                self.judge.direction(stream.id, value.code in (mp.DUPLEX, mp.WRITES, mp.SENDER))
        elif isinstance(value, dict):
            for item in value.values():
                self.directions(item)
        elif isinstance(value, list):
            for item in value:
                self.directions(item)

    def recv_message(self, stream, timeout=TIMEOUT):
        return self.recv_message_raw(stream, timeout)[0]

    def recv_message_raw(self, stream, timeout=TIMEOUT):
        """(value, its bytes). As Go does, answers a FIN with a FIN; then EndOfStream is raised."""
        end = time.monotonic() + timeout
        tried = -1
        with self._changed:
            while True:
                if len(stream.input) != tried:
                    message = self._decode(stream)
                    if message:
                        return message
                    tried = len(stream.input)
                self._raise_end(stream)
                left = end - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    raise Timeout(f'no message on stream {stream.id} in {timeout} s')

    def _raise_end(self, stream):
        if stream.reset is not None:
            raise StreamReset(stream.reset)
        if stream.fin_in:
            if stream.input:
                self.judge.violation(f'FIN inside a message on stream {stream.id}')
            self.fin(stream)
            raise EndOfStream(f'stream {stream.id}')
        if self.closed:
            raise Closed(self.closed)

    def _decode(self, stream):
        decoder = mp.Decoder(stream.input)
        try:
            value = decoder.value()
        except mp.Short:
            return None
        raw = bytes(stream.input[:decoder.position])
        del stream.input[:decoder.position]
        self.judge.message(decoder.complaints)
        for ext in decoder.extensions:
            if ext.code in range(1, 6):
                self._named(ext)
        return value, raw

    def _named(self, ext):
        """The other side's message names one of its streams."""
        stream = self.by_ref.get(int.from_bytes(ext.data, 'big'))
        if stream is None:
            self.judge.violation('a message names a stream that was not opened before it: Go may give up on it')
        else:
            self.judge.direction(stream.id, ext.code in (mp.DUPLEX, mp.READS, mp.RECEIVER), ext.code != mp.READS)

    def stream_of(self, ext, timeout=TIMEOUT):
        """The stream that a message of the other side names."""
        ref = int.from_bytes(ext.data, 'big')
        self.wait(lambda: ref in self.by_ref or self.closed, timeout, f'no stream with ref {ref}')
        if ref not in self.by_ref:
            raise Closed(self.closed)
        return self.by_ref[ref]

    def accept(self, timeout=TIMEOUT):
        """The next top-level channel that the other side opens."""
        with self._changed:
            self.wait(lambda: self.waiting_channels or self.closed, timeout, 'no channel')
            if not self.waiting_channels:
                raise Closed(self.closed)
            return self.waiting_channels.pop(0)

    # ---- byte streams

    def read(self, stream, timeout=TIMEOUT):
        """What has come, at least one byte; empty at FIN."""
        with self._changed:
            self.wait(lambda: stream.input or stream.fin_in or stream.reset is not None or self.closed, timeout)
            chunk = bytes(stream.input)
            stream.input.clear()
            if not chunk and not stream.fin_in:
                raise Closed(self.closed) if stream.reset is None else StreamReset(stream.reset)
            return chunk

    def read_all(self, stream, timeout=TIMEOUT):
        chunks = []
        while True:
            chunk = self.read(stream, timeout)
            if not chunk:
                return b''.join(chunks)
            chunks.append(chunk)

    # ---- the connection

    def ping(self, timeout=TIMEOUT):
        """Until the answer is here; gives the seconds it took."""
        with self._changed:
            number, self._next_ping = self._next_ping, self._next_ping + 2
            start = time.monotonic()
            self._queue(spdy.ping(number))
            self.wait(lambda: number in self.pongs or self.closed, timeout, 'no answer to PING')
            if number not in self.pongs:
                raise Closed(self.closed)
            return time.monotonic() - start

    def wait_closed(self, timeout=TIMEOUT):
        """Until the other side has closed; gives the GOAWAY frame it sent, or None."""
        self.wait(lambda: not self._thread.is_alive() or self.socket.fileno() < 0, timeout, 'the connection is still open')
        return next((frame for frame in self.frames if frame.type == spdy.GOAWAY), None)

    def wait_finished(self, timeout=TIMEOUT):
        """Until every stream has ended both ways."""
        self.wait(lambda: self.judge.all_finished() or self.closed, timeout, 'streams are open')

    def resume(self):
        """After reading = False."""
        self.reading = True
        self._wake()

    def close(self, hard=False):
        """hard: with a TCP reset."""
        if self._wake_out.fileno() < 0:
            return
        with self._changed:
            if hard and self.socket.fileno() >= 0:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
            elif self.closed is None and self._out:
                self._changed.wait_for(lambda: not self._out or self.closed, 2)
            self._stopping = True
            self._wake()
        self._thread.join(TIMEOUT)
        self._wake_in.close()
        self._wake_out.close()
