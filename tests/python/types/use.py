# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checked, not run: what must be allowed, and what must not; an ignored error that there is not is an error itself."""

import asyncio
import os
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

import gi

gi.require_version('Chan', '1')
from gi.repository import Chan, Gio, GLib

if TYPE_CHECKING:
    from gi.repository.Chan import Handle, Sendable, Value


def values(sender: Chan.Sender, receiver: Chan.Receiver, stream: Gio.IOStream, nested: 'dict[str, list[int]]') -> None:
    plain: 'Value' = {'a': [1, 2.5, True, None, 'x', b'y'], 'b': {'c': (nested, [{'d': GLib.Variant('i', 1)}])}}
    handles: 'list[Handle]' = [sender, receiver, stream, stream.get_input_stream(), Chan.Fd.new(os.dup(0))]
    sendable: 'Sendable' = Chan.Message({'plain': plain, 'handles': handles, 'view': memoryview(b'x')})
    sent: bool = sender.send(sendable, Gio.Cancellable.new(), timeout=1.5)
    sender.try_send(nested)
    message = Chan.Message(['x'])
    size: int = message.get_size() + len(message)
    text: str = message.to_json() + message.unpack()[0] + message['key'] + str(message.get('key', None))
    for part in message:
        print(part, 'key' in message, list(message.keys()), sent, size, text)
    Chan.Message.new_with_handles(GLib.Variant('h', 0), [sender])
    Chan.Message.new_from_json('[]')

    sender.send({1: 'x'})                               # type: ignore[dict-item]
    sender.send({'x': {1, 2}})                          # type: ignore[dict-item]
    sender.send(object())                               # type: ignore[arg-type]
    sender.send(print)                                  # type: ignore[arg-type]
    sender.try_send([asyncio.Event()])                  # type: ignore[list-item]
    sender.send('x', 5)                                 # type: ignore[arg-type]
    sender.send('x', timeout='soon')                    # type: ignore[arg-type]
    Chan.Message()                                      # type: ignore[call-arg]
    Chan.Message.new_from_json(b'[]')                   # type: ignore[arg-type]
    Chan.Fd('x')                                        # type: ignore[arg-type]


def channels(sender: Chan.Sender, receiver: Chan.Receiver) -> None:
    reply, answers = Chan.pipe_new(1)
    answer: Chan.Message = sender.request({'Question': 1}, 'Reply', timeout=2)
    message = answers.receive(timeout=0)
    if message is not None:
        message.unpack()
    for message in receiver:
        message.get('key')
    with sender as same, receiver:
        same.send(answer)
    take, message = receiver.try_receive()
    if take == Chan.Take.MESSAGE and message is not None:
        message.unpack()
    end, message = Chan.select(receiver, answers, (sender, {'a': 1}), timeout=1)
    if end is receiver or isinstance(end, Chan.Sender):
        print(end.get_name(), end.props.capacity, reply.get_peer_closed())
    sender.abort('enough')
    sender.abort(GLib.Error.new_literal(Chan.channel_error_quark(), 'enough', Chan.ChannelError.RESET))
    receiver.set_handler(lambda receiver, message, error, data: None, 'data')
    receiver.create_source().attach(None)
    receiver.receive_until(0)
    done: bool = receiver.splice(sender) and sender.send_until(answer, 0, None)
    print(done)

    receiver.receive().unpack()                         # type: ignore[union-attr]
    receiver.receive(5)                                 # type: ignore[arg-type]
    receiver.receive(wait=5)                            # type: ignore[call-arg]
    receiver.send('x')                                  # type: ignore[attr-defined]
    sender.request({'Question': 1})                     # type: ignore[call-arg]
    sender.send_until({'a': 1}, 0)                      # type: ignore[arg-type]
    sender.props.capacity = 3                           # type: ignore[misc]
    Chan.select((sender, ))                             # type: ignore[arg-type]
    Chan.select(sender)                                 # type: ignore[arg-type]
    Chan.Sender()                                       # type: ignore[call-arg]
    Chan.Session()                                      # type: ignore[call-arg]
    Chan.pipe_new('many')                               # type: ignore[arg-type]
    Chan.Take.NOTHING                                   # type: ignore[attr-defined]
    Chan.no_such_function()                             # type: ignore[attr-defined]


