# SPDX-License-Identifier: LGPL-2.1-or-later
"""The msgpack that libchan generation 2 carries: written as Go writes it, read with an eye on what would hurt Go."""

import collections
import struct

Ext = collections.namedtuple('Ext', 'code data')

# Ext codes: what the receiver of the message gets.
DUPLEX, WRITES, READS, SENDER, RECEIVER, TIME = range(1, 7)


class Short(Exception):
    """The object is not complete yet."""


class Raw(bytes):
    """Bytes to be written as they are, in place of a value."""


class Map(list):
    """A list of (key, value): a map that dict cannot hold."""


def reference(code, number):
    return Ext(code, struct.pack('>Q' if number > 0xffffffff else '>I', number))


def time_value(seconds, nanoseconds):
    return Ext(TIME, struct.pack('>qI', seconds, nanoseconds))


def sized(length, fix, codes):
    """The head of a string, binary, array or map; codes: the bytes for lengths of 8, 16 and 32 bits."""
    if fix is not None and length < fix[1]:
        return bytes([fix[0] | length])
    for code, form, limit in zip(codes, ('>BB', '>BH', '>BI'), (0x100, 0x10000, 0x100000000)):
        if code is not None and length < limit:
            return struct.pack(form, code, length)
    raise ValueError('too long')


def encode_int(value):
    """Go writes signed integers as fixint or d0..d3, and never cc..cf unless they do not fit."""
    if -32 <= value < 128:
        return struct.pack('>b', value)
    for code, form, bits in ((0xd0, '>Bb', 7), (0xd1, '>Bh', 15), (0xd2, '>Bi', 31), (0xd3, '>Bq', 63)):
        if -(1 << bits) <= value < 1 << bits:
            return struct.pack(form, code, value)
    return struct.pack('>BQ', 0xcf, value)


def encode_ext(value):
    length = len(value.data)
    fix = {1: 0xd4, 2: 0xd5, 4: 0xd6, 8: 0xd7, 16: 0xd8}.get(length)
    head = bytes([fix]) if fix else sized(length, None, (0xc7, 0xc8, 0xc9))
    return head + struct.pack('>b', value.code) + value.data


def encode(value):
    if isinstance(value, Raw):
        return bytes(value)
    if isinstance(value, Ext):
        return encode_ext(value)
    if value is None or isinstance(value, bool):
        return {None: b'\xc0', False: b'\xc2', True: b'\xc3'}[value]
    if isinstance(value, int):
        return encode_int(value)
    if isinstance(value, float):
        return struct.pack('>Bd', 0xcb, value)
    if isinstance(value, str):
        raw = value.encode('utf-8', 'surrogateescape')
        return sized(len(raw), (0xa0, 32), (0xd9, 0xda, 0xdb)) + raw
    if isinstance(value, (bytes, bytearray)):
        return sized(len(value), None, (0xc4, 0xc5, 0xc6)) + bytes(value)
    if isinstance(value, (dict, Map)):
        pairs = value if isinstance(value, Map) else value.items()
        body = b''.join(encode(key) + encode(item) for key, item in pairs)
        return sized(len(value), (0x80, 16), (None, 0xde, 0xdf)) + body
    if isinstance(value, (list, tuple)):
        return sized(len(value), (0x90, 16), (None, 0xdc, 0xdd)) + b''.join(map(encode, value))
    raise TypeError(f'{type(value)} has no msgpack form')


NUMBERS = {0xca: '>f', 0xcb: '>d', 0xcc: '>B', 0xcd: '>H', 0xce: '>I', 0xcf: '>Q',
           0xd0: '>b', 0xd1: '>h', 0xd2: '>i', 0xd3: '>q'}
FIXEXT = {0xd4: 1, 0xd5: 2, 0xd6: 4, 0xd7: 8, 0xd8: 16}
SIZED = {0xd9: ('>B', 'str'), 0xda: ('>H', 'str'), 0xdb: ('>I', 'str'), 0xc4: ('>B', 'bin'), 0xc5: ('>H', 'bin'),
         0xc6: ('>I', 'bin'), 0xdc: ('>H', 'array'), 0xdd: ('>I', 'array'), 0xde: ('>H', 'map'), 0xdf: ('>I', 'map'),
         0xc7: ('>B', 'ext'), 0xc8: ('>H', 'ext'), 0xc9: ('>I', 'ext')}


class Decoder:
    """Decodes one object at a time. `complaints` gets whatever a Go peer could not live with."""

    def __init__(self, buffer, position=0):
        self.buffer, self.position = buffer, position
        self.complaints = []
        self.extensions = []

    def take(self, length):
        end = self.position + length
        if end > len(self.buffer):
            raise Short
        start, self.position = self.position, end
        return bytes(self.buffer[start:end])

    def unpack(self, form):
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def value(self):
        code = self.take(1)[0]
        if code < 0x80 or code >= 0xe0:
            return code if code < 0x80 else code - 0x100
        if code in (0xc0, 0xc2, 0xc3):
            return {0xc0: None, 0xc2: False, 0xc3: True}[code]
        if code in NUMBERS:
            return self.number(code)
        if code in FIXEXT:
            return self.ext(FIXEXT[code])
        if code in SIZED:
            form, kind = SIZED[code]
            return self.sized(kind, self.unpack(form))
        if code == 0xc1:
            raise ValueError('c1 is no msgpack code')
        if code < 0x90:
            return self.sized('map', code & 15)
        return self.sized('array', code & 15) if code < 0xa0 else self.sized('str', code & 31)

    def number(self, code):
        value = self.unpack(NUMBERS[code])
        if code == 0xca:
            self.complaints.append('float32: Go float fields accept only float64')
        elif 0xcc <= code <= 0xcf and value < 1 << 63:
            self.complaints.append(f'{value} in code {code:02x}: it fits a signed integer')
        return value

    def sized(self, kind, length):
        if kind == 'str':
            return self.take(length).decode('utf-8', 'surrogateescape')
        if kind == 'bin':
            return self.take(length)
        if kind == 'ext':
            return self.ext(length)
        if kind == 'array':
            return [self.value() for _ in range(length)]
        return self.map(length)

    def ext(self, length):
        code = self.unpack('>b')
        value = Ext(code, self.take(length))
        self.extensions.append(value)
        if code not in range(1, 7):
            self.complaints.append(f'ext code {code} is unknown to Go')
        elif length not in ((12,) if code == TIME else (4, 8)):
            self.complaints.append(f'ext code {code} with {length} bytes')
        return value

    def map(self, length):
        pairs = Map()
        for _ in range(length):
            key = self.value()
            if not isinstance(key, str):
                self.complaints.append(f'a map key of type {type(key).__name__}')
            pairs.append((key, self.value()))
        try:
            result = dict(pairs)
        except TypeError:
            return pairs
        if len(result) != length:
            self.complaints.append('the same key twice in a map')
            return pairs
        return result


def decode(data):
    """One whole object and nothing else."""
    decoder = Decoder(data)
    value = decoder.value()
    if decoder.position != len(data):
        raise ValueError(f'{len(data) - decoder.position} bytes left over')
    return value
