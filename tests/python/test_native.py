#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The native loop of PyGObject, gi.events: that it is one (or that what stands in for it is), and await under it."""

import asyncio
import contextlib
import gc
import io
import os
import signal
import socket
import threading
import time
import unittest

from support import TIMEOUT, Case, main
import loops
from gi.overrides._chan_wait import Bridge
from gi.repository import Chan, GLib

events = loops.events


class Loop(unittest.TestCase):
    """What others may rely on; of the real module too."""

    def setUp(self):
        self.addCleanup(gc.collect)
        self.policy = self.enterContext(events.GLibEventLoopPolicy())
        self.loop = self.policy.get_event_loop()

    def test_it_is_found_by_its_module_and_context(self):
        self.assertEqual(type(self.loop).__module__, 'gi.events')
        self.assertEqual(hash(self.loop._context), hash(GLib.MainContext.default()))

    def test_its_selector_does_nothing_by_itself(self):
        with self.assertRaises(RuntimeError):
            self.loop._selector.select(0)

    def test_nothing_happens_while_no_main_loop_runs(self):
        called = []
        self.loop.call_soon(called.append, 1)
        while GLib.MainContext.default().iteration(False):
            pass
        self.assertEqual(called, [])
        main_loop = GLib.MainLoop()
        self.loop.call_soon(main_loop.quit)
        main_loop.run()
        self.assertEqual(called, [1])

    def test_a_main_loop_of_another_context_does_not_run_it(self):
        called = []
        self.loop.call_soon(called.append, 1)
        context = GLib.MainContext.new()
        main_loop = GLib.MainLoop.new(context, False)
        source = GLib.timeout_source_new(20)
        source.set_callback(lambda *_: main_loop.quit())
        source.attach(context)
        main_loop.run()
        self.assertEqual(called, [])

    def test_the_policy_has_one_loop_for_each_context(self):
        self.assertIs(self.policy.get_event_loop(), self.loop)
        context = GLib.MainContext.new()
        context.push_thread_default()
        try:
            other = self.policy.get_event_loop()
            self.assertIsNot(other, self.loop)
            self.assertIs(self.policy.get_event_loop(), other)
        finally:
            context.pop_thread_default()
        self.assertIs(self.policy.get_event_loop(), self.loop)
        with self.assertRaises(RuntimeError):
            self.policy.set_event_loop(self.policy.new_event_loop())

    def test_descriptors_timers_and_threads(self):
        here, there = socket.socketpair()
        self.addCleanup(here.close)
        self.addCleanup(there.close)
        seen = []

        def readable():
            seen.append(here.recv(10))
            self.loop.remove_reader(here)

        def writable():
            here.send(b'out')
            self.loop.remove_writer(here.fileno())

        self.loop.add_reader(here, readable)
        self.loop.add_writer(here, writable)
        begin = time.monotonic()
        self.loop.call_later(0.06, lambda: [seen.append('later'), self.loop.stop()])
        thread = threading.Thread(target=lambda: [self.loop.call_soon_threadsafe(seen.append, 'thread'), there.send(b'in')])
        self.loop.call_later(0.01, thread.start)
        self.loop.call_later(0.03, thread.join)
        self.loop.run_forever()
        self.assertGreaterEqual(time.monotonic() - begin, 0.055)
        self.assertEqual(seen[-1], 'later')
        self.assertEqual(set(seen), {b'in', 'thread', 'later'})
        self.assertEqual(there.recv(10), b'out')

    def test_a_main_loop_in_a_callback_of_glib_goes_on_with_asyncio(self):
        outer, seen = GLib.MainLoop(), []

        def nest():
            inner = GLib.MainLoop()
            self.loop.call_later(0.01, lambda: [seen.append(1), inner.quit()])
            inner.run()
            seen.append(2)
            outer.quit()

        GLib.idle_add(nest)
        outer.run()
        self.assertEqual(seen, [1, 2])

    def test_a_main_loop_in_a_callback_of_asyncio_does_not(self):
        seen = []

        def nest():
            inner = GLib.MainLoop()
            self.loop.call_soon(seen.append, 'asyncio')
            GLib.timeout_add(20, lambda: [seen.append('GLib'), inner.quit()] and False)
            inner.run()
            self.loop.call_soon(self.loop.stop)

        self.loop.call_soon(nest)
        self.loop.run_forever()
        self.assertEqual(seen, ['GLib', 'asyncio'])

    def test_iterating_the_context_in_between_leaves_asyncio_alone(self):
        seen = []

        def iterate():
            self.loop.call_soon(seen.append, 1)
            while GLib.MainContext.default().iteration(False):
                pass
            self.assertEqual(seen, [])
            self.loop.call_soon(self.loop.stop)

        GLib.idle_add(iterate)
        self.loop.run_forever()
        self.assertEqual(seen, [1])

    def test_iterating_the_context_in_a_callback_of_asyncio_does_not_let_it_recurse(self):
        """The source is being dispatched, and is to remain the one that is."""
        seen = []

        def iterate():
            self.loop.call_soon(seen.append, 'asyncio')
            GLib.MainContext.default().iteration(False)
            inner = GLib.MainLoop()
            GLib.timeout_add(20, lambda: [seen.append('GLib'), inner.quit()] and False)
            inner.run()
            self.loop.call_soon(self.loop.stop)

        self.loop.call_soon(iterate)
        self.loop.run_forever()
        self.assertEqual(seen, ['GLib', 'asyncio'])

    def test_stop_ends_all_main_loops(self):
        def nest():
            self.loop.call_later(0.01, self.loop.stop)
            GLib.MainLoop().run()

        GLib.idle_add(nest)
        GLib.MainLoop().run()
        self.assertFalse(self.loop.is_running())

    def test_asyncio_itself_works(self):
        async def scenario():
            process = await asyncio.create_subprocess_exec('cat', stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
            self.assertEqual((await process.communicate(b'hi\n'))[0], b'hi\n')
            return await asyncio.to_thread(lambda: 7)

        self.assertEqual(self.loop.run_until_complete(scenario()), 7)


class Await(Case):
    """Each way to have such a loop run."""

    def under_each(self, function, *arguments, ways=loops.NATIVE):
        for name, run in ways.items():
            with self.subTest(way=name):
                run(function(*arguments))

    def threads(self, *functions):
        for function in functions:
            thread = threading.Thread(target=function)
            thread.start()
            self.addCleanup(thread.join, TIMEOUT)

    def test_tasks_side_by_side(self):
        """Channels of a thread, of other sessions, a request each, a select, and GLib's own, all at once."""
        count = 200

        def feed(sender):
            with sender:
                for number in range(count):
                    sender.send(number)

        def serve(receiver):
            for request in receiver:
                with request['R'] as reply:
                    reply.send(2 * request['n'])

        async def collect(receiver):
            return [message.unpack() async for message in receiver]

        async def ask(sender):
            async with sender:
                return [(await sender.request_async({'n': number}, 'R')).unpack() for number in range(count)]

        async def choose(*receivers):
            seen = {receiver: [] for receiver in receivers}
            left = list(receivers)
            while left:
                end, message = await Chan.select_async(*left)
                if message is None:
                    left.remove(end)
                else:
                    seen[end].append(message.unpack())
            return list(seen.values())

        async def scenario():
            fed = [self.channel(transport) for transport in ('pipe', 'memory', 'tcp', 'unix')]
            chosen = [self.channel(transport) for transport in ('pipe', 'tcp')]
            asked = [self.channel(transport) for transport in ('memory', 'tcp')]
            ticks, timer = [], GLib.timeout_source_new(1)
            timer.set_callback(lambda *_: ticks.append(1) or len(ticks) < 5)
            timer.attach(asyncio.get_running_loop()._context)
            self.threads(*(lambda sender=sender: feed(sender) for sender, _receiver in fed + chosen),
                         *(lambda receiver=receiver: serve(receiver) for _sender, receiver in asked))
            got = await asyncio.gather(*(collect(receiver) for _sender, receiver in fed), choose(*(end for _sender, end in chosen)),
                                       *(ask(sender) for sender, _receiver in asked))
            self.assertEqual(got[:4], [list(range(count))] * 4)
            self.assertEqual(got[4], [list(range(count))] * 2)
            self.assertEqual(got[5:], [[2 * number for number in range(count)]] * 2)
            while len(ticks) < 5:
                await asyncio.sleep(0.001)

        self.under_each(scenario)

    def test_no_thread_waits_for_it(self):
        async def scenario(transport):
            sender, receiver = self.channel(transport)
            await sender.send_async(1)
            self.assertEqual((await receiver.receive_async()).unpack(), 1)
            await Chan.sleep(0.001)
            self.assertIsNone(Bridge._instance)

        Bridge.forget()
        for transport in ('pipe', 'tcp'):
            self.under_each(scenario, transport)

    def test_sending_waits_for_a_thread(self):
        async def scenario(transport):
            sender, receiver = self.channel(transport, 1)
            got = []
            self.threads(lambda: got.extend(message.unpack() for message in receiver))
            async with sender:
                for number in range(200):
                    await sender.send_async(number)
            while len(got) < 200:
                await Chan.sleep(0.001)
            self.assertEqual(got, list(range(200)))

        for transport in ('pipe', 'tcp'):
            self.under_each(scenario, transport)

    def test_a_blocking_call_in_a_coroutine(self):
        """It holds up its thread, as any, but not what other threads do for it."""
        async def scenario():
            sender, receiver = self.channel('tcp', 1)
            self.threads(lambda: [time.sleep(0.01), sender.send('now')])
            self.assertEqual(receiver.receive().unpack(), 'now')
            self.threads(lambda: [time.sleep(0.01), sender.send('then')])
            self.assertEqual((await receiver.receive_async()).unpack(), 'then')

        self.under_each(scenario)

    def test_glib_s_idle_callbacks_run_beside_a_channel_that_never_runs_dry(self):
        """GTK draws in such, and asyncio's callbacks come before them."""
        async def scenario():
            sender, receiver = Chan.pipe_new(1)
            drawn = []
            GLib.idle_add(lambda: drawn.append(1) or GLib.SOURCE_REMOVE, priority=GLib.PRIORITY_HIGH_IDLE + 20)

            async def flood():
                for count in range(20000):
                    await sender.send_async(count)
                    await receiver.receive_async()
                    if drawn:
                        return True
                return False

            self.assertTrue(any(await asyncio.gather(flood(), asyncio.sleep(0))))

        self.under_each(scenario, ways={name: loops.NATIVE[name] for name in ('GLibEventLoop', 'GLib.MainLoop', 'Gio.Application')})

    def interrupt(self, runs, interrupted):
        self.assertTrue(runs.wait(TIMEOUT))
        before = len(interrupted)
        os.kill(os.getpid(), signal.SIGINT)
        deadline = time.monotonic() + TIMEOUT
        while len(interrupted) == before and time.monotonic() < deadline:
            time.sleep(0.001)

    def test_ctrl_c_loses_nothing(self):
        """It ends the main loop; what comes meanwhile is there when one runs again."""
        with events.GLibEventLoopPolicy() as policy:
            loop = policy.get_event_loop()
            sender, receiver = self.channel('tcp', 4)
            got, interrupted = [], []
            runs = threading.Event()    # a main loop does, which takes the signal

            async def collect():
                async for message in receiver:
                    got.append(message.unpack())

            def feed():
                with sender:
                    for number in range(300):
                        sender.send(number)
                        if number % 100 == 50:
                            self.interrupt(runs, interrupted)

            task = loop.create_task(collect())
            self.threads(feed)
            while not task.done():
                GLib.idle_add(runs.set)
                try:
                    if len(interrupted) % 2:
                        loop.run_until_complete(task)
                    else:
                        main_loop = GLib.MainLoop()
                        task.add_done_callback(lambda _task, main_loop=main_loop: main_loop.quit())
                        main_loop.run()
                except KeyboardInterrupt:
                    runs.clear()
                    interrupted.append(1)
            self.assertEqual(got, list(range(300)))
            self.assertEqual(len(interrupted), 3)


class Between(Case):
    """Loops inside loops, beside loops and after loops."""

    def printed(self, function):
        """What a callback raised is printed, by PyGObject."""
        with contextlib.redirect_stderr(io.StringIO()) as output:
            function()
            gc.collect()
        return output.getvalue()

    def test_what_becomes_ready_when_the_loop_is_closed_is_of_no_concern(self):
        for start in (lambda receiver, _session: receiver.receive_async(), lambda _receiver, session: session.accept_channel_async()):
            sender, receiver = Chan.pipe_new(1)
            client, server = self.pair('memory')

            async def wait(start=start, receiver=receiver, server=server):
                await start(receiver, server)

            def scenario(wait=wait, sender=sender, client=client):
                loop = events.GLibEventLoop(GLib.MainContext.default())
                loop.set_exception_handler(lambda *_: None)     # that the task is pending
                loop.create_task(wait())
                loop.call_later(0.01, loop.stop)
                loop.run_forever()
                loop.close()
                sender.send('for whoever asks next')
                client.open_channel('x')
                main_loop = GLib.MainLoop()
                GLib.timeout_add(10, main_loop.quit)
                main_loop.run()

            self.assertEqual(self.printed(scenario), '')
            self.assertEqual(receiver.receive().unpack(), 'for whoever asks next')
            self.assertEqual(server.accept_channel().get_name(), 'x')

    def test_what_a_done_callback_raises_is_told(self):
        for kind in (ValueError, RuntimeError):
            def scenario(kind=kind):
                def fail(_task):
                    raise kind('of the program')

                Chan.spawn(Chan.sleep(0.01)).add_done_callback(fail)
                main_loop = GLib.MainLoop()
                GLib.timeout_add(50, main_loop.quit)
                main_loop.run()

            self.assertIn(f'{kind.__name__}: of the program', self.printed(scenario))

    def test_the_bridge_leaves_the_policy_alone(self):
        """A plain loop of asyncio under gi.events' policy, and a blocking call: no loops are made for their contexts."""
        sender, receiver = Chan.pipe_new(1)

        async def scenario():
            threading.Timer(0.01, sender.send, ['x']).start()
            return (await receiver.receive_async()).unpack()

        Bridge.forget()
        with events.GLibEventLoopPolicy() as policy:
            with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
                self.assertEqual(runner.run(scenario()), 'x')
            threading.Timer(0.01, sender.send, ['y']).start()
            self.assertEqual(receiver.receive(timeout=TIMEOUT).unpack(), 'y')
            session = Chan.connect(self.listener().get_uri(), timeout=TIMEOUT)
            session.close(timeout=TIMEOUT)
            self.assertEqual(policy._loops, {})

    def listener(self):
        listener = Chan.listen('tcp://127.0.0.1:0')
        self.addCleanup(listener.close)
        return listener

    def test_spawned_and_asyncio_s_beside_each_other(self):
        with events.GLibEventLoopPolicy() as policy:
            sender, receiver = Chan.pipe_new(1)
            main_loop, got = GLib.MainLoop(), []

            async def feed():
                async with sender:
                    for number in range(300):
                        await sender.send_async(number)

            async def collect():
                got.extend([message.unpack() async for message in receiver])
                main_loop.quit()

            spawned = Chan.spawn(feed())
            task = policy.get_event_loop().create_task(collect())
            main_loop.run()
            self.assertEqual(got, list(range(300)))
            self.assertTrue(task.done())
            spawned.result()

    def test_a_main_loop_inside_a_spawned_coroutine(self):
        """What asyncio runs in there is not that coroutine."""
        with events.GLibEventLoopPolicy() as policy:
            sender, receiver = Chan.pipe_new(1)

            async def inner():
                GLib.timeout_add(5, lambda: sender.send('inside') and False)
                await Chan.sleep(0.001)
                child = Chan.start(receiver.receive_async())
                self.assertIsInstance(child, asyncio.Task)
                return (await child).unpack()

            async def outer():
                task = policy.get_event_loop().create_task(inner())
                dialog = GLib.MainLoop()
                task.add_done_callback(lambda _task: dialog.quit())
                dialog.run()
                await Chan.sleep(0.001)
                return task.result()

            self.assertEqual(loops.run_spawned(outer()), 'inside')

    def test_asyncio_run_inside_a_spawned_coroutine(self):
        async def inner():
            sender, receiver = Chan.pipe_new(1)
            threading.Timer(0.01, sender.send, ['x']).start()
            return (await receiver.receive_async()).unpack()

        async def outer():
            result = asyncio.run(inner())
            await Chan.sleep(0.001)
            return result

        self.assertEqual(loops.run_spawned(outer()), 'x')


if __name__ == '__main__':
    main()
