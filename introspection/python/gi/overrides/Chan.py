# SPDX-License-Identifier: LGPL-2.1-or-later
"""libchan-glib for Python: plain values as messages, iteration, await, context managers, Ctrl-C.

The names are those of the C interface. A blocking method blocks in Python too; one that ends in _async gives an
awaitable, or, called with a callback, does what it does in C. docs/python.md is the guide.
"""

from gi.module import get_introspection_module
from gi.overrides import _chan_classes as classes
from gi.overrides import _chan_loop as loops
from gi.overrides import _chan_request as requests
from gi.overrides import _chan_select as cases
from gi.overrides import _chan_transport as transports
from gi.overrides import _chan_wait as wait
from gi.overrides import override
from gi.overrides._chan_values import Packer, unpack
from gi.repository import Gio, GLib

Chan = get_introspection_module('Chan')
__all__ = []


def exported(item):
    __all__.append(item.__name__)
    return item


def overriding(cls):
    return exported(override(cls))


def _blocking(call, begin, finish, timeout, cancellable, *arguments):
    """call(*arguments, deadline, cancellable); in the main thread begin() and finish(), so that Ctrl-C ends it."""
    deadline = wait.deadline_after(timeout)
    if not wait.in_main_thread():
        return call(*arguments, deadline, cancellable)
    return wait.until_finished(lambda own, callback: begin(*arguments, GLib.PRIORITY_DEFAULT, own, callback),
                               finish, cancellable, deadline)


def _awaited(begin, finish, priority, cancellable, *arguments):
    """begin(*arguments, priority, cancellable, callback), then finish(result), as an awaitable."""
    return loops.finished(lambda own, callback: begin(*arguments, priority, own, callback), finish, cancellable)


# --- messages ----------------------------------------------------------------------------------------------------

_to_json = Chan.Message.to_json
_get_handle = Chan.Message.get_handle
_lookup_handle = Chan.Message.lookup_handle
_packer = Packer(Chan.Message, (Chan.Sender, Chan.Receiver, Chan.Fd, Gio.IOStream, Gio.InputStream, Gio.OutputStream))
_pack = _packer.pack


class Message(Chan.Message):
    """A dict, list, str, int, float, bool, None or bytes, with channel ends and streams anywhere in it."""

    def __new__(cls, value):
        return _pack(value)

    def __init__(self, *_arguments):
        """The values are there already."""

    @staticmethod
    def pack(value):
        return _pack(value)

    def unpack(self):
        """The value as a new object; a channel end in it is the message's own."""
        return unpack(self, _to_json, _get_handle)

    def _value(self):
        try:
            return self._unpacked
        except AttributeError:
            self._unpacked = self.unpack()
            return self._unpacked

    def __getitem__(self, key):
        # A channel for the answer is often all that is looked at.
        if not hasattr(self, '_unpacked') and isinstance(key, str):
            handle = _lookup_handle(self, key)
            if handle is not None:
                return handle
        return self._value()[key]

    def __contains__(self, key):
        return key in self._value()

    def __iter__(self):
        return iter(self._value())

    def __len__(self):
        return len(self._value())

    def get(self, key, default=None):
        return self._value().get(key, default)

    def keys(self):
        return self._value().keys()

    def __repr__(self):
        text = _to_json(self)
        return f'<Chan.Message {text if len(text) <= 200 else text[:199] + "…"}>'


Message = overriding(Message)


def _message(value):
    return value if isinstance(value, Chan.Message) else _pack(value)


# --- channels ----------------------------------------------------------------------------------------------------

_try_send = Chan.Sender.try_send
_try_receive = Chan.Receiver.try_receive
_receive_until = Chan.Receiver.receive_until
_wait_until = Chan.Receiver.wait_until
_try_request = Chan.Sender.try_request
_request_until = Chan.Sender.request_until
_TAKE_MESSAGE, _TAKE_CLOSED = Chan.Take.MESSAGE, Chan.Take.CLOSED


