# SPDX-License-Identifier: LGPL-2.1-or-later
"""await, under whatever loop runs.

Under an asyncio loop that knows nothing of GLib the bridge's thread waits, and hands over with call_soon_threadsafe().
A loop that iterates a main context itself (PyGObject's gi.events, run() below) waits in that context, and so does
a coroutine that spawn() runs, which needs no asyncio at all.

What is awaited is taken by the one who awaits it, when it runs again: an await that is cancelled took nothing.
"""

import asyncio
import selectors
import sys
import threading
import traceback

from gi.repository import GLib

from gi.overrides import _chan_wait as wait

# A channel that always has a message must not keep the others of its loop from running.
TAKES_IN_A_ROW = 64
# Others that never rest must not keep it, either.
RELAX_MS = 10

_local = threading.local()      # task: what spawn() runs in this thread just now


class _Bridged:
    """For an asyncio loop that knows nothing of GLib."""

    def __init__(self, loop):
        self._loop = loop
        self.future = loop.create_future()
        self.context = wait.Bridge.get().context

    @staticmethod
    def begin(start):
        wait.Bridge.get().call(start)

    def renew(self):
        self.future = self._loop.create_future()

    def fire(self):
        try:
            self._loop.call_soon_threadsafe(self._settle)
        except RuntimeError:
            pass        # the loop is closed: nobody waits

    def _settle(self):
        if not self.future.done():
            self.future.set_result(None)


class _Direct:
    """For whoever iterates `context` in this thread."""

    def __init__(self, new_future, context):
        self._new_future = new_future
        self.future = new_future()
        self.context = context

    def renew(self):
        self.future = self._new_future()

    def begin(self, start):
        self.context.push_thread_default()
        try:
            start()
        finally:
            self.context.pop_thread_default()

    def fire(self):
        if self.future.done():
            return
        try:
            self.future.set_result(None)
        except RuntimeError:
            # The loop is closed, and nobody waits; else it is of whom this woke.
            if isinstance(self.future, _Pause) or not self.future.get_loop().is_closed():
                raise


def _context_of(loop):
    """The main context that this asyncio loop iterates, or None."""
    if isinstance(loop, Loop):
        return loop.chan_context
    if any(base.__module__ == 'gi.events' for base in type(loop).__mro__):
        return getattr(loop, '_context', None) or GLib.MainContext.ref_thread_default()
    return None


def _run_by_asyncio():
    """What asyncio runs in this thread: a task, or its loop, or None."""
    loop = asyncio._get_running_loop()      # pylint: disable=protected-access
    return None if loop is None else asyncio.current_task(loop) or loop


def _spawned():
    """What spawn() runs, if it is that which runs here: there may be a loop inside it, which has tasks of asyncio."""
    task = getattr(_local, 'task', None)
    return task if task is not None and task.around is _run_by_asyncio() else None


def _new_turn():
    task = _spawned()
    if task is not None:
        return _Direct(_Pause, task.context)
    loop = asyncio.get_running_loop()
    context = _context_of(loop)
    return _Bridged(loop) if context is None else _Direct(loop.create_future, context)


async def ready(*sources):
    """Waits until one of the sources is."""
    turn = _new_turn()

    def dispatched(*_):
        turn.fire()
        return GLib.SOURCE_REMOVE

    for source in sources:
        wait.set_callback(source, dispatched, None)
        source.attach(turn.context)
    try:
        await turn.future
    finally:
        for source in sources:
            source.destroy()


async def finished(start, finish, cancellable=None):
    """The result of an asynchronous call; if the await is cancelled, so is the call.

    What was done although it was cancelled is done: it is the result, and the cancellation comes with the next await.
    """
    turn = _new_turn()
    results = []
    interrupted = False

    def over(_source, result):
        results.append(result)
        turn.fire()

    with wait.cancelled_with(cancellable) as own:
        turn.begin(lambda: start(own, over))
        while not results:
            try:
                await turn.future
            except asyncio.CancelledError:
                own.cancel()
                interrupted = True
                turn.renew()
            except BaseException:
                own.cancel()
                raise
    try:
        value = finish(results[0])
    except GLib.Error:
        if interrupted:
            raise asyncio.CancelledError from None
        raise
    if interrupted:
        _cancel_later()
    return value


