# SPDX-License-Identifier: LGPL-2.1-or-later
"""Blocking calls that Ctrl-C ends, and the thread that waits for loops which know nothing of GLib.

A blocking call is in C, without the interpreter's lock, and a signal only makes Python remember that a handler is due.
Where Python runs its handlers, in the main thread, a wait is therefore one that takes nothing and can be ended and begun
again, so that a handler may raise (as Ctrl-C's does) or not. Other threads make the blocking call itself.

There are two such waits. One in C for a receiver, which a thread here ends when there is something in Python's wakeup
socket; and one by iterating a main context of our own, in which that socket is polled too, for all else. The callbacks
in that context must be functions written in C: a handler that is due runs when a Python function is
entered, and what it raises would end in PyGObject, which prints it.
"""

import contextlib
import operator
import os
import signal
import socket
import threading

from gi.repository import Gio, GLib, GObject

try:
    # GLib.Source.set_callback() of PyGObject 3.42 loses some 100 bytes with each call.
    from gi._gi import source_set_callback as set_callback
except ImportError:
    set_callback = GLib.Source.set_callback

# Without what newer versions put around them: that looks for a loop of gi.events, and under its policy makes one, for
# contexts which are nobody else's.
_iterate = super(GLib.MainContext, GLib.MainContext).iteration
_run_main_loop = super(GLib.MainLoop, GLib.MainLoop).run

# How long an interrupted call may take to give back what it holds.
GIVE_UP_MS = 200


def raise_if_cancelled(cancellable):
    if cancellable is not None and cancellable.is_cancelled():
        raise GLib.Error.new_literal(Gio.io_error_quark(), 'Operation was cancelled', Gio.IOErrorEnum.CANCELLED)


def timed_out_error():
    return GLib.Error.new_literal(Gio.io_error_quark(), 'The operation timed out', Gio.IOErrorEnum.TIMED_OUT)


def deadline_after(timeout):
    """Monotonic microseconds, and 0 for never, as the library takes it; `timeout` in seconds."""
    return 0 if timeout is None else max(1, GLib.get_monotonic_time() + round(timeout * 1000000))


@contextlib.contextmanager
def cancelling(cancellable, other):
    """Until its end, the one cancels the other. PyGObject loses some 100 bytes with each Gio.Cancellable.connect()."""
    link = GObject.Object.connect(cancellable, 'cancelled', lambda _cancellable: other.cancel())
    try:
        # Nobody tells of what was before.
        if cancellable.is_cancelled():
            other.cancel()
        yield
    finally:
        GObject.Object.disconnect(cancellable, link)


@contextlib.contextmanager
def cancelled_with(cancellable):
    """A Gio.Cancellable of our own, which the caller's cancels too."""
    own = Gio.Cancellable.new()
    if cancellable is None:
        yield own
        return
    with cancelling(cancellable, own):
        yield own


class _Waiter:
    """Waits in the main thread."""

    def __init__(self):
        self.context = GLib.MainContext.new()
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        self._wakeup_fd = self._writer.fileno()
        self._source = GLib.unix_fd_source_new(self._reader.fileno(), GLib.IOCondition.IN)
        self._source.set_callback(operator.truth, True)     # SOURCE_CONTINUE
        self._source.attach(self.context)

    def _drain(self, before):
        """What Python wrote goes on to whom it would have told."""
        with contextlib.suppress(BlockingIOError):
            numbers = self._reader.recv(4096)
            if before >= 0 and before != self._wakeup_fd:
                with contextlib.suppress(OSError):
                    os.write(before, numbers)

    def iterate_until(self, box, expired=()):
        """Until the box or `expired` is not empty."""
        before = signal.set_wakeup_fd(self._wakeup_fd, warn_on_full_buffer=False)
        # What a call does next, in its callbacks, it does in the thread-default context.
        self.context.push_thread_default()
        try:
            while not box and not expired:
                _iterate(self.context, True)
                self._drain(before)
        finally:
            # The turn is over: what this thread sends is no more put off to its end.
            self.context.prepare()
            self.context.pop_thread_default()
            with contextlib.suppress(ValueError):       # it was closed meanwhile
                signal.set_wakeup_fd(before, warn_on_full_buffer=False)

    def timer(self, milliseconds):
        """(source, list): the list is not empty once they have passed."""
        expired = []
        source = GLib.timeout_source_new(milliseconds)
        set_callback(source, expired.append, True)
        source.attach(self.context)
        return source, expired

    def wait_for(self, box, deadline):
        """Whether it is not empty before the deadline."""
        if deadline == 0:
            self.iterate_until(box)
            return True
        timer, expired = self.timer(max(0, deadline - GLib.get_monotonic_time() + 999) // 1000)
        try:
            self.iterate_until(box, expired)
        finally:
            timer.destroy()
        return bool(box)


class _Interrupt:
    """Ends what waits in C in the main thread when a signal comes."""

    def __init__(self):
        self.cancellable = Gio.Cancellable.new()
        # Kept: without one, each wait would make a file descriptor of its own.
        self._fd = self.cancellable.get_fd()
        self._reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)
        self._wakeup_fd = self._writer.fileno()
        self._before = -1
        threading.Thread(target=self._watch, name='chan-signals', daemon=True).start()

    def _watch(self):
        while (numbers := self._reader.recv(4096)):
            before = self._before
            self.cancellable.cancel()
            # What Python wrote goes on to whom it would have told.
            if before >= 0:
                with contextlib.suppress(OSError):
                    os.write(before, numbers)

    def call(self, wait, receiver, deadline, cancellable):
        """Whether wait(receiver, deadline, cancellable) ended before the deadline, a signal or none."""
        own = self.cancellable
        before = signal.set_wakeup_fd(self._wakeup_fd, warn_on_full_buffer=False)
        if before != self._wakeup_fd:
            self._before = before
        try:
            while not wait(receiver, deadline, own):
                # Between two calls handlers run, and may make calls themselves, which reset it too.
                own.reset()
                raise_if_cancelled(cancellable)
                if 0 < deadline <= GLib.get_monotonic_time():
                    return False
            return True
        finally:
            with contextlib.suppress(ValueError):       # it was closed meanwhile
                signal.set_wakeup_fd(before, warn_on_full_buffer=False)


