#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The typelib from Python, without overrides: pipes, errors, asynchronous calls."""

import os
import sys
import threading
import time
import traceback
import warnings

import gi

gi.require_version('Chan', '1')
from gi.repository import Chan, Gio, GLib  # noqa: E402

TIMEOUT_MS = 20000


def message(text):
    return Chan.Message.new(GLib.Variant('s', text))


def assert_raises(domain, code, function, *arguments):
    try:
        function(*arguments)
    except GLib.Error as error:
        assert error.matches(domain, code), f'another error: {error.domain} {error.code} {error.message}'
        assert error.message, 'an error without a message'
        return
    raise AssertionError('no error')


def test_round_trip():
    sender, receiver = Chan.pipe_new(4)
    assert isinstance(sender, Chan.Sender) and isinstance(receiver, Chan.Receiver)
    assert sender.get_capacity() == 4
    body = GLib.Variant('(sxd)', ('text', 1 << 40, 0.5))
    assert sender.send(Chan.Message.new(body), None)
    assert receiver.receive(None).get_body().unpack() == ('text', 1 << 40, 0.5)


def test_order_and_close():
    sender, receiver = Chan.pipe_new(8)
    for i in range(8):
        sender.send(message(str(i)), None)
    sender.close()
    received = []
    while True:
        got = receiver.receive(None)
        if got is None:
            break
        received.append(got.get_body().unpack())
    assert received == [str(i) for i in range(8)], received


def test_handle_moves():
    sender, receiver = Chan.pipe_new(1)
    answer_sender, answer_receiver = Chan.pipe_new(1)
    request = Chan.Message.new_with_handles(GLib.Variant('h', 0), [answer_sender])
    sender.send(request, None)
    request = receiver.receive(None)
    assert request.get_n_handles() == 1
    request.steal_handle(0).send(message('answer'), None)
    assert answer_receiver.receive(None).get_body().unpack() == 'answer'


def test_json():
    text = Chan.Message.new_from_json('{"Cmd": "ls", "Args": ["-l", 1, true, null]}', []).to_json()
    assert '"Cmd"' in text and '"-l"' in text, text


def test_full_would_block():
    sender, _receiver = Chan.pipe_new(1)
    assert sender.try_send(message('fits'))
    assert_raises(Gio.io_error_quark(), Gio.IOErrorEnum.WOULD_BLOCK, sender.try_send, message('does not'))


def test_try_receive():
    sender, receiver = Chan.pipe_new(1)
    take, got = receiver.try_receive()
    assert take == Chan.Take.EMPTY and got is None
    sender.send(message('there'), None)
    take, got = receiver.try_receive()
    assert take == Chan.Take.MESSAGE and got.get_body().unpack() == 'there'


def test_send_to_closed():
    sender, receiver = Chan.pipe_new(1)
    receiver.close()
    assert_raises(Chan.channel_error_quark(), Chan.ChannelError.CLOSED, sender.send, message('late'), None)


def test_cancelled():
    _sender, receiver = Chan.pipe_new(1)
    cancellable = Gio.Cancellable()
    threading.Timer(0.05, cancellable.cancel).start()
    assert_raises(Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED, receiver.receive, cancellable)


def test_unknown_scheme():
    assert_raises(Chan.channel_error_quark(), Chan.ChannelError.NO_TRANSPORT,
                  Chan.connect, 'nosuchscheme://nowhere', None)


def test_enumerations_have_their_types():
    assert all(kind.__gtype__.name == f'Chan{kind.__name__}'
               for kind in (Chan.ChannelError, Chan.LinkFlags, Chan.SessionRole, Chan.SessionState, Chan.StreamKind, Chan.Take))
    listener = Chan.listen('memory:enumerations', None)
    session = Chan.connect('memory:enumerations', None)
    with warnings.catch_warnings():
        warnings.simplefilter('error')     # PyGObject compares values of two types, and warns
        assert session.props.state == Chan.SessionState.OPEN
    assert isinstance(session.props.state, Chan.SessionState)
    session.abort()
    listener.close()


