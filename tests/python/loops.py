# SPDX-License-Identifier: LGPL-2.1-or-later
"""The loops under which a coroutine may run."""

import asyncio
import importlib
import sys
import threading

from gi.repository import Chan, Gio, GLib


def run_spawned(coroutine):
    """Without asyncio: in a GLib main loop."""
    loop = GLib.MainLoop()
    task = Chan.spawn(coroutine)
    task.add_done_callback(lambda _task: loop.quit())
    if not task.done():
        loop.run()
    return task.result()


# --- the native loop of newer PyGObject, which is taken where there is one ---------------------------------------

try:
    events = importlib.import_module('gi.events')
except ImportError:
    import gi_events as events
    events.install()


def end_tasks(loop):
    """What asyncio.Runner does at its end, but for closing the loop."""
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.run_until_complete(loop.shutdown_default_executor())


def run_native(coroutine):
    with asyncio.Runner(loop_factory=lambda: events.GLibEventLoop(GLib.MainContext.default())) as runner:
        return runner.run(coroutine)


def run_native_in_main_loop(coroutine):
    """Who runs is GLib.MainLoop; that asyncio runs too is because of the policy."""
    with events.GLibEventLoopPolicy() as policy:
        loop, main_loop = policy.get_event_loop(), GLib.MainLoop()
        try:
            task = loop.create_task(coroutine)
            task.add_done_callback(lambda _task: main_loop.quit())
            main_loop.run()
            return task.result()
        finally:
            end_tasks(loop)


def run_native_in_application(coroutine):
    tasks = []

    def activate(application):
        application.hold()
        tasks.append(asyncio.get_running_loop().create_task(coroutine))
        tasks[0].add_done_callback(lambda _task: application.release())

    with events.GLibEventLoopPolicy() as policy:
        try:
            application = Gio.Application(flags=Gio.ApplicationFlags.NON_UNIQUE)
            application.connect('activate', activate)
            application.run()
            return tasks[0].result()
        finally:
            end_tasks(policy.get_event_loop())


def run_native_in_its_own_context(coroutine):
    """A context which is not the thread's default one, as new_event_loop() makes it."""
    with events.GLibEventLoopPolicy() as policy, asyncio.Runner(loop_factory=policy.new_event_loop) as runner:
        return runner.run(coroutine)


def run_native_in_a_thread(coroutine):
    results = []

    def run():
        loop = policy.new_event_loop()
        policy.set_event_loop(loop)
        try:
            results.append(loop.run_until_complete(coroutine))
        finally:
            end_tasks(loop)
            policy.set_event_loop(None)
            loop.close()

    with events.GLibEventLoopPolicy() as policy:
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    return results[0]


ASYNCIO = {'asyncio': asyncio.run, 'Chan.run': Chan.run, 'gi.events': run_native, 'gi.events, GLib.MainLoop': run_native_in_main_loop}
ALL = ASYNCIO | {'Chan.spawn': run_spawned}
NATIVE = {'GLibEventLoop': run_native, 'GLib.MainLoop': run_native_in_main_loop, 'Gio.Application': run_native_in_application,
          'own context': run_native_in_its_own_context, 'thread': run_native_in_a_thread}
assert sys.version_info >= (3, 11)