class Sender(Chan.Sender):
    """The sending end of a channel; `with` closes it, or resets it if something was raised."""

    def send(self, value, cancellable=None, *, timeout=None):
        """Sends a value or a message, waiting while the channel is full, at most `timeout` seconds."""
        message = _message(value)
        deadline = wait.deadline_after(timeout)
        if not wait.in_main_thread():
            return Chan.Sender.send_until(self, message, deadline, cancellable)
        while True:
            wait.raise_if_cancelled(cancellable)
            try:
                return _try_send(self, message)
            except GLib.Error as error:
                if not cases.is_full(error):
                    raise
            if self.get_capacity() == 0:
                return wait.until_finished(lambda own, done: Chan.Sender.send_async(self, message, GLib.PRIORITY_DEFAULT, own, done),
                                           self.send_finish, cancellable, deadline)
            wait.until_ready([self.create_source(cancellable)], deadline)

    def try_send(self, value):
        """Sends if that needs no waiting; else raises Gio.IOErrorEnum.WOULD_BLOCK."""
        return _try_send(self, _message(value))

    def send_async(self, value, io_priority=GLib.PRIORITY_DEFAULT, cancellable=None, callback=None, *user_data):
        message = _message(value)
        if callback is not None:
            return Chan.Sender.send_async(self, message, io_priority, cancellable, callback, *user_data)
        return self._send(message, io_priority, cancellable)

    async def _send(self, message, io_priority, cancellable):
        await loops.relax()
        # What is awaited by being ready and then taken cannot be done and cancelled at once.
        # A rendezvous is made by the receiver, so that there is nothing to be ready for.
        while self.get_capacity() > 0:
            wait.raise_if_cancelled(cancellable)
            try:
                return _try_send(self, message)
            except GLib.Error as error:
                if not cases.is_full(error):
                    raise
            await loops.ready(self.create_source(cancellable))
        return await loops.finished(
            lambda own, done: Chan.Sender.send_async(self, message, io_priority, own, done), self.send_finish, cancellable)

    def request(self, value, reply_key, cancellable=None, *, timeout=None):
        """Sends a dict with a return channel under `reply_key`; gives the answer."""
        message, deadline = _message(value), wait.deadline_after(timeout)
        if not wait.in_main_thread():
            return _request_until(self, message, reply_key, deadline, cancellable)
        return requests.request(self, message, reply_key, deadline, cancellable)

    def try_request(self, value, reply_key):
        """Sends a request if that needs no waiting; gives the receiver of what is answered."""
        return _try_request(self, _message(value), reply_key)

    def request_async(self, value, reply_key, io_priority=GLib.PRIORITY_DEFAULT, cancellable=None, callback=None, *user_data):
        message = _message(value)
        if callback is not None:
            return Chan.Sender.request_async(self, message, reply_key, io_priority, cancellable, callback, *user_data)
        return _awaited(Chan.Sender.request_async, self.request_finish, io_priority, cancellable, self, message, reply_key)

    def abort(self, reason):
        """Ends the channel with an error: a GLib.Error, or a text."""
        if not isinstance(reason, GLib.Error):
            reason = GLib.Error.new_literal(Chan.channel_error_quark(), str(reason), Chan.ChannelError.RESET)
        return Chan.Sender.abort(self, reason)

    def __enter__(self):
        return self

    def __exit__(self, kind, _error, _traceback):
        if kind is None:
            self.close()
        else:
            self.reset()

    async def __aenter__(self):
        return self

    async def __aexit__(self, kind, error, trace):
        self.__exit__(kind, error, trace)


Sender = overriding(Sender)