def called_back(source: Chan.Sender, result: Gio.AsyncResult, *data: Any) -> None:
    print(source.send_finish(result), data)


async def coroutines(sender: Chan.Sender, receiver: Chan.Receiver) -> str:
    sent: bool = await sender.send_async({'a': 1})
    nothing: None = sender.send_async({'a': 1}, GLib.PRIORITY_DEFAULT, None, called_back, 'data')
    nothing = sender.send_async({'a': 1}, callback=called_back)
    pending: Coroutine[Any, Any, Chan.Message] = sender.request_async({'Question': 1}, 'Reply')
    answer = await asyncio.create_task(pending)
    async with sender, receiver:
        async for message in receiver:
            message.unpack()
    end, got = await Chan.select_async(receiver, (sender, 'x'))
    await Chan.sleep(0.5)
    task = Chan.spawn(receiver.receive_async())
    task.add_done_callback(lambda task: print(task.result()))
    print(sent, nothing, answer, end, got, await task, await Chan.start(sender.send_async(1)))

    sender.send_async({'a': 1})                         # type: ignore[unused-coroutine]
    (await receiver.receive_async()).unpack()           # type: ignore[union-attr]
    await sender.send_async(object())                   # type: ignore[call-overload]
    await sender.send_async('x', callback=called_back)  # type: ignore[misc]
    receiver.receive_async(0, None, 'no function')      # type: ignore[call-overload]
    await Chan.select_async((receiver, 'x'))            # type: ignore[arg-type]
    Chan.spawn(receiver.receive)                        # type: ignore[arg-type]
    return 'over'


async def serve(listener: Chan.Listener) -> None:
    async with listener:
        async for session in listener:
            async for channel in session:
                await channel.receive_async()
    session_or_none: Chan.Session | None = await listener.accept_async()
    print(session_or_none)


def sessions(config: Chan.Config) -> None:
    listener = Chan.listen('memory:x')
    listener.connect('authorize', lambda _listener, session: session.get_peer_credentials() is not None)
    with listener, Chan.connect(listener.get_uri(), timeout=5) as session:
        sender: Chan.Sender = session.open_channel()
        microseconds: int = session.ping(timeout=1)
        for channel in session:
            channels(sender, channel)
        print(microseconds, session.get_state() == Chan.SessionState.OPEN, session.get_uri())
        session.close()
    stream, far = Chan.byte_pipe_new()
    Chan.Session.new_for_stream(stream, Chan.SessionRole.CLIENT)
    text: str = Chan.run(coroutines(*Chan.pipe_new(1)))
    endpoints: list[str] = config.list_endpoints()
    print(text, endpoints, far, config.load(), Chan.Transport.list_schemes())

    Chan.connect()                                      # type: ignore[call-arg]
    Chan.connect('memory:x', timeout='5')               # type: ignore[arg-type]
    Chan.listen('memory:x', timeout='5')                # type: ignore[arg-type]
    Chan.Session.new_for_stream(stream, 1)              # type: ignore[arg-type]
    listener.accept().open_channel()                    # type: ignore[union-attr]
    session.open_channel(5)                             # type: ignore[arg-type]
    Chan.run(serve)                                     # type: ignore[arg-type]
    number: int = Chan.run(coroutines(*Chan.pipe_new(1)))   # type: ignore[assignment]
    print(number)


class Nowhere(Chan.Transport):
    def do_open_link(self, operation: Chan.Operation) -> bool:
        operation.return_error(GLib.Error.new_literal(Chan.channel_error_quark(), operation.get_uri().get_path(), Chan.ChannelError.FAILED))
        return True

    def do_listen(self, listener: str, operation: Chan.Operation) -> bool:     # type: ignore[override]
        return False


class Somewhere(Chan.StreamTransport):
    def open_stream(self, uri: GLib.Uri, cancellable: Gio.Cancellable) -> Gio.IOStream:
        stream, _far = Chan.byte_pipe_new()
        return stream

    def start_listening(self, uri: str) -> None:      # type: ignore[override]
        pass

    def accept_stream(self, cancellable: Gio.Cancellable) -> Gio.IOStream | None:
        return None


Chan.Transport.register('nowhere', Nowhere)
Chan.Transport.register('somewhere', Somewhere)
