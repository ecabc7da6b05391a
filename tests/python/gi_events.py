# SPDX-License-Identifier: LGPL-2.1-or-later
"""Stands in for gi.events of PyGObject 3.50 and later, where there is none.

It is written from what the published module does (https://gitlab.gnome.org/GNOME/pygobject: gi/events.py, and the parts of
gi/_ossighelper.py and gi/overrides/ that use it, 3.50.0 to 3.57.0), as far as others can notice it:

- A GLibEventLoop is an asyncio.SelectorEventLoop that belongs to a GLib.MainContext, its `_context`. Its selector polls
  nothing: it has a GLib.Source, and what that found when GLib polled. Its select() fails unless that source is being
  dispatched, which is where all callbacks of asyncio run, at GLib.PRIORITY_DEFAULT.
- The source is attached while the loop runs only. The loop runs in run_forever(), by a GLib.MainLoop, and also in
  whatever GLib.MainLoop.run() and Gio.Application.run() there is for its context.
- In GLib.MainContext.iteration() the source is detached, so asyncio stands still. A main loop inside the main loop goes
  on with asyncio, unless asyncio itself runs it: the source does not recurse. stop() ends all of them, the innermost first.
- GLibEventLoopPolicy has one loop for each context: the thread's default one, in the main thread else the default of all.
  A `with policy:` closes them at its end.
- Ctrl-C ends the main loop and is raised where that was run, if Python's own handler was in force.

Left out: priorities of tasks, add_signal_handler() by way of GLib, Windows.
"""

import asyncio
import contextlib
import selectors
import sys
import threading

from gi._ossighelper import register_sigint_fallback, wakeup_on_signal
from gi.repository import Gio, GLib

READING, WRITING = GLib.IOCondition.IN, GLib.IOCondition.OUT
_main_loop_run = super(GLib.MainLoop, GLib.MainLoop).run
_application_run = super(Gio.Application, Gio.Application).run
_context_iteration = super(GLib.MainContext, GLib.MainContext).iteration


class _Source(GLib.Source):
    def __init__(self, selector):
        super().__init__()
        self.set_can_recurse(False)
        self._selector = selector

    def prepare(self):
        return False, self._selector.milliseconds()

    def check(self):
        return self._selector.collect() or self._selector.milliseconds() == 0

    def dispatch(self, _callback, _arguments):
        self._selector.dispatch()
        return GLib.SOURCE_CONTINUE


class _Selector(selectors.BaseSelector):
    def __init__(self, loop):
        self._loop = loop
        self._keys, self._tags, self._found = {}, {}, []
        self._source = _Source(self)
        self.dispatching = False

    def attach(self):
        self._source.attach(self._loop._context)

    def detach(self):
        """What was attached once cannot be again."""
        self._source.destroy()
        self._source = _Source(self)
        for key in self._keys.values():
            self._watch(key)

    def _watch(self, key):
        wanted = READING if key.events & selectors.EVENT_READ else GLib.IOCondition(0)
        wanted |= WRITING if key.events & selectors.EVENT_WRITE else GLib.IOCondition(0)
        self._tags[key.fd] = self._source.add_unix_fd(key.fd, wanted)

    def milliseconds(self):
        return self._loop._milliseconds()

    def collect(self):
        """Whatever is neither asked for wakes both, an error for example."""
        self._found = []
        for fd, key in self._keys.items():
            seen = self._source.query_unix_fd(self._tags[fd])
            events = (selectors.EVENT_READ if seen & ~WRITING else 0) | (selectors.EVENT_WRITE if seen & ~READING else 0)
            if events:
                self._found.append((key, events))
        return bool(self._found)

    def dispatch(self):
        self.dispatching = True
        try:
            self._loop._run_once()
        finally:
            self.dispatching = False

    def select(self, timeout=None):
        if not self.dispatching:
            raise RuntimeError('select() only works while the main context dispatches the source')
        found, self._found = self._found, []
        return found

    def register(self, fileobj, events, data=None):
        fd = fileobj if isinstance(fileobj, int) else fileobj.fileno()
        if fd in self._keys:
            raise KeyError(f'{fd} is registered already')
        key = self._keys[fd] = selectors.SelectorKey(fileobj, fd, events, data)
        self._watch(key)
        return key

    def unregister(self, fileobj):
        key = self._keys.pop(fileobj if isinstance(fileobj, int) else fileobj.fileno())
        self._source.remove_unix_fd(self._tags.pop(key.fd))
        return key

    def get_key(self, fileobj):
        return self._keys[fileobj if isinstance(fileobj, int) else fileobj.fileno()]

    def get_map(self):
        return self._keys

    def close(self):
        self._source.destroy()