def _cancel_later():
    """Cancels once more whoever runs now, when it waits again; not if what cancelled it is over by then."""
    task = _spawned()
    if task is not None:
        task.cancel()
        return
    task = asyncio.current_task()

    def again():
        if not task.done() and task.cancelling() > 0:
            task.uncancel()
            task.cancel()

    asyncio.get_running_loop().call_soon(again)


async def relax():
    """Lets the others of the loop run, every now and then; in a main context also what has a low priority, as drawing."""
    _local.takes = getattr(_local, 'takes', 0) + 1
    if _local.takes < TAKES_IN_A_ROW:
        return
    _local.takes = 0
    if _spawned() is None and _context_of(asyncio.get_running_loop()) is None:
        await asyncio.sleep(0)
    else:
        await ready(GLib.idle_source_new(), GLib.timeout_source_new(RELAX_MS))


async def sleep(seconds):
    """Waits, under any of the loops."""
    await ready(GLib.timeout_source_new(max(0, round(seconds * 1000))))


# --- coroutines in a GLib main loop ------------------------------------------------------------------------------


class _Pause:
    """What a coroutine of spawn() waits for."""

    def __init__(self):
        self._done = False
        self._result = None
        self.waiter = None

    def done(self):
        return self._done

    def set_result(self, result):
        self._done, self._result = True, result
        if self.waiter is not None:
            self.waiter.step()

    def __await__(self):
        if not self._done:
            yield self
        return self._result


class Task:
    """A coroutine that runs in a main context; made by spawn(). It can itself be awaited, in that context."""

    _running = set()

    def __init__(self, coroutine):
        self.context = GLib.MainContext.ref_thread_default()
        self.around = None          # what asyncio runs around its step
        self._coroutine = coroutine
        self._outcome = None        # (result, error)
        self._heard = False         # somebody will know of an error
        self._must_cancel = False
        self._callbacks = []
        self._running.add(self)
        self._step_later()

    def _step_later(self):
        source = GLib.idle_source_new()
        source.set_priority(GLib.PRIORITY_DEFAULT)
        source.set_callback(lambda *_: self.step() and False)
        source.attach(self.context)

    def step(self):
        """Runs it until it waits again."""
        if self._outcome is not None:
            return
        before = getattr(_local, 'task', None)
        _local.task, self.around = self, _run_by_asyncio()
        try:
            if self._must_cancel:
                self._must_cancel = False
                pause = self._coroutine.throw(asyncio.CancelledError())
            else:
                pause = self._coroutine.send(None)
        except StopIteration as stop:
            self._finish(stop.value, None)
        except (KeyboardInterrupt, SystemExit) as error:
            self._finish(None, error)
            raise
        except BaseException as error:  # pylint: disable=broad-except
            self._finish(None, error)
        else:
            self._wait_for(pause)
        finally:
            _local.task = before

    def _wait_for(self, pause):
        if isinstance(pause, _Pause):
            pause.waiter = self
            return
        try:
            self._coroutine.throw(TypeError(f'a coroutine of Chan.spawn() cannot await a {type(pause).__name__}: no asyncio runs it'))
        except StopIteration as stop:
            self._finish(stop.value, None)
        except Exception as error:      # pylint: disable=broad-except
            self._finish(None, error)
        else:
            self._finish(None, RuntimeError('the coroutine did not end'))

    def _finish(self, result, error):
        self._outcome = (result, error)
        self._running.discard(self)
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback(self)

    def done(self):
        return self._outcome is not None

    def cancelled(self):
        return self._outcome is not None and isinstance(self._outcome[1], asyncio.CancelledError)

    def cancel(self):
        """Raises asyncio.CancelledError where it waits."""
        if self._outcome is not None:
            return False
        self._must_cancel = True
        self._step_later()
        return True

    def result(self):
        """What the coroutine returned; raises what it raised."""
        if self._outcome is None:
            raise asyncio.InvalidStateError('the coroutine is not over')
        self._heard = True
        result, error = self._outcome
        if error is not None:
            raise error
        return result

    def add_done_callback(self, callback):
        """Calls callback(task) when it is over."""
        if self._outcome is not None:
            callback(self)
        else:
            self._callbacks.append(callback)

    def __await__(self):
        if self._outcome is None:
            pause = _Pause()

            def over(_task):
                if not pause.done():
                    pause.set_result(None)

            self.add_done_callback(over)
            yield from pause.__await__()
        return self.result()

    def __del__(self):
        error = self._outcome[1] if self._outcome else None
        if error is not None and not self._heard and not isinstance(error, asyncio.CancelledError):
            sys.stderr.write('A coroutine of Chan.spawn() failed, and nobody asked for its result:\n')
            traceback.print_exception(error, file=sys.stderr)


