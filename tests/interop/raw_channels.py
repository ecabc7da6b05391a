# SPDX-License-Identifier: LGPL-2.1-or-later
"""Channels in messages, and how channels begin and end, for the raw peer."""

import msgpack_lite as mp
import raw_ends as ends

N_LIST, N_HANDLES, N_MESSAGES, N_UNWANTED = 3, 40, 3000, 100
PADDING = '0123456789abcdef' * 4


# ---- nested, lists, maps, many

def call_nested(caller):
    _, answers = caller.ask('nested-both')
    question = answers.receive()
    ends.same(question['Text'], 'ask')
    ask = ends.take(caller.peer, question['Ask'])
    ret, thanks = ask.give(mp.SENDER)
    ask.send_and_close({'N': 42, 'Ret': ret})
    thanks.expect({'Text': 'thanks'})
    thanks.expect_end()
    answers.expect_end()


def serve_nested(server):
    ask, replies = server.ret.give(mp.SENDER)
    server.ret.send({'Ask': ask, 'Text': 'ask'})
    reply = replies.receive()
    ends.same(reply['N'], 42)
    replies.expect_end()
    ends.take(server.peer, reply['Ret']).send_and_close({'Text': 'thanks'})
    server.ret.close()


def call_receiver(caller):
    channel = caller.open()
    receiver, out = channel.give(mp.RECEIVER)
    answers = caller.send(channel, 'receiver', {'In': receiver})
    out.send_and_close(*({'N': number} for number in range(10)))
    answers.expect({'Sum': 45})
    answers.expect_end()


def serve_receiver(server):
    receiver = server.take('In')
    total = sum(receiver.receive()['N'] for _ in range(10))
    receiver.expect_end()
    server.ret.send_and_close({'Sum': total})


def give_deep(out):
    """A receiver, on which comes a receiver, on which comes a receiver, on which comes a message."""
    path = [out]
    for key in 'ABC':
        receiver, inner = path[-1].give(mp.RECEIVER)
        path[-1].send({key: receiver})
        path.append(inner)
    ret, answers = path[-1].give(mp.SENDER)
    path[-1].send({'Text': 'three deep', 'Ret': ret})
    for inner in path[1:]:
        inner.close()
    answers.expect({'Text': 'from below'})
    answers.expect_end()


def take_deep(receiver):
    path = [receiver]
    for key in 'ABC':
        path.append(ends.take(receiver.peer, path[-1].receive()[key]))
    last = path[-1].receive()
    ends.same(last['Text'], 'three deep')
    for inner in path[1:]:
        inner.expect_end()
    ends.take(receiver.peer, last['Ret']).send_and_close({'Text': 'from below'})


def call_deep(caller):
    channel, answers = caller.ask('three-deep')
    give_deep(channel)
    take_deep(answers)
    answers.expect_end()


def serve_deep(server):
    take_deep(server.channel)
    give_deep(server.ret)
    server.ret.close()


def call_list(caller):
    channel = caller.open()
    outs, receivers = zip(*(channel.give(mp.SENDER) for _ in range(N_LIST)))
    ins, senders = zip(*(channel.give(mp.RECEIVER) for _ in range(N_LIST)))
    answers = caller.send(channel, 'list', {'Outs': list(outs), 'Ins': list(ins)})
    for number, sender in enumerate(senders):
        sender.send_and_close({'N': 10 + number})
    for number, receiver in enumerate(receivers):
        receiver.expect({'N': number})
        receiver.expect_end()
    answers.expect({'Got': [10, 11, 12]})
    answers.expect_end()


def serve_list(server):
    outs, ins = ([ends.take(server.peer, ext) for ext in server.request[key]] for key in ('Outs', 'Ins'))
    ends.same([len(outs), len(ins)], [N_LIST, N_LIST])
    for number, out in enumerate(outs):
        out.send_and_close({'N': number})
    got = []
    for receiver in ins:
        got.append(receiver.receive()['N'])
        receiver.expect_end()
    server.ret.send_and_close({'Got': got})


def call_untyped(caller):
    channel = caller.open()
    ret, texts = channel.give(mp.SENDER)
    receiver, out = channel.give(mp.RECEIVER)
    answers = caller.send(channel, 'untyped', {'Any': {'Name': 'x', 'List': [1, {'Ret': ret, 'Nil': None}, 'two'], 'In': receiver}})
    texts.expect({'Text': 'untyped'})
    texts.expect_end()
    out.send_and_close({'Text': 'in'})
    item, = answers.receive()['Any']
    ends.take(caller.peer, item['Back']).send_and_close({'Text': 'back'})
    answers.expect_end()


def serve_untyped(server):
    anything = server.request['Any']
    first, inner, third = anything['List']
    ends.same([anything['Name'], first, third, sorted(inner), inner['Nil']], ['x', 1, 'two', ['Nil', 'Ret'], None])
    ends.take(server.peer, inner['Ret']).send_and_close({'Text': 'untyped'})
    receiver = ends.take(server.peer, anything['In'])
    receiver.expect({'Text': 'in'})
    receiver.expect_end()
    back, texts = server.ret.give(mp.SENDER)
    server.ret.send({'Any': [{'Back': back}]})
    texts.expect({'Text': 'back'})
    texts.expect_end()
    server.ret.close()