class Receiver(Chan.Receiver):
    """The receiving end of a channel: iterate over it, with `for` or `async for`; `with` closes it."""

    def receive(self, cancellable=None, *, timeout=None):
        """The next message; None when the sender closed the channel and everything was taken."""
        deadline = wait.deadline_after(timeout)
        if not wait.in_main_thread():
            return _receive_until(self, deadline, cancellable)
        return self._receive_before(deadline, cancellable)

    def _receive_before(self, deadline, cancellable):
        """In the main thread."""
        while True:
            wait.raise_if_cancelled(cancellable)
            take, message = _try_receive(self)
            if take == _TAKE_MESSAGE:
                return message
            if take == _TAKE_CLOSED:
                return None
            wait.until_readable(_wait_until, self, deadline, cancellable)

    def receive_async(self, io_priority=GLib.PRIORITY_DEFAULT, cancellable=None, callback=None, *user_data):
        if callback is not None:
            return Chan.Receiver.receive_async(self, io_priority, cancellable, callback, *user_data)
        return self._receive(cancellable)

    async def _receive(self, cancellable=None):
        await loops.relax()
        while True:
            wait.raise_if_cancelled(cancellable)
            take, message = _try_receive(self)
            if take == _TAKE_MESSAGE:
                return message
            if take == _TAKE_CLOSED:
                return None
            await loops.ready(self.create_source(cancellable))

    def splice(self, sender, cancellable=None, *, timeout=None):
        """Forwards everything to the sender, until the channel's end."""
        return _blocking(self.splice_until, self.splice_async, self.splice_finish, timeout, cancellable, sender)

    def splice_async(self, sender, io_priority=GLib.PRIORITY_DEFAULT, cancellable=None, callback=None, *user_data):
        if callback is not None:
            return Chan.Receiver.splice_async(self, sender, io_priority, cancellable, callback, *user_data)
        return _awaited(Chan.Receiver.splice_async, self.splice_finish, io_priority, cancellable, self, sender)

    def __iter__(self):
        return self

    def __next__(self):
        message = self.receive()
        if message is None:
            raise StopIteration
        return message

    def __aiter__(self):
        return self

    async def __anext__(self):
        message = await self._receive()
        if message is None:
            raise StopAsyncIteration
        return message

    def __enter__(self):
        return self

    def __exit__(self, _kind, _error, _traceback):
        self.close()

    async def __aenter__(self):
        return self

    async def __aexit__(self, _kind, _error, _traceback):
        self.close()


Receiver = overriding(Receiver)


# --- select ------------------------------------------------------------------------------------------------------


def _list_cases(given):
    """[(end, message or None)]: whether one of them needs a rendezvous, and the list."""
    listed = [(case, None) if isinstance(case, Chan.Receiver) else (case[0], _message(case[1])) for case in given]
    if not listed:
        raise ValueError('nothing to select from')
    return any(message is not None and end.get_capacity() == 0 for end, message in listed), listed


@exported
def select(*given, timeout=None, cancellable=None):
    """Does exactly one of the cases, one that can be done: each is a receiver, or (sender, value).

    Gives (end, message): which it was, and what a receiver received: None when its channel is over. An error of a
    channel is raised, with the channel's end as its attribute `end`.
    """
    rendezvous, listed = _list_cases(given)
    if rendezvous or not wait.in_main_thread():
        selector, selected = cases.selector_for(listed)
        return selected(_blocking(selector.wait_until, selector.wait_async, selector.wait_finish, timeout, cancellable))
    deadline = wait.deadline_after(timeout)
    while True:
        wait.raise_if_cancelled(cancellable)
        done = cases.try_cases(listed)
        if done is not None:
            return done
        wait.until_ready([end.create_source(cancellable) for end, _message in listed], deadline)


@exported
async def select_async(*given, cancellable=None):
    """select(), awaited."""
    await loops.relax()
    rendezvous, listed = _list_cases(given)
    if rendezvous:
        # A sender without a queue must be waiting for its receiver, so that being ready and taking are one.
        selector, selected = cases.selector_for(listed)
        return await loops.finished(
            lambda own, done: selector.wait_async(GLib.PRIORITY_DEFAULT, own, done),
            lambda result: selected(selector.wait_finish(result)), cancellable)
    while True:
        wait.raise_if_cancelled(cancellable)
        done = cases.try_cases(listed)
        if done is not None:
            return done
        await loops.ready(*(end.create_source(cancellable) for end, _message in listed))


# --- sessions ----------------------------------------------------------------------------------------------------