def spawn(coroutine):
    """Runs a coroutine in the thread-default main context, which somebody iterates: no asyncio is needed."""
    return Task(coroutine)


def start(coroutine):
    """A task for it, of whichever kind runs here: of asyncio, or of spawn()."""
    if _spawned() is not None:
        return Task(coroutine)
    return asyncio.get_running_loop().create_task(coroutine)


# --- an asyncio loop that iterates a main context ----------------------------------------------------------------


class _FdSource(GLib.Source):
    """All file descriptors that asyncio watches."""

    def __init__(self, selector):
        super().__init__()
        self._selector = selector

    def prepare(self):
        return False, -1

    def check(self):
        return self._selector.collect(self)

    def dispatch(self, _callback, _arguments):
        return GLib.SOURCE_CONTINUE


class _Selector(selectors._BaseSelectorImpl):   # pylint: disable=protected-access
    """Polls through a main context, whose sources are dispatched meanwhile."""

    def __init__(self, context):
        super().__init__()
        self._context, self._tags, self._ready = context, {}, {}
        self._source = _FdSource(self)
        self._source.attach(context)

    def register(self, fileobj, events, data=None):
        key = super().register(fileobj, events, data)
        condition = GLib.IOCondition(0)
        if events & selectors.EVENT_READ:
            condition |= GLib.IOCondition.IN
        if events & selectors.EVENT_WRITE:
            condition |= GLib.IOCondition.OUT
        self._tags[key.fd] = self._source.add_unix_fd(key.fd, condition)
        return key

    def unregister(self, fileobj):
        key = super().unregister(fileobj)
        self._source.remove_unix_fd(self._tags.pop(key.fd))
        self._ready.pop(key.fd, None)
        return key

    def collect(self, source):
        for fd, tag in self._tags.items():
            condition = source.query_unix_fd(tag)
            events = selectors.EVENT_READ if condition & ~GLib.IOCondition.OUT else 0
            events |= selectors.EVENT_WRITE if condition & ~GLib.IOCondition.IN else 0
            if events:
                self._ready[fd] = events
        return bool(self._ready)

    def select(self, timeout=None):
        self._ready = {}
        timer = None
        if timeout is not None and timeout > 0:
            timer = GLib.timeout_source_new(max(1, round(timeout * 1000)))
            timer.set_callback(lambda *_: GLib.SOURCE_REMOVE)
            timer.attach(self._context)
        try:
            self._context.iteration(timeout is None or timeout > 0)
        finally:
            if timer is not None:
                timer.destroy()
        keys = self.get_map()
        return [(keys[fd], events & keys[fd].events) for fd, events in self._ready.items()
                if fd in keys and events & keys[fd].events]

    def close(self):
        self._source.destroy()
        super().close()


class Loop(asyncio.SelectorEventLoop):
    """An asyncio loop that iterates the thread's main context: callbacks of GLib and tasks of asyncio side by side."""

    def __init__(self):
        self.chan_context = GLib.MainContext.ref_thread_default()
        super().__init__(_Selector(self.chan_context))


def run(coroutine, *, debug=None):
    """asyncio.run() with such a loop."""
    with asyncio.Runner(debug=debug, loop_factory=Loop) as runner:
        return runner.run(coroutine)
