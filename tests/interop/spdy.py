# SPDX-License-Identifier: LGPL-2.1-or-later
"""SPDY/3 frames and header blocks, as raw bytes. Only the standard library; shares nothing with the C code."""

import pathlib
import struct
import zlib

SYN_STREAM, SYN_REPLY, RST_STREAM, SETTINGS, NOOP, PING, GOAWAY, HEADERS, WINDOW_UPDATE, CREDENTIAL = range(1, 11)
NAMES = {1: 'SYN_STREAM', 2: 'SYN_REPLY', 3: 'RST_STREAM', 4: 'SETTINGS', 5: 'NOOP', 6: 'PING', 7: 'GOAWAY',
         8: 'HEADERS', 9: 'WINDOW_UPDATE', 10: 'CREDENTIAL'}
FLAG_FIN = 1
FLAG_UNIDIRECTIONAL = 2
PROTOCOL_ERROR, INVALID_STREAM, REFUSED_STREAM, UNSUPPORTED_VERSION, CANCEL, INTERNAL_ERROR, FLOW_CONTROL_ERROR = range(1, 8)
STREAM_IN_USE, STREAM_ALREADY_CLOSED, INVALID_CREDENTIALS, FRAME_TOO_LARGE = range(8, 12)
SETTINGS_INITIAL_WINDOW_SIZE = 7
SYNC_FLUSH_END = b'\x00\x00\xff\xff'

VECTORS = pathlib.Path(__file__).resolve().parent.parent / 'vectors'
DICTIONARY = (VECTORS / 'spdy3_dict.bin').read_bytes()


