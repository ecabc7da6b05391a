# SPDX-License-Identifier: LGPL-2.1-or-later
"""The scenarios that carry values, for the raw peer."""

import struct

import msgpack_lite as mp
import raw_ends as ends

GREETING = 'hello, libchan ☺'
SIGNED = [0, 1, -1, -31, -32, -33, 127, 128, -127, -128, -129, 255, 256, 32767, 32768, -32768, -32769, 65535, 65536,
          (1 << 31) - 1, 1 << 31, -(1 << 31), -(1 << 31) - 1, (1 << 32) - 1, 1 << 32, (1 << 53) - 1, (1 << 53) + 1,
          (1 << 63) - 1, -(1 << 63)]
UNSIGNED = [0, 127, 128, 255, 256, 65535, 65536, (1 << 32) - 1, 1 << 32, (1 << 63) - 1, 1 << 63, (1 << 64) - 1]
TIMES = [mp.time_value(*pair) for pair in
         ((0, 0), (1424694896, 789012345), (-62135596800, 0), (253402300799, 999999999), (-1, 999999999))]
VALUES = [None, False, True, 0.0, -0.0, 1.5, float('inf'), float('-inf'), 5e-324, 1.7976931348623157e308, '', '☺𝄞']
VALUES += ['a' * length for length in (31, 32, 255, 256, 65535, 65536)]
VALUES += [b'b' * length for length in (0, 1, 255, 256, 65535, 65536)]
VALUES += [[], [[]], {}, {'a': {}}]
for _length in (15, 16):
    VALUES += [list(range(_length)), {f'k{number}': number for number in range(_length)}]
LARGE = {'Text': 'x' * 300000, 'Data': bytes(number * 7 % 251 for number in range(300000))}
NILS = {f'Nil{name}': None for name in ('Sender', 'Receiver', 'Stream', 'Text', 'List', 'Bytes', 'Any', 'Struct')}


def unsigned(number):
    """As Go writes an unsigned integer."""
    for code, form, bits in ((0xcc, '>BB', 8), (0xcd, '>BH', 16), (0xce, '>BI', 32), (0xcf, '>BQ', 64)):
        if number < 1 << bits:
            return mp.Raw(struct.pack(form, code, number))
    raise ValueError(number)


# name: what both sides send, and what both must receive
SYMMETRIC = {
    'large': (LARGE, LARGE),
    'values': ({'Values': VALUES, 'Number': 1.0, 'Truth': True}, {'Values': VALUES, 'Number': 1.0, 'Truth': True}),
    'integers': ({'Values': SIGNED, 'Unsigned': [unsigned(number) for number in UNSIGNED]}, {'Values': SIGNED, 'Unsigned': UNSIGNED}),
    'times': ({'Values': TIMES}, {'Values': TIMES}),
    'nil': (NILS, NILS),
}


def compare(message, want):
    for key in want:
        ends.check(key in message, f'no {key}')
        ends.same(message[key], want[key], key)


def symmetric(name):
    sent, wanted = SYMMETRIC[name]

    def call(caller):
        _, answers = caller.ask(name, sent)
        compare(answers.receive(), wanted)
        answers.expect_end()

    def serve(server):
        compare(server.request, wanted)
        server.ret.send_and_close(sent)

    return call, serve


def call_echo(caller):
    _, answers = caller.ask('echo', {'Text': GREETING})
    answers.expect({'Text': GREETING})
    answers.expect_end()


def serve_echo(server):
    server.ret.send_and_close({'Text': server.request['Text']})


def call_channels(caller):
    answers = [caller.ask('echo', {'Text': str(number)})[1] for number in range(3)]
    for number in reversed(range(3)):
        answers[number].expect({'Text': str(number)})
        answers[number].expect_end()


def call_extra(caller):
    channel = caller.open()
    unused = [channel.give(code)[0] for code in (mp.SENDER, mp.DUPLEX)]
    answers = caller.send(channel, 'extra', {
        'Known': 1, 'Extra': {'deep': [1, {'er': b'x'}]}, '': 'no name', 'ExtraNil': None, 'ExtraSender': unused[0],
        'ExtraStream': unused[1]})
    ends.same(answers.receive()['Known'], 2)
    answers.expect_end()


def serve_extra(server):
    ends.same(server.request['Known'], 1)
    server.ret.send_and_close({'Known': 2, 'More': {'a': [None]}})


SCENARIOS = {name: symmetric(name) for name in SYMMETRIC}
SCENARIOS.update({
    'echo': (call_echo, serve_echo),
    'channels': (call_channels, None),
    'extra': (call_extra, serve_extra),
})