def run_loop(start):
    """Runs a main loop until `start` (quit) has called quit; returns what it was given."""
    loop = GLib.MainLoop()
    result = []

    def end(value):
        result.append(value)
        loop.quit()

    timer = GLib.timeout_add(TIMEOUT_MS, lambda: end(AssertionError('timed out')) or True)
    start(end)
    loop.run()
    GLib.source_remove(timer)
    if isinstance(result[0], Exception):
        raise result[0]
    return result[0]


def test_async():
    sender, receiver = Chan.pipe_new(1)

    def start(end):
        def received(source, result):
            end(source.receive_finish(result).get_body().unpack())

        def sent(source, result):
            assert source.send_finish(result)

        receiver.receive_async(GLib.PRIORITY_DEFAULT, None, received)
        sender.send_async(message('later'), GLib.PRIORITY_DEFAULT, None, sent)

    assert run_loop(start) == 'later'


def test_async_error():
    _sender, receiver = Chan.pipe_new(1)
    cancellable = Gio.Cancellable()

    def start(end):
        def received(source, result):
            try:
                end(AssertionError(f'received {source.receive_finish(result)}'))
            except GLib.Error as error:
                end(error.matches(Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED))

        receiver.receive_async(GLib.PRIORITY_DEFAULT, cancellable, received)
        GLib.idle_add(cancellable.cancel)

    assert run_loop(start) is True


def test_source():
    sender, receiver = Chan.pipe_new(1)

    def start(end):
        source = receiver.create_source(None)
        source.set_callback(lambda *_data: end(receiver.try_receive()[1].get_body().unpack()) or GLib.SOURCE_REMOVE)
        source.attach(None)
        GLib.idle_add(lambda: sender.try_send(message('ready')) and GLib.SOURCE_REMOVE)

    assert run_loop(start) == 'ready'


def carry(handle):
    sender, receiver = Chan.pipe_new(1)
    sender.send(Chan.Message.new_with_handles(GLib.Variant('h', 0), [handle]), None)
    return receiver.receive(None).steal_handle(0)


def test_file_descriptor():
    read_end, write_end = os.pipe()
    fd = Chan.Fd.new(write_end)
    moved = carry(fd)
    assert isinstance(moved, Chan.Fd)
    assert fd.get() == -1
    assert_raises(Chan.channel_error_quark(), Chan.ChannelError.MOVED, fd.dup)
    copy = moved.dup()
    assert not os.get_inheritable(copy)
    os.write(copy, b'one ')
    os.close(copy)
    with os.fdopen(moved.steal(), 'wb') as file:
        file.write(b'two')
    assert moved.get() == -1
    with os.fdopen(read_end, 'rb') as file:
        assert file.read() == b'one two'


def test_streams():
    file, stream = Gio.File.new_tmp('chan-smoke-XXXXXX')
    # Whoever drops the byte stream ends its halves.
    written = carry(stream.get_output_stream())
    assert isinstance(written, Chan.ByteStream)
    written.get_output_stream().write_all(b'through a message', None)
    written.get_output_stream().close(None)
    memory = carry(Gio.MemoryInputStream.new_from_bytes(GLib.Bytes.new(b'from memory')))
    assert memory.get_input_stream().read_bytes(100, None).get_data() == b'from memory'
    assert memory.get_input_stream().read_bytes(100, None).get_size() == 0
    while not stream.get_output_stream().is_closed():
        time.sleep(0.001)
    source = carry(file.read(None))
    assert source.get_input_stream().read_bytes(100, None).get_data() == b'through a message'
    file.delete(None)


def test_another_thread():
    sender, receiver = Chan.pipe_new(0)
    thread = threading.Thread(target=lambda: sender.send(message('handed over'), None))
    thread.start()
    assert receiver.receive(None).get_body().unpack() == 'handed over'
    thread.join(TIMEOUT_MS / 1000)
    assert not thread.is_alive()


def main():
    tests = [(name, function) for name, function in globals().items() if name.startswith('test_')]
    print(f'1..{len(tests)}')
    failed = 0
    for number, (name, function) in enumerate(tests, 1):
        try:
            function()
            print(f'ok {number} {name}', flush=True)
        except Exception:  # pylint: disable=broad-except
            failed += 1
            print(f'not ok {number} {name}', flush=True)
            for line in traceback.format_exc().splitlines():
                print('#', line, flush=True)
    sys.exit(1 if failed else 0)


main()