class Frame:
    """A data frame has type None; a control frame without a stream has stream_id None."""

    def __init__(self, kind, flags, payload, stream_id=None, version=3):
        self.type, self.flags, self.payload, self.stream_id, self.version = kind, flags, payload, stream_id, version
        self.headers = None         # list of (name, value), in their order, of a frame with a header block
        self.block = b''            # the block as it was on the wire
        self.plain = b''            # and inflated

    @property
    def name(self):
        return 'DATA' if self.type is None else NAMES.get(self.type, f'type {self.type}')

    @property
    def fin(self):
        return bool(self.flags & FLAG_FIN) and self.type in (None, SYN_STREAM, SYN_REPLY)

    @property
    def word(self):
        """The last number of RST_STREAM (status), GOAWAY (status), WINDOW_UPDATE (delta) and PING (id)."""
        return int.from_bytes(self.payload[-4:], 'big')

    def header(self, name):
        return next((value for key, value in self.headers or () if key == name), None)

    def settings(self):
        """The entries of SETTINGS as {id: value}."""
        entries = struct.iter_unpack('>II', self.payload[4:4 + (len(self.payload) - 4) // 8 * 8])
        return {word & 0xffffff: value for word, value in entries}

    def __repr__(self):
        where = '' if self.stream_id is None else f' stream {self.stream_id}'
        what = f' {dict(self.headers)}' if self.headers is not None else f' {self.payload[:24].hex()}'
        return f'<{self.name}{where} flags {self.flags:#x} length {len(self.payload)}{what}>'


def control(kind, payload=b'', flags=0, version=3):
    return struct.pack('>HHI', 0x8000 | version, kind, flags << 24 | len(payload)) + payload


def data(stream_id, payload=b'', flags=0):
    return struct.pack('>II', stream_id, flags << 24 | len(payload)) + payload


def ping(number, flags=0):
    return control(PING, struct.pack('>I', number), flags)


def rst(stream_id, status):
    return control(RST_STREAM, struct.pack('>II', stream_id, status))


def goaway(last_good=0, status=0):
    return control(GOAWAY, struct.pack('>II', last_good, status))


def window_update(stream_id, delta):
    return control(WINDOW_UPDATE, struct.pack('>II', stream_id, delta))


def settings(entries, count=None):
    """entries: a list of (id, value); count: what the frame claims."""
    payload = struct.pack('>I', len(entries) if count is None else count)
    return control(SETTINGS, payload + b''.join(struct.pack('>II', number, value) for number, value in entries))


class FrameReader:
    def __init__(self):
        self.buffer = bytearray()

    def feed(self, chunk):
        """Takes bytes, gives the frames that are complete now."""
        self.buffer += chunk
        frames = []
        start = 0
        while len(self.buffer) - start >= 8:
            first, second = struct.unpack_from('>II', self.buffer, start)
            end = start + 8 + (second & 0xffffff)
            if len(self.buffer) < end:
                break
            frames.append(self.frame(first, second >> 24, bytes(self.buffer[start + 8:end])))
            start = end
        del self.buffer[:start]
        return frames

    @staticmethod
    def frame(first, flags, payload):
        if not first & 0x80000000:
            return Frame(None, flags, payload, stream_id=first)
        frame = Frame(first & 0xffff, flags, payload, version=first >> 16 & 0x7fff)
        if frame.type in (SYN_STREAM, SYN_REPLY, RST_STREAM, HEADERS, WINDOW_UPDATE) and len(payload) >= 4:
            frame.stream_id = int.from_bytes(payload[:4], 'big')
        return frame


def plain_headers(pairs, count=None):
    """The inflated form of a header block: u32 count, then u32 length and bytes of each name and value."""
    out = struct.pack('>I', len(pairs) if count is None else count)
    for name, value in pairs:
        for text in (name, value):
            raw = text if isinstance(text, bytes) else text.encode()
            out += struct.pack('>I', len(raw)) + raw
    return out


def parse_headers(plain):
    """Raises ValueError when the block is not exactly what it claims to be."""
    def number(at):
        if len(plain) < at + 4:
            raise ValueError('header block is cut short')
        return int.from_bytes(plain[at:at + 4], 'big'), at + 4

    count, at = number(0)
    pairs = []
    for _ in range(count):
        pair = []
        for _ in range(2):
            length, at = number(at)
            if len(plain) < at + length:
                raise ValueError('header block is cut short')
            pair.append(plain[at:at + length].decode('latin-1'))
            at += length
        pairs.append(tuple(pair))
    if at != len(plain):
        raise ValueError(f'{len(plain) - at} bytes after the last header')
    return pairs


class HeaderWriter:
    """One zlib stream for all header blocks of a direction; each ends with a sync flush. Level 9 is what Go writes."""

    def __init__(self, level=9, window_bits=15, dictionary=DICTIONARY):
        more = (zlib.DEF_MEM_LEVEL, zlib.Z_DEFAULT_STRATEGY)
        self.deflate = zlib.compressobj(level, zlib.DEFLATED, window_bits, *more, *([dictionary] if dictionary else []))

    def raw(self, plain, flush=zlib.Z_SYNC_FLUSH):
        return self.deflate.compress(plain) + self.deflate.flush(flush)

    def block(self, pairs):
        return self.raw(plain_headers(pairs))


class HeaderReader:
    def __init__(self, dictionary=DICTIONARY):
        self.inflate = zlib.decompressobj(zdict=dictionary)

    def read(self, frame):
        """Fills in the headers of a frame that has some. Raises ValueError or zlib.error."""
        skip = {SYN_STREAM: 10, SYN_REPLY: 4, HEADERS: 4}.get(frame.type)
        if skip is None:
            return
        frame.block = frame.payload[skip:]
        frame.plain = self.inflate.decompress(frame.block, 1 << 20)
        frame.headers = parse_headers(frame.plain)


def syn_stream(stream_id, block, flags=0, associated=0):
    return control(SYN_STREAM, struct.pack('>IIBB', stream_id, associated, 0, 0) + block, flags)


def syn_reply(stream_id, block, flags=0):
    return control(SYN_REPLY, struct.pack('>I', stream_id) + block, flags)