def call_many(caller):
    channel = caller.open()
    outs, receivers = zip(*(channel.give(mp.SENDER) for _ in range(N_HANDLES)))
    if not caller.judged:
        caller.peer.wait_for_replies()
    answers = caller.send(channel, 'many-handles', {'Outs': list(outs)})
    expect_numbers(receivers)
    expect_numbers([ends.take(caller.peer, ext) for ext in answers.receive()['Ins']])
    answers.expect_end()


def expect_numbers(receivers):
    ends.same(len(receivers), N_HANDLES)
    for number, receiver in enumerate(receivers):
        receiver.expect({'N': number})
        receiver.expect_end()


def serve_many(server):
    ends.same(len(server.request['Outs']), N_HANDLES)
    for number, ext in enumerate(server.request['Outs']):
        ends.take(server.peer, ext).send_and_close({'N': number})
    ins, senders = zip(*(server.ret.give(mp.RECEIVER) for _ in range(N_HANDLES)))
    server.ret.send({'Ins': list(ins)})
    for number, sender in enumerate(senders):
        sender.send_and_close({'N': number})
    server.ret.close()


def send_many(sender):
    sender.send_and_close(*({'N': number, 'Text': PADDING} for number in range(N_MESSAGES)))


def receive_many(receiver):
    for number in range(N_MESSAGES):
        receiver.expect({'N': number, 'Text': PADDING})
    receiver.expect_end()


def call_flow(caller):
    channel = caller.open()
    out, received = channel.give(mp.SENDER)
    receiver, sent = channel.give(mp.RECEIVER)
    answers = caller.send(channel, 'flow', {'Out': out, 'In': receiver})
    ends.together(lambda: send_many(sent), lambda: receive_many(received))
    answers.expect_end()


def serve_flow(server):
    out, receiver = server.take('Out'), server.take('In')
    ends.together(lambda: send_many(out), lambda: receive_many(receiver))
    server.ret.close()


# ---- ends

def call_close(caller):
    channel = caller.open()
    receiver, out = channel.give(mp.RECEIVER)
    answers = caller.send(channel, 'close', {'In': receiver})
    out.close()
    answers.expect_end()


def serve_close(server):
    server.take('In').expect_end()
    server.ret.close()


def call_abort(caller):
    channel = caller.open()
    receiver, out = channel.give(mp.RECEIVER)
    answers = caller.send(channel, 'abort', {'In': receiver})
    out.send({'N': 0})
    out.abort()
    answers.expect({'N': 1})
    answers.expect_end()


def serve_abort(server):
    receiver = server.take('In')
    receiver.expect({'N': 0})
    receiver.expect_abort()
    server.ret.send_and_close({'N': 1})


def call_abort_back(caller):
    _, answers = caller.ask('abort-back')
    answers.expect({'N': 1})
    answers.expect_abort()


def serve_abort_back(server):
    server.ret.send({'N': 1})
    server.ret.abort()


def call_receiver_closes(caller):
    channel = caller.open()
    out, unwanted = channel.give(mp.SENDER)
    answers = caller.send(channel, 'receiver-closes', {'Out': out})
    unwanted.close()
    answers.expect({'N': N_UNWANTED})
    answers.expect_end()


def serve_receiver_closes(server):
    """As Go does: it is not told, and goes on."""
    out = server.take('Out')
    out.send_and_close(*({'N': number} for number in range(N_UNWANTED)))
    server.ret.send_and_close({'N': N_UNWANTED})


def call_bare(caller):
    channel, answers = caller.ask('bare')
    out, numbers = channel.give(mp.SENDER)
    channel.send(out)
    channel.send(7)
    numbers.expect(42)
    numbers.expect_end()
    answers.expect('done')
    answers.expect_end()


def serve_bare(server):
    ends.take(server.peer, server.channel.receive()).send_and_close(42)
    server.channel.expect(7)
    server.ret.send_and_close('done')


def call_server_opens(caller):
    _, answers = caller.ask('server-opens')
    channel = ends.Receiver(caller.peer, caller.peer.accept())
    hello = channel.receive()
    ends.same(hello['Text'], 'client')
    ends.take(caller.peer, hello['Ret']).send_and_close({'Text': 'server'})
    channel.expect_end()
    answers.expect({'Text': 'done'})
    answers.expect_end()


def serve_server_opens(server):
    channel = ends.Sender(server.peer, server.peer.open_channel())
    ret, hello = channel.give(mp.SENDER)
    channel.send({'Text': 'client', 'Ret': ret})
    hello.expect({'Text': 'server'})
    hello.expect_end()
    channel.close()
    server.ret.send_and_close({'Text': 'done'})


SCENARIOS = {
    'nested-both': (call_nested, serve_nested),
    'receiver': (call_receiver, serve_receiver),
    'three-deep': (call_deep, serve_deep),
    'list': (call_list, serve_list),
    'untyped': (call_untyped, serve_untyped),
    'many-handles': (call_many, serve_many),
    'flow': (call_flow, serve_flow),
    'close': (call_close, serve_close),
    'abort': (call_abort, serve_abort),
    'abort-back': (call_abort_back, serve_abort_back),
    'receiver-closes': (call_receiver_closes, serve_receiver_closes),
    'bare': (call_bare, serve_bare),
    'server-opens': (call_server_opens, serve_server_opens),
}