class Session(Chan.Session):
    """A connection: iterate over the channels that the peer opens; `with` closes it, or aborts it on an exception."""

    def open_channel(self, name=None):
        return Chan.Session.open_channel(self, name)

    def accept_channel(self, cancellable=None, *, timeout=None):
        """The next channel that the peer opened; None when the session was closed."""
        return _blocking(self.accept_channel_until, self.accept_channel_async, self.accept_channel_finish, timeout, cancellable)

    def accept_channel_async(self, io_priority=GLib.PRIORITY_DEFAULT, cancellable=None, callback=None, *user_data):
        if callback is not None:
            return Chan.Session.accept_channel_async(self, io_priority, cancellable, callback, *user_data)
        return _awaited(Chan.Session.accept_channel_async, self.accept_channel_finish, io_priority, cancellable, self)

    def close(self, cancellable=None, *, timeout=None):
        """Ends the session when everything was delivered."""
        return _blocking(self.close_until, self.close_async, self.close_finish, timeout, cancellable)

    def close_async(self, io_priority=GLib.PRIORITY_DEFAULT, cancellable=None, callback=None, *user_data):
        if callback is not None:
            return Chan.Session.close_async(self, io_priority, cancellable, callback, *user_data)
        return _awaited(Chan.Session.close_async, self.close_finish, io_priority, cancellable, self)

    def ping(self, cancellable=None, *, timeout=None):
        """The round trip, in microseconds."""
        _ok, microseconds = _blocking(self.ping_until, self.ping_async, self.ping_finish, timeout, cancellable)
        return microseconds

    def ping_async(self, io_priority=GLib.PRIORITY_DEFAULT, cancellable=None, callback=None, *user_data):
        if callback is not None:
            return Chan.Session.ping_async(self, io_priority, cancellable, callback, *user_data)
        return _awaited(Chan.Session.ping_async, lambda result: self.ping_finish(result)[1], io_priority, cancellable, self)

    def __iter__(self):
        return iter(self.accept_channel, None)

    def __aiter__(self):
        return self

    async def __anext__(self):
        channel = await self.accept_channel_async()
        if channel is None:
            raise StopAsyncIteration
        return channel

    def __enter__(self):
        return self

    def __exit__(self, kind, _error, _traceback):
        if kind is None:
            self.close()
        else:
            self.abort()

    async def __aenter__(self):
        return self

    async def __aexit__(self, kind, _error, _traceback):
        if kind is None:
            await self.close_async()
        else:
            self.abort()


Session = overriding(Session)


class Listener(Chan.Listener):
    """An address at which sessions come in: iterate over it; `with` closes it."""

    def accept(self, cancellable=None, *, timeout=None):
        """The next session; None when the listener was closed."""
        return _blocking(self.accept_until, self.accept_async, self.accept_finish, timeout, cancellable)

    def accept_async(self, io_priority=GLib.PRIORITY_DEFAULT, cancellable=None, callback=None, *user_data):
        if callback is not None:
            return Chan.Listener.accept_async(self, io_priority, cancellable, callback, *user_data)
        return _awaited(Chan.Listener.accept_async, self.accept_finish, io_priority, cancellable, self)

    def close(self):
        """Stops listening. A transport in Python has cleaned up when this returns."""
        Chan.Listener.close(self)
        transports.wait_for_end(self)

    def __iter__(self):
        return iter(self.accept, None)

    def __aiter__(self):
        return self

    async def __anext__(self):
        session = await self.accept_async()
        if session is None:
            raise StopAsyncIteration
        return session

    def __enter__(self):
        return self

    def __exit__(self, _kind, _error, _traceback):
        self.close()

    async def __aenter__(self):
        return self

    async def __aexit__(self, _kind, _error, _traceback):
        self.close()


Listener = overriding(Listener)


@exported
def connect(uri, cancellable=None, *, timeout=None):
    """A session with whoever listens at `uri`, which may be @name of a configured endpoint."""
    return _blocking(Chan.connect_until, Chan.connect_async, Chan.connect_finish, timeout, cancellable, uri)


@exported
def connect_async(uri, io_priority=GLib.PRIORITY_DEFAULT, cancellable=None, callback=None, *user_data):
    if callback is not None:
        return Chan.connect_async(uri, io_priority, cancellable, callback, *user_data)
    return _awaited(Chan.connect_async, Chan.connect_finish, io_priority, cancellable, uri)


@exported
def listen(uri, cancellable=None, *, timeout=None):
    """Listens at `uri`, which may be @name of a configured endpoint."""
    return _blocking(Chan.listen_until, Chan.listen_async, Chan.listen_finish, timeout, cancellable, uri)


@exported
def listen_async(uri, io_priority=GLib.PRIORITY_DEFAULT, cancellable=None, callback=None, *user_data):
    if callback is not None:
        return Chan.listen_async(uri, io_priority, cancellable, callback, *user_data)
    return _awaited(Chan.listen_async, Chan.listen_finish, io_priority, cancellable, uri)


StreamTransport = exported(transports.StreamTransport)


# --- loops -------------------------------------------------------------------------------------------------------

spawn = exported(loops.spawn)
start = exported(loops.start)
run = exported(loops.run)
sleep = exported(loops.sleep)
Task = exported(loops.Task)

classes.make(Chan)
