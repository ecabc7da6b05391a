#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""await under each loop: the same results, nothing lost or reordered when it is cancelled, nobody kept from running."""

import asyncio
import os
import random
import threading
import time


from support import CHANNELS, RUNS, TIMEOUT, Case, main
import loops
from gi.repository import Chan, Gio, GLib

# CHAN_TEST_RUNS=500: a million messages under random cancellation.
MESSAGES = int(2000 * RUNS)


async def serve(receiver):
    async for request in receiver:
        async with request['R'] as reply:
            await reply.send_async({'double': 2 * request['n']})


class Everywhere(Case):
    """Under each loop, also without asyncio."""

    def under_each(self, function, *arguments):
        for name, run in loops.ALL.items():
            with self.subTest(loop=name):
                run(function(*arguments))

    def test_iteration(self):
        async def feed(sender):
            async with sender:
                for number in range(200):
                    await sender.send_async({'n': number})

        async def scenario(transport, capacity):
            sender, receiver = self.channel(transport, capacity)
            task = Chan.start(feed(sender))
            self.assertEqual([message['n'] async for message in receiver], list(range(200)))
            await task

        for transport in CHANNELS:
            self.under_each(scenario, transport, 16)
        self.under_each(scenario, 'pipe', 0)

    def test_request(self):
        async def scenario(transport):
            sender, receiver = self.channel(transport)
            task = Chan.start(serve(receiver))
            for number in range(20):
                answer = await sender.request_async({'n': number}, 'R')
                self.assertEqual(answer['double'], 2 * number)
            sender.close()
            await task

        for transport in CHANNELS:
            self.under_each(scenario, transport)

    def test_select(self):
        async def scenario(capacity):
            one, first = Chan.pipe_new(capacity)
            two, second = Chan.pipe_new(1)
            waiting = Chan.start(Chan.select_async(first, second))
            await Chan.sleep(0.01)
            await two.send_async('second')
            end, message = await waiting
            self.assertIs(end, second)
            self.assertEqual(message.unpack(), 'second')
            taking = Chan.start(first.receive_async())
            self.assertEqual(await Chan.select_async((one, 'sent'), second), (one, None))
            self.assertEqual((await taking).unpack(), 'sent')

        for capacity in (0, 1):
            self.under_each(scenario, capacity)

    def test_sessions(self):
        async def serve_all(listener):
            async for session in listener:
                async for channel in session:
                    async for message in channel:
                        await message['R'].send_async('answer')
                        message['R'].close()

        async def scenario(uri):
            async with await Chan.listen_async(uri) as listener:
                task = Chan.start(serve_all(listener))
                async with await Chan.connect_async(listener.get_uri()) as session:
                    self.assertGreaterEqual(await session.ping_async(), 0)
                    async with session.open_channel('x') as sender:
                        self.assertEqual((await sender.request_async({}, 'R')).unpack(), 'answer')
                task.cancel()

        for uri in ('memory:python-async', 'tcp://127.0.0.1:0'):
            self.under_each(scenario, uri)

    def test_errors(self):
        async def scenario():
            sender, receiver = Chan.pipe_new(1)
            receiver.close()
            with self.assertRaises(GLib.Error):
                await sender.send_async(1)
            with self.assertRaises(GLib.Error):
                await Chan.connect_async('nosuchscheme:x')
            cancellable = Gio.Cancellable()
            _sender, empty = Chan.pipe_new(1)
            waiting = Chan.start(empty.receive_async(cancellable=cancellable))
            await Chan.sleep(0.01)
            cancellable.cancel()
            with self.assertRaises(GLib.Error) as caught:
                await waiting
            self.assertTrue(caught.exception.matches(Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED))

        self.under_each(scenario)

    def test_a_channel_that_never_runs_dry_leaves_time_for_others(self):
        async def scenario():
            sender, receiver = Chan.pipe_new(1)
            done = []

            async def other():
                await Chan.sleep(0)
                done.append(True)

            task = Chan.start(other())
            for count in range(100000):
                await sender.send_async(count)
                await receiver.receive_async()
                if done:
                    break
            self.assertTrue(done, 'the other task never ran')
            await task

        self.under_each(scenario)

    def test_callbacks_as_in_c(self):
        sender, receiver = Chan.pipe_new(1)
        loop, got = GLib.MainLoop(), []

        def received(source, result):
            got.append(source.receive_finish(result).unpack())
            loop.quit()

        receiver.receive_async(GLib.PRIORITY_DEFAULT, None, received)
        sender.send_async({'a': 1}, GLib.PRIORITY_DEFAULT, None, lambda source, result: source.send_finish(result))
        loop.run()
        self.assertEqual(got, [{'a': 1}])


