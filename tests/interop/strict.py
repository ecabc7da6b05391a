# SPDX-License-Identifier: LGPL-2.1-or-later
"""Judges what a peer sends by what would kill, wedge or mislead a Go libchan peer (docs/wire.md).

Each rule names what Go does: nothing here is taste. `violations` is a list of texts, empty for a good peer.
"""

import spdy

LIVE_TYPES = {spdy.SYN_STREAM, spdy.SYN_REPLY, spdy.RST_STREAM, spdy.SETTINGS, spdy.PING, spdy.GOAWAY, spdy.WINDOW_UPDATE}
EXACT_LENGTH = {spdy.RST_STREAM: 8, spdy.PING: 4, spdy.GOAWAY: 8, spdy.WINDOW_UPDATE: 8}
FLAGLESS = {spdy.RST_STREAM, spdy.PING, spdy.GOAWAY, spdy.WINDOW_UPDATE}
FATAL_HEADERS = {
    spdy.SYN_STREAM: {'host', 'connection', 'keep-alive', 'transfer-encoding', 'proxy-connection'},
    spdy.SYN_REPLY: {'connection', 'keep-alive', 'transfer-encoding', 'proxy-connection'},
}


class StreamState:
    def __init__(self, ours):
        self.ours = ours                # opened by the side that judges
        self.replied = False            # the other side has sent its SYN_REPLY
        self.ended = {'in': False, 'out': False}
        self.finished_by_peer = self.reset_by_peer = False
        self.data_allowed = None        # None until the direction of the stream is known
        self.owes_fin = True            # a reader of a byte stream does not
        self.data_seen = False


