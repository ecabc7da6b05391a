# SPDX-License-Identifier: LGPL-2.1-or-later
"""The loops under which a coroutine may run."""

import asyncio
import sys
import types

from gi.repository import Chan, GLib


def run_spawned(coroutine):
    """Without asyncio: in a GLib main loop."""
    loop = GLib.MainLoop()
    task = Chan.spawn(coroutine)
    task.add_done_callback(lambda _task: loop.quit())
    if not task.done():
        loop.run()
    return task.result()


def native_loop_class():
    """What PyGObject 3.50 and later have as gi.events.GLibEventLoop, as far as others may rely on it: its module and name,
    that it is an asyncio.SelectorEventLoop made for a main context, which it iterates and has as `_context`. The real
    one is taken where there is one."""
    try:
        from gi.events import GLibEventLoop     # pylint: disable=import-outside-toplevel
    except ImportError:
        from gi.overrides._chan_loop import _Selector       # pylint: disable=import-outside-toplevel
    else:
        return GLibEventLoop

    def init(self, main_context):
        self._context = main_context
        asyncio.SelectorEventLoop.__init__(self, _Selector(main_context))

    namespace = {'__init__': init, '__module__': 'gi.events'}
    return types.new_class('GLibEventLoop', (asyncio.SelectorEventLoop,), {}, lambda body: body.update(namespace))


def run_native(coroutine):
    loop_class = native_loop_class()
    with asyncio.Runner(loop_factory=lambda: loop_class(GLib.MainContext.default())) as runner:
        return runner.run(coroutine)


ASYNCIO = {'asyncio': asyncio.run, 'Chan.run': Chan.run, 'gi.events': run_native}
ALL = ASYNCIO | {'Chan.spawn': run_spawned}
assert sys.version_info >= (3, 11)