_interrupt = None


def until_readable(wait, receiver, deadline, cancellable):
    """In the main thread: blocks in wait(receiver, deadline, cancellable), which takes nothing, until it gives True."""
    global _interrupt       # pylint: disable=global-statement
    if _interrupt is None:
        _interrupt = _Interrupt()
    if cancellable is None:
        in_time = _interrupt.call(wait, receiver, deadline, None)
    else:
        with cancelling(cancellable, _interrupt.cancellable):
            in_time = _interrupt.call(wait, receiver, deadline, cancellable)
    if not in_time:
        raise timed_out_error()


_waiter = None


def _get_waiter():
    global _waiter      # pylint: disable=global-statement
    if _waiter is None:
        _waiter = _Waiter()
    return _waiter


def in_main_thread(_main=threading.main_thread, _ident=threading.get_ident):
    return _ident() == _main().ident


def until_ready(sources, deadline):
    """In the main thread: blocks until one of the sources is ready; raises TIMED_OUT at the deadline."""
    waiter = _get_waiter()
    box = []
    for source in sources:
        set_callback(source, box.append, True)
        source.attach(waiter.context)
    try:
        if not waiter.wait_for(box, deadline):
            raise timed_out_error()
    finally:
        for source in sources:
            source.destroy()


def until_finished(start, finish, cancellable, deadline=0):
    """In the main thread: the result of `start(cancellable, callback)`, when that is over."""
    waiter = _get_waiter()
    results = {}
    with cancelled_with(cancellable) as own:
        waiter.context.push_thread_default()
        try:
            start(own, results.__setitem__)
        finally:
            waiter.context.pop_thread_default()
        try:
            in_time = waiter.wait_for(results, deadline)
            if not in_time:
                own.cancel()
                waiter.iterate_until(results)
        except BaseException:
            own.cancel()
            waiter.wait_for(results, deadline_after(GIVE_UP_MS / 1000))
            raise
    result, = results.values()
    try:
        return finish(result)
    except GLib.Error as error:
        if in_time or not error.matches(Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED):
            raise
    raise timed_out_error()


class Bridge:
    """A thread that iterates a main context of its own."""

    _lock = threading.Lock()
    _instance = None

    def __init__(self):
        self.context = GLib.MainContext.new()
        threading.Thread(target=self._run, name='chan-glib', daemon=True).start()

    @classmethod
    def get(cls):
        with cls._lock:
            if cls._instance is None:
                cls._instance = cls()
            return cls._instance

    @classmethod
    def forget(cls):
        """In a child process, where there is no such thread."""
        cls._lock = threading.Lock()
        cls._instance = None

    def _run(self):
        self.context.push_thread_default()
        _run_main_loop(GLib.MainLoop.new(self.context, False))

    def call(self, function):
        source = GLib.idle_source_new()
        source.set_priority(GLib.PRIORITY_DEFAULT)
        source.set_callback(lambda *_: function() and False)
        source.attach(self.context)


def _after_fork():
    global _waiter, _interrupt      # pylint: disable=global-statement
    _waiter = _interrupt = None
    Bridge.forget()


os.register_at_fork(after_in_child=_after_fork)
