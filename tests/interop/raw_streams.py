# SPDX-License-Identifier: LGPL-2.1-or-later
"""Byte streams, and ends that are passed on, for the raw peer."""

import msgpack_lite as mp
import raw_ends as ends

STREAM_SIZE = 100000


def pattern(seed):
    return bytes((number * 7 + seed) % 251 for number in range(STREAM_SIZE))


def give_bytes(channel):
    """Byte streams of every kind for a message, and the script for the ends that stay."""
    codes = {'Input': mp.READS, 'Output': mp.WRITES, 'Both': mp.DUPLEX, 'Half': mp.DUPLEX}
    given = {key: channel.give(code) for key, code in codes.items()}
    here = {key: end for key, (_, end) in given.items()}

    def script():
        here['Half'].close()        # nothing will be written: the other direction goes on
        here['Output'].close()
        ends.together(
            lambda: here['Input'].write_all(pattern(1)), lambda: here['Output'].read_all(pattern(2)),
            lambda: here['Both'].write_all(pattern(3)), lambda: here['Both'].read_all(pattern(4)),
            lambda: here['Half'].read_all(pattern(5)))

    return {key: ext for key, (ext, _) in given.items()}, script


def take_bytes(peer, message):
    taken = {key: ends.take(peer, message[key]) for key in ('Input', 'Output', 'Both', 'Half')}
    for key, codes in (('Input', (mp.DUPLEX, mp.READS)), ('Output', (mp.DUPLEX, mp.WRITES)), ('Both', (mp.DUPLEX,)), ('Half', (mp.DUPLEX,))):
        ends.check(message[key].code in codes, f'{key} has code {message[key].code}')

    def answer(key, want, seed):
        taken[key].read_all(want)
        taken[key].write_all(pattern(seed))

    ends.together(
        lambda: taken['Input'].read_all(pattern(1)), lambda: taken['Output'].write_all(pattern(2)),
        lambda: answer('Both', pattern(3), 4), lambda: answer('Half', b'', 5))


def call_byte_streams(caller):
    channel = caller.open()
    given, script = give_bytes(channel)
    answers = caller.send(channel, 'byte-streams', given)
    script()
    take_bytes(caller.peer, answers.receive())
    answers.expect_end()


def serve_byte_streams(server):
    take_bytes(server.peer, server.request)
    given, script = give_bytes(server.ret)
    server.ret.send(given)
    script()
    server.ret.close()


# ---- ends of every kind, to be passed on

def give_ends(channel):
    out, received = channel.give(mp.SENDER)
    receiver, sent = channel.give(mp.RECEIVER)
    duplex, both = channel.give(mp.DUPLEX)

    def script():
        ret, texts = sent.give(mp.SENDER)
        sent.send({'N': 0, 'Ret': ret})
        texts.expect({'Text': 'through'})
        texts.expect_end()
        sent.send_and_close({'N': 1})
        received.expect({'N': 5})
        received.expect_end()
        ends.together(lambda: both.write_all(pattern(6)), lambda: both.read_all(pattern(7)))

    return {'Out': out, 'In': receiver, 'Both': duplex}, script


def take_ends(peer, message):
    out, receiver, both = (ends.take(peer, message[key]) for key in ('Out', 'In', 'Both'))
    first = receiver.receive()
    ends.same(first['N'], 0)
    ends.take(peer, first['Ret']).send_and_close({'Text': 'through'})
    receiver.expect({'N': 1})
    receiver.expect_end()
    out.send_and_close({'N': 5})
    ends.together(lambda: both.read_all(pattern(6)), lambda: both.write_all(pattern(7)))


def call_send_back(caller):
    """What the caller sends comes back to it, and works."""
    channel = caller.open()
    given, script = give_ends(channel)
    answers = caller.send(channel, 'send-back', given)
    back = answers.receive()
    ends.together(script, lambda: take_ends(caller.peer, back))
    answers.expect_end()


def passed(peer, message, carrier):
    return {key: ends.pass_on(ends.take(peer, message[key]), carrier) for key in ('Out', 'In', 'Both')}


def serve_send_back(server):
    server.ret.send_and_close(passed(server.peer, server.request, server.ret))


def call_relay(caller):
    """The caller passes what it got over one connection to the other."""
    _, gifts = caller.ask('relay-give')
    gift = gifts.receive()
    first = caller.peer
    caller.connect()
    channel = caller.open()
    answers = caller.send(channel, 'relay-take', passed(first, gift, channel))
    answers.expect({'Text': 'done'})
    answers.expect_end()
    gifts.expect_end()


def serve_relay_give(server):
    given, script = give_ends(server.ret)
    server.ret.send(given)
    script()
    server.ret.close()


def serve_relay_take(server):
    take_ends(server.peer, server.request)
    server.ret.send_and_close({'Text': 'done'})


SCENARIOS = {
    'byte-streams': (call_byte_streams, serve_byte_streams),
    'send-back': (call_send_back, serve_send_back),
    'relay': (call_relay, None),
    'relay-give': (None, serve_relay_give),
    'relay-take': (None, serve_relay_take),
}