class Cancelled(Case):
    """Whoever gives up at a random moment took nothing; what was sent is what arrives, once and in order."""

    def disturbed(self, function, *arguments):
        for name, run in loops.ALL.items():
            with self.subTest(loop=name):
                run(function(random.Random(name), *arguments))

    async def give_up(self, source, start):
        """Awaits start() again and again, cancelled at random, until one gets through; (result, how often it was cancelled)."""
        n_cancelled = 0
        while True:
            task = Chan.start(start())
            if source.random() < 0.5:
                for _ in range(source.randrange(4)):
                    await Chan.sleep(0)
                task.cancel()
            try:
                return await task, n_cancelled
            except asyncio.CancelledError:
                n_cancelled += 1

    async def flood(self, source, transport, capacity, count):
        """Sender and receiver both give up at random."""
        sender, receiver = self.channel(transport, capacity)
        n_cancelled = 0

        async def feed():
            for number in range(count):
                await self.give_up(source, lambda: sender.send_async(number))   # pylint: disable=cell-var-from-loop
            sender.close()

        feeding = Chan.start(feed())
        expected = 0
        while True:
            message, times = await self.give_up(source, receiver.receive_async)
            n_cancelled += times
            if message is None:
                break
            self.assertEqual(message.unpack(), expected)
            expected += 1
        await feeding
        self.assertEqual(expected, count)
        self.assertGreater(n_cancelled, count // 20)

    def test_receive_and_send(self):
        for transport, capacity in (('pipe', 4), ('tcp', 4), ('pipe', 0)):
            self.disturbed(self.flood, transport, capacity, max(100, MESSAGES // 12))

    def test_select(self):
        async def scenario(source, capacity, count=200):
            pairs = [Chan.pipe_new(capacity) for _ in range(3)]
            seen = {receiver: [] for _sender, receiver in pairs}

            async def feed(sender):
                async with sender:
                    for number in range(count):
                        await sender.send_async(number)

            feeding = [Chan.start(feed(sender)) for sender, _receiver in pairs]
            left = list(seen)
            while left:
                (end, message), _times = await self.give_up(source, lambda: Chan.select_async(*left))
                if message is None:
                    left.remove(end)
                else:
                    seen[end].append(message.unpack())
            for task in feeding:
                await task
            self.assertEqual(list(seen.values()), [list(range(count))] * 3)

        for capacity in (1, 0):
            self.disturbed(scenario, capacity)

    def test_accept(self):
        """A channel is not lost either."""
        async def scenario(source):
            client, server = self.pair('memory')
            for number in range(50):
                waiting = Chan.start(self.give_up(source, server.accept_channel_async))
                await Chan.sleep(0)
                client.open_channel(str(number))
                channel, _times = await waiting
                self.assertEqual(channel.get_name(), str(number))

        self.disturbed(scenario)

    def test_from_a_thread(self):
        """Messages of another thread, taken by wait_for() with random patience."""
        async def scenario(source, count=300):
            sender, receiver = Chan.pipe_new(2)
            thread = threading.Thread(target=lambda: [sender.send(number) for number in range(count)])
            thread.start()
            got, late = [], 0
            while len(got) < count:
                try:
                    got.append((await asyncio.wait_for(receiver.receive_async(), source.choice((0, 1e-5, 1e-4, 1)))).unpack())
                except asyncio.TimeoutError:
                    late += 1
            thread.join(TIMEOUT)
            self.assertEqual(got, list(range(count)))
            self.assertGreater(late, 0)

        for name, run in loops.ASYNCIO.items():
            with self.subTest(loop=name):
                run(scenario(random.Random(name)))


class Asyncio(Case):
    def test_a_timeout_that_came_too_late_does_not_hit_what_follows(self):
        async def scenario():
            sender, receiver = Chan.pipe_new(0)
            for _ in range(100):
                taking = asyncio.ensure_future(receiver.receive_async())
                try:
                    async with asyncio.timeout(1e-4):
                        await sender.send_async(1)
                except TimeoutError:
                    pass
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                taking.cancel()
                await asyncio.gather(taking, return_exceptions=True)
            self.assertEqual(asyncio.current_task().cancelling(), 0)

        for name, run in loops.ASYNCIO.items():
            with self.subTest(loop=name):
                run(scenario())

    def test_what_is_sent_after_a_blocking_call_goes_out_at_once(self):
        """The blocking call waited in a main context, which nobody iterates any more."""
        async def scenario():
            sender, receiver = self.channel('tcp')
            task = Chan.start(serve(receiver))
            times = []
            for number in range(20):
                began = time.monotonic()
                await sender.request_async({'n': number}, 'R')
                times.append(time.monotonic() - began)
            sender.close()
            await task
            self.assertLess(min(times), 0.02)

        for name, run in loops.ASYNCIO.items():
            with self.subTest(loop=name):
                run(scenario())

    def test_asyncio_itself_works_under_run(self):
        async def scenario():
            async def echo(reader, writer):
                writer.write(await reader.readline())
                await writer.drain()
                writer.close()

            server = await asyncio.start_server(echo, '127.0.0.1', 0)
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b'hello\n')
            self.assertEqual(await reader.readline(), b'hello\n')
            writer.close()
            server.close()
            process = await asyncio.create_subprocess_exec('echo', 'hi', stdout=asyncio.subprocess.PIPE)
            self.assertEqual((await process.communicate())[0], b'hi\n')
            self.assertEqual(await asyncio.to_thread(lambda: 7), 7)

        Chan.run(scenario())

    def test_glib_runs_under_run(self):
        async def scenario():
            ticks = []
            GLib.timeout_add(1, lambda: ticks.append(1) or len(ticks) < 5)
            while len(ticks) < 5:
                await asyncio.sleep(0.001)

        Chan.run(scenario())

    def test_ctrl_c(self):
        async def scenario():
            threading.Timer(0.05, os.kill, [os.getpid(), 2]).start()
            _sender, receiver = Chan.pipe_new(1)
            await receiver.receive_async()

        for name, run in loops.ASYNCIO.items():
            with self.subTest(loop=name), self.assertRaises(KeyboardInterrupt):
                run(scenario())


class Spawn(Case):
    def test_foreign_awaitables_are_refused(self):
        async def scenario():
            await asyncio.sleep(1)

        with self.assertRaises((TypeError, RuntimeError)):
            loops.run_spawned(scenario())

    def test_its_error_is_its_result(self):
        async def scenario():
            raise KeyError('x')

        with self.assertRaises(KeyError):
            loops.run_spawned(scenario())

    def test_cancel(self):
        async def scenario():
            await Chan.sleep(TIMEOUT)

        task = Chan.spawn(scenario())
        GLib.timeout_add(10, task.cancel)
        loop = GLib.MainLoop()
        task.add_done_callback(lambda _task: loop.quit())
        loop.run()
        self.assertTrue(task.cancelled())


if __name__ == '__main__':
    main()