class Judge:
    """received() for each frame of the peer, sent() for each of our own, in order."""

    def __init__(self, peer_is_client):
        self.parity = 1 if peer_is_client else 0
        self.violations = []
        self.streams = {}
        self.refs = set()
        self.last_id = 0
        self.gone_away = False
        self.enabled = True

    def violation(self, text):
        if self.enabled and text not in self.violations:
            self.violations.append(text)

    # ---- our own frames: only what is needed to judge the peer's

    def sent(self, frame):
        stream = self.streams.get(frame.stream_id)
        if frame.type == spdy.SYN_STREAM and stream is None:
            stream = self.streams[frame.stream_id] = StreamState(ours=True)
        if stream is None:
            return
        if frame.type == spdy.RST_STREAM:
            stream.ended = {'in': True, 'out': True}
        elif frame.fin:
            stream.ended['out'] = True

    # ---- the peer's frames

    def received(self, frame):
        if self.gone_away:
            self.violation(f'{frame.name} after GOAWAY: Go has stopped reading')
        if frame.type is None:
            self.data(frame)
            return
        if frame.version != 3:
            self.violation(f'{frame.name} of version {frame.version}')
        if frame.type not in LIVE_TYPES:
            self.violation('HEADERS: blocks a worker of Go for ever' if frame.type == spdy.HEADERS else
                           f'control frame of type {frame.type}: ends the read loop of Go')
            return
        if frame.type in FLAGLESS and frame.flags:
            self.violation(f'{frame.name} with flags {frame.flags:#x}: fatal to Go')
        if frame.type in EXACT_LENGTH and len(frame.payload) != EXACT_LENGTH[frame.type]:
            self.violation(f'{frame.name} of {len(frame.payload)} bytes: fatal to Go')
        if frame.type in (spdy.SYN_STREAM, spdy.SYN_REPLY, spdy.RST_STREAM) and not frame.stream_id:
            self.violation(f'{frame.name} for stream 0: fatal to Go')
        rule = getattr(self, spdy.NAMES[frame.type].lower())
        rule(frame)

    def header_block(self, frame):
        if not frame.block.endswith(spdy.SYNC_FLUSH_END):
            self.violation(f'header block of {frame.name} without sync flush: fatal to Go')
        for name, _ in frame.headers or ():
            if name != name.lower():
                self.violation(f'header name “{name}” with upper case letters: fatal to Go')
            if name in FATAL_HEADERS[frame.type]:
                self.violation(f'header “{name}” in {frame.name}: fatal to Go')

    def syn_stream(self, frame):
        self.header_block(frame)
        stream_id = frame.stream_id or 0
        if frame.flags & spdy.FLAG_UNIDIRECTIONAL:
            self.violation('FLAG_UNIDIRECTIONAL: Go never sends the FIN of such a stream')
        if stream_id % 2 != self.parity:
            self.violation(f'stream id {stream_id} has the wrong parity: corrupts the stream table of Go')
        if stream_id <= self.last_id:
            self.violation(f'stream id {stream_id} after {self.last_id}: ids must rise')
        self.last_id = max(self.last_id, stream_id)
        self.reference(frame)
        if stream_id not in self.streams:
            self.streams[stream_id] = StreamState(ours=False)
        self.finished(self.streams[stream_id], frame)

    def reference(self, frame):
        ref = frame.header('libchan-ref') or ''
        if not (ref.isdecimal() and ref.isascii()):
            self.violation(f'SYN_STREAM with libchan-ref “{ref}”: Go cancels such a stream')
        elif ref in self.refs:
            self.violation(f'libchan-ref {ref} twice: the second stream replaces the first in Go')
        self.refs.add(ref)

    def syn_reply(self, frame):
        self.header_block(frame)
        stream = self.streams.get(frame.stream_id)
        if stream is None or not stream.ours:
            self.violation(f'SYN_REPLY for stream {frame.stream_id}, which we did not open')
            return
        if stream.replied:
            self.violation(f'second SYN_REPLY for stream {frame.stream_id}')
        stream.replied = True
        self.finished(stream, frame)

    @staticmethod
    def finished(stream, frame):
        stream.finished_by_peer |= frame.fin
        stream.ended['in'] |= frame.fin

    def rst_stream(self, frame):
        stream = self.streams.get(frame.stream_id)
        if not frame.word:
            self.violation('RST_STREAM with status 0: fatal to Go')
        if stream is None:
            return
        if stream.ours and not stream.replied:
            self.violation(f'RST_STREAM before SYN_REPLY on stream {frame.stream_id}: blocks a worker of Go for ever')
        stream.reset_by_peer = True
        stream.ended = {'in': True, 'out': True}

    def settings(self, frame):
        count = int.from_bytes(frame.payload[:4], 'big')
        if len(frame.payload) != 4 + 8 * count:
            self.violation(f'SETTINGS of {len(frame.payload)} bytes with {count} entries')

    def ping(self, frame):
        if not frame.word:
            self.violation('PING with id 0: fatal to Go')

    def window_update(self, frame):
        pass

    def goaway(self, frame):
        if not self.all_finished() and not frame.word:
            self.violation('GOAWAY with streams open: Go drops what it has not delivered')
        if frame.word:
            self.violation(f'GOAWAY with status {frame.word}: the peer calls us faulty')
        self.gone_away = True

    def all_finished(self):
        return all(stream.ended['in'] and (stream.ended['out'] or not stream.owes_fin) for stream in self.streams.values())

    def data(self, frame):
        stream = self.streams.get(frame.stream_id)
        if stream is None:
            self.violation(f'DATA for stream {frame.stream_id}, which nobody opened')
            return
        if stream.ours and not stream.replied:
            self.violation(f'DATA before SYN_REPLY on stream {frame.stream_id}: Go drops it')
        if stream.reset_by_peer:
            self.violation(f'DATA after RST_STREAM on stream {frame.stream_id}')
        elif stream.finished_by_peer:
            self.violation(f'DATA after FIN on stream {frame.stream_id}: Go drops it')
        if frame.payload and stream.data_allowed is False:
            self.violation(f'DATA the wrong way on stream {frame.stream_id}: blocks a worker of Go')
        stream.data_seen |= bool(frame.payload)
        self.finished(stream, frame)

    # ---- what the messages say

    def direction(self, stream_id, data_allowed, owes_fin=True):
        """Called once it is known whether the peer may send data on this stream, and whether we end our half."""
        stream = self.streams.get(stream_id)
        if stream is None:
            return
        stream.data_allowed, stream.owes_fin = data_allowed, owes_fin
        if stream.data_seen and not data_allowed:
            self.violation(f'DATA the wrong way on stream {stream_id}: blocks a worker of Go')

    def message(self, complaints):
        for text in complaints:
            self.violation(f'message: {text}')