class GLibEventLoop(asyncio.SelectorEventLoop):
    def __init__(self, main_context):
        self._context = main_context
        self._main_loop = GLib.MainLoop.new(main_context, False)
        self._run_glib = None
        self._quits = []        # what ends the main loops in which it is, the innermost last
        super().__init__(_Selector(self))
        self._clock_resolution = 1e-3

    def time(self):
        return GLib.get_monotonic_time() / 1000000

    def _milliseconds(self):
        if self._ready:
            return 0
        return max(0, int((self._scheduled[0].when() - self.time()) * 1000)) if self._scheduled else -1

    def run_forever(self):
        if self.is_running():
            raise RuntimeError('This event loop is already running')
        with register_sigint_fallback(self._main_loop.quit):
            self.run_in(lambda: _main_loop_run(self._main_loop), self._main_loop.quit)

    def run_in(self, run_glib, quit_glib):
        """What run_glib() returns, which iterates the context until quit_glib()."""
        self._quits.append(quit_glib)
        results = []
        try:
            if self.is_running():
                return run_glib()
            self._run_glib = lambda: results.append(run_glib())
            self._selector.attach()
            try:
                super().run_forever()
            finally:
                self._selector.detach()
            return results[0]
        finally:
            self._quits.pop()
            if self._quits and self._stopping:
                self._quits[-1]()

    def _run_once(self):
        """asyncio calls it in a loop. The first call is the GLib main loop, and that makes all others."""
        if self._selector.dispatching:
            super()._run_once()
            return
        self._run_glib()
        self._stopping = True

    def stop(self):
        super().stop()
        if self._quits:
            self._quits[-1]()

    @contextlib.contextmanager
    def paused(self):
        if not self.is_running() or self._selector.dispatching:
            yield
            return
        self._selector.detach()
        try:
            yield
        finally:
            self._selector.attach()


class GLibEventLoopPolicy(asyncio.DefaultEventLoopPolicy):
    def __init__(self):
        super().__init__()
        self._loops = {}        # by the address of their context
        self._before = None

    @staticmethod
    def _find_context():
        context = GLib.MainContext.get_thread_default()
        if context is None and threading.current_thread() is threading.main_thread():
            context = GLib.MainContext.default()
        return context

    def get_event_loop(self):
        context = self._find_context()
        if context is None:
            raise RuntimeError('This thread has no main context')
        return self.get_event_loop_for_context(context)

    def get_event_loop_for_context(self, context):
        loop = self._loops.get(hash(context))
        if loop is None or loop.is_closed():
            loop = self._loops[hash(context)] = GLibEventLoop(context)
        return loop

    def set_event_loop(self, loop):
        context = self._find_context()
        if loop is not None:
            if context is not None:
                raise RuntimeError('This thread has a main context already')
            GLib.MainContext.push_thread_default(loop._context)
            self._loops[hash(loop._context)] = loop
        elif self._loops.pop(hash(context), None) and GLib.MainContext.get_thread_default() is not None:
            GLib.MainContext.pop_thread_default(context)

    def new_event_loop(self):
        return GLibEventLoop(GLib.MainContext.new())

    def __enter__(self):
        self._before = asyncio.get_event_loop_policy()
        asyncio.set_event_loop_policy(self)
        return self

    def __exit__(self, *_error):
        for loop in self._loops.values():
            loop.close()
        asyncio.set_event_loop_policy(self._before)


# --- what PyGObject's overrides of GLib and Gio do with it -------------------------------------------------------


def _loop_for(context):
    loop, policy = asyncio._get_running_loop(), asyncio.get_event_loop_policy()
    if loop is None and isinstance(policy, GLibEventLoopPolicy):
        loop = policy.get_event_loop_for_context(context)
    return loop if isinstance(loop, GLibEventLoop) and hash(loop._context) == hash(context) else None


def _run(context, run_glib, quit_glib):
    with register_sigint_fallback(quit_glib):
        loop = _loop_for(context)
        if loop is not None:
            return loop.run_in(run_glib, quit_glib)
        with wakeup_on_signal():
            return run_glib()


def _iterate(context, may_block=True):
    loop = _loop_for(context)
    with contextlib.nullcontext() if loop is None else loop.paused():
        return _context_iteration(context, may_block)


def install():
    """From here on `gi.events` is this, and main loops mind it."""
    for kind in GLibEventLoop, GLibEventLoopPolicy:
        kind.__module__ = 'gi.events'
    sys.modules['gi.events'] = sys.modules[__name__]
    GLib.MainLoop.run = lambda self: _run(self.get_context(), lambda: _main_loop_run(self), self.quit)
    GLib.MainContext.iteration = _iterate
    Gio.Application.run = lambda self, *arguments: _run(GLib.MainContext.default(), lambda: _application_run(self, *arguments), self.quit)
