#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Blocking calls: iteration, timeouts, select, request, context managers, threads and signals."""

import os
import signal
import socket
import threading
import time

from support import CHANNELS, RUNS, TIMEOUT, Case, main
from gi.repository import Chan, Gio, GLib, GObject

WAIT = 0.05


def in_thread(function):
    """function() in a thread that is not the main one; what it returned."""
    result = []
    thread = threading.Thread(target=lambda: result.append(function()), daemon=True)
    thread.start()
    thread.join(TIMEOUT)
    return result[0]


class Blocking(Case):
    def test_iteration_ends_when_the_sender_closes(self):
        for transport in CHANNELS:
            with self.subTest(transport):
                sender, receiver = self.channel(transport)

                def send(sender=sender):
                    with sender:
                        for number in range(100):
                            sender.send({'n': number}, timeout=TIMEOUT)

                thread = threading.Thread(target=send)
                thread.start()
                self.assertEqual([message['n'] for message in receiver], list(range(100)))
                thread.join()
                self.assertIsNone(receiver.receive())

    def test_an_exception_resets_the_channel(self):
        for transport in CHANNELS:
            with self.subTest(transport):
                sender, receiver = self.channel(transport)
                with self.assertRaises(KeyError), sender:
                    sender.send(1)
                    raise KeyError
                self.assert_channel_error(Chan.ChannelError.RESET, lambda: list(receiver))

    def test_abort_tells_why(self):
        sender, receiver = Chan.pipe_new(1)
        sender.abort('the disk is full')
        with self.assertRaisesRegex(Exception, 'the disk is full'):
            receiver.receive()

    def test_with_closes_the_receiver(self):
        sender, receiver = Chan.pipe_new(1)
        with receiver:
            pass
        self.assert_channel_error(Chan.ChannelError.CLOSED, sender.send, 1)

    def test_timeouts(self):
        full, _other = Chan.pipe_new(1)
        full.send(1)
        rendezvous, _nobody = Chan.pipe_new(0)
        _sender, empty = Chan.pipe_new(1)
        for call in (lambda: full.send(2, timeout=WAIT), lambda: rendezvous.send(1, timeout=WAIT),
                     lambda: empty.receive(timeout=WAIT), lambda: Chan.select(empty, (full, 2), timeout=WAIT),
                     lambda: empty.receive(timeout=0)):
            for where in (lambda call: call(), in_thread):
                started = time.monotonic()
                if where(lambda: self.timed_out(call)) is not True:
                    self.fail('it did not time out')
                self.assertLess(time.monotonic() - started, TIMEOUT / 2)

    def timed_out(self, call):
        self.assert_raises(Gio.io_error_quark(), Gio.IOErrorEnum.TIMED_OUT, call)
        return True

    def test_cancellable(self):
        for where in (lambda call: call(), in_thread):
            _sender, receiver = Chan.pipe_new(1)
            cancellable = Gio.Cancellable()
            threading.Timer(WAIT, cancellable.cancel).start()
            where(lambda: self.assert_raises(Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED, receiver.receive, cancellable)
                  or True)     # pylint: disable=cell-var-from-loop

    def test_try_send(self):
        sender, _receiver = Chan.pipe_new(1)
        sender.try_send({'a': 1})
        self.assert_raises(Gio.io_error_quark(), Gio.IOErrorEnum.WOULD_BLOCK, sender.try_send, 2)

    def test_a_full_channel_blocks_until_there_is_room(self):
        sender, receiver = Chan.pipe_new(1)
        sender.send(1)
        threading.Timer(WAIT, receiver.receive).start()
        sender.send(2, timeout=TIMEOUT)
        self.assertEqual(receiver.receive().unpack(), 2)

    def test_rendezvous(self):
        for transport in ('main', 'thread'):
            sender, receiver = Chan.pipe_new(0)
            other = threading.Thread(target=lambda: sender.send('met', timeout=TIMEOUT))    # pylint: disable=cell-var-from-loop
            if transport == 'main':
                other.start()
                self.assertEqual(receiver.receive(timeout=TIMEOUT).unpack(), 'met')
            else:
                got = []
                other = threading.Thread(target=lambda: got.append(receiver.receive(timeout=TIMEOUT).unpack()))     # pylint: disable=cell-var-from-loop
                other.start()
                sender.send('met', timeout=TIMEOUT)
            other.join(TIMEOUT)
            self.assertFalse(other.is_alive())


class Select(Case):
    def test_takes_what_is_there(self):
        for where in (lambda call: call(), in_thread):
            one, first = Chan.pipe_new(1)
            two, second = Chan.pipe_new(1)
            two.send('second')
            end, message = where(lambda: Chan.select(first, second))    # pylint: disable=cell-var-from-loop
            self.assertIs(end, second)
            self.assertEqual(message.unpack(), 'second')
            threading.Timer(WAIT, one.send, ['first']).start()
            end, message = where(lambda: Chan.select(first, second, timeout=TIMEOUT))   # pylint: disable=cell-var-from-loop
            self.assertIs(end, first)
            self.assertEqual(message.unpack(), 'first')

    def test_sends_where_there_is_room(self):
        for capacity in (1, 0):
            sender, receiver = Chan.pipe_new(capacity)
            _nothing, empty = Chan.pipe_new(1)
            got = []
            thread = threading.Thread(target=lambda: got.append(receiver.receive(timeout=TIMEOUT)['a']))    # pylint: disable=cell-var-from-loop
            thread.start()
            end, message = Chan.select(empty, (sender, {'a': 1}), timeout=TIMEOUT)
            thread.join(TIMEOUT)
            self.assertIs(end, sender)
            self.assertIsNone(message)
            self.assertEqual(got, [1])

    def test_an_end_and_an_error(self):
        sender, receiver = Chan.pipe_new(1)
        sender.close()
        self.assertEqual(Chan.select(receiver), (receiver, None))
        broken, other = Chan.pipe_new(1)
        broken.reset()
        try:
            Chan.select(other)
        except Exception as error:  # pylint: disable=broad-except
            self.assertIs(error.end, other)
        else:
            self.fail('no error')

    def test_nobody_starves_and_nothing_is_lost(self):
        senders, receivers = zip(*(Chan.pipe_new(1) for _ in range(4)))
        count = 200

        def feed(sender, name):
            with sender:
                for number in range(count):
                    sender.send([name, number])

        for name, sender in enumerate(senders):
            threading.Thread(target=feed, args=(sender, name)).start()
        seen = {name: [] for name in range(4)}
        left = list(receivers)
        while left:
            end, message = Chan.select(*left, timeout=TIMEOUT)
            if message is None:
                left.remove(end)
            else:
                name, number = message.unpack()
                seen[name].append(number)
        self.assertEqual(seen, {name: list(range(count)) for name in range(4)})

    def test_of_nothing(self):
        with self.assertRaises(ValueError):
            Chan.select()


class Request(Case):
    def serve(self, receiver):
        for request in receiver:
            with request['R'] as reply:
                reply.send({'double': 2 * request['n']})

    def test_request(self):
        for transport in CHANNELS:
            with self.subTest(transport):
                sender, receiver = self.channel(transport)
                thread = threading.Thread(target=self.serve, args=(receiver,))
                thread.start()
                for number in range(20):
                    self.assertEqual(sender.request({'n': number}, 'R', timeout=TIMEOUT)['double'], 2 * number)
                self.assertEqual(in_thread(lambda: sender.request({'n': 7}, 'R')['double']), 14)    # pylint: disable=cell-var-from-loop
                sender.close()
                thread.join(TIMEOUT)
                self.assertFalse(thread.is_alive())

    def test_no_answer(self):
        sender, _receiver = Chan.pipe_new(1)
        self.assert_raises(Gio.io_error_quark(), Gio.IOErrorEnum.TIMED_OUT, sender.request, {}, 'R', timeout=WAIT)

    def test_a_request_that_nobody_answers(self):
        for where in (lambda call: call(), in_thread):
            sender, receiver = Chan.pipe_new(1)
            threading.Timer(WAIT, lambda: receiver.receive()['R'].close()).start()      # pylint: disable=cell-var-from-loop
            where(lambda: self.assert_channel_error(Chan.ChannelError.CLOSED, sender.request, {}, 'R') or True)     # pylint: disable=cell-var-from-loop

    def test_a_request_that_gives_up_closes_its_channel(self):
        sender, receiver = Chan.pipe_new(2)
        cancellable = Gio.Cancellable()
        threading.Timer(WAIT, cancellable.cancel).start()
        self.assert_raises(Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED, sender.request, {}, 'R', cancellable)
        self.assert_raises(Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED, sender.request, {}, 'R', cancellable)
        self.assertTrue(receiver.receive()['R'].get_peer_closed())
        self.assert_raises(Gio.io_error_quark(), Gio.IOErrorEnum.WOULD_BLOCK, lambda: [sender.try_request({}, 'R') for _ in range(3)])
        self.assertEqual(len([receiver.receive() for _ in range(2)]), 2)

    def test_a_request_waits_for_room(self):
        for capacity in (1, 0):
            sender, receiver = Chan.pipe_new(capacity)
            if capacity:
                sender.send({'first': True})
            threading.Timer(WAIT, lambda: [receiver.receive(timeout=TIMEOUT) for _ in range(capacity)] and None).start()    # pylint: disable=cell-var-from-loop
            threading.Timer(2 * WAIT, lambda: receiver.receive(timeout=TIMEOUT)['R'].send(capacity)).start()    # pylint: disable=cell-var-from-loop
            self.assertEqual(sender.request({}, 'R', timeout=TIMEOUT).unpack(), capacity)

    def test_several_answers(self):
        sender, receiver = Chan.pipe_new(1)
        answers = sender.try_request({'n': 3}, 'R')

        def count(request):
            with request['R'] as reply:
                for number in range(request['n']):
                    reply.send(number)

        threading.Thread(target=count, args=(receiver.receive(),)).start()
        self.assertEqual([message.unpack() for message in answers], [0, 1, 2])

    def test_splice(self):
        sender, middle = Chan.pipe_new(2)
        forward, receiver = Chan.pipe_new(2)
        thread = threading.Thread(target=lambda: middle.splice(forward) and forward.close())
        thread.start()
        with sender:
            for number in range(10):
                sender.send(number)
                self.assertEqual(receiver.receive(timeout=TIMEOUT).unpack(), number)
        thread.join(TIMEOUT)
        self.assertFalse(thread.is_alive())

    def test_splice_with_a_timeout(self):
        sender, middle = Chan.pipe_new(2)
        forward, receiver = Chan.pipe_new(2)
        with self.assertRaises(GLib.Error) as caught:
            middle.splice(forward, timeout=0.05)
        self.assertTrue(caught.exception.matches(Gio.io_error_quark(), Gio.IOErrorEnum.TIMED_OUT))
        sender.send('still here')
        self.assertEqual(middle.receive().unpack(), 'still here')
        forward.close()
        self.assertIsNone(receiver.receive())


class Silent(GObject.Object, Chan.Transport):
    """A transport that never says whether it listens."""

    def do_listen(self, _listener, operation):
        given_up = GLib.Error.new_literal(Gio.io_error_quark(), 'given up', Gio.IOErrorEnum.CANCELLED)
        operation.get_cancellable().connect(lambda: operation.return_error(given_up))
        return True


class Sessions(Case):
    def test_listening_has_a_deadline(self):
        Chan.Transport.register('silent', Silent)
        for listen in (lambda: Chan.listen('silent:', timeout=0.05),
                       lambda: Chan.listen_until('silent:', GLib.get_monotonic_time() + 50_000, None)):
            with self.assertRaises(GLib.Error) as caught:
                listen()
            self.assertTrue(caught.exception.matches(Gio.io_error_quark(), Gio.IOErrorEnum.TIMED_OUT))

    def test_sessions_and_channels_are_iterable(self):
        for transport in ('memory', 'tcp', 'unix'):
            with self.subTest(transport):
                client, server = self.pair(transport)
                self.assertGreaterEqual(client.ping(timeout=TIMEOUT), 0)
                with client:
                    for name in ('a', 'b'):
                        with client.open_channel(name) as sender:
                            sender.send(name)
                    threading.Timer(WAIT, lambda: list(server)).start()     # pylint: disable=cell-var-from-loop

    def test_listener(self):
        with Chan.listen('memory:python-listener') as listener:
            threading.Timer(WAIT, Chan.connect, ['memory:python-listener']).start()
            self.assertIsInstance(listener.accept(timeout=TIMEOUT), Chan.Session)
            threading.Timer(WAIT, listener.close).start()
            self.assertEqual(list(listener), [])

    def test_nobody_there(self):
        self.assert_channel_error(Chan.ChannelError.NO_TRANSPORT, Chan.connect, 'nosuchscheme:x')


class Signals(Case):
    """What blocks in the main thread ends with Ctrl-C."""

    def calls(self):
        full, kept = Chan.pipe_new(1)
        full.send(1)
        rendezvous, nobody = Chan.pipe_new(0)
        sender, empty = Chan.pipe_new(1)
        client, server = self.pair('tcp')
        yield 'receive', empty.receive
        yield 'send', lambda: full.send(2)
        yield 'rendezvous', lambda: rendezvous.send(2)
        yield 'iteration', lambda: list(empty)
        yield 'select', lambda: Chan.select(empty, (full, 2))
        yield 'request', lambda: sender.request({}, 'R')
        yield 'accept_channel', server.accept_channel
        yield 'accept', Chan.listen('memory:python-signals').accept
        self.assertIsNotNone((kept, nobody, client))

    def test_ctrl_c(self):
        for name, call in self.calls():
            with self.subTest(name):
                started = time.monotonic()
                with self.assertRaises(KeyboardInterrupt):
                    threading.Timer(WAIT, os.kill, [os.getpid(), signal.SIGINT]).start()
                    call()
                self.assertLess(time.monotonic() - started, TIMEOUT / 2)

    def handle(self, handler):
        """Restored at the end, after the last of what later() will do: nobody else would survive a signal."""
        self.addCleanup(signal.signal, signal.SIGUSR1, signal.signal(signal.SIGUSR1, handler))

    def later(self, seconds, function, *arguments):
        timer = threading.Timer(seconds, function, arguments)
        self.addCleanup(timer.join, TIMEOUT)
        timer.start()

    def signal_later(self, seconds):
        self.later(seconds, os.kill, os.getpid(), signal.SIGUSR1)

    def test_a_handler_that_returns_lets_it_go_on(self):
        sender, receiver = Chan.pipe_new(1)
        heard = []

        def handle(*_arguments):
            heard.append(1)
            self.later(2 * WAIT, sender.send, 'after')

        self.handle(handle)
        self.signal_later(WAIT)
        self.assertEqual(receiver.receive(timeout=TIMEOUT).unpack(), 'after')
        self.assertEqual(heard, [1])

    def test_a_handler_may_make_calls_itself(self):
        """Which wait too, and neither loses what is its own."""
        outer, served = Chan.pipe_new(4)
        inner, other = Chan.pipe_new(1)
        heard = []

        def handle(*_arguments):
            self.later(WAIT, lambda: other.receive()['R'].send('inner'))
            heard.append(inner.request({}, 'R', timeout=TIMEOUT).unpack())
            self.later(WAIT, lambda: served.receive()['R'].send('outer'))

        self.handle(handle)
        for _ in range(3):
            self.signal_later(WAIT)
            self.assertEqual(outer.request({}, 'R', timeout=TIMEOUT).unpack(), 'outer')
        self.assertEqual(heard, ['inner'] * 3)

    def test_many_signals_lose_nothing(self):
        """Whatever moment they come at."""
        sender, receiver = self.channel('unix')
        heard = []
        stop = threading.Event()

        def interrupt():
            while not stop.is_set():
                os.kill(os.getpid(), signal.SIGUSR1)
                time.sleep(0.0003)

        def serve():
            for request in receiver:
                with request['R'] as reply:
                    reply.send(request['n'])

        self.handle(lambda *_: heard.append(1))
        self.later(0, serve)
        self.later(0, interrupt)
        try:
            for number in range(int(1000 * RUNS)):
                self.assertEqual(sender.request({'n': number}, 'R', timeout=TIMEOUT).unpack(), number)
        finally:
            stop.set()
            sender.close()
        self.assertGreater(len(heard), 10)

    def test_what_is_sent_after_a_call_that_a_handler_ended_goes_at_once(self):
        class Stop(Exception):
            pass

        def handle(*_arguments):
            raise Stop

        client, server = self.pair('unix')
        full, sender = client.open_channel('full'), client.open_channel('other')
        receivers = {channel.get_name(): channel for channel in (server.accept_channel(), server.accept_channel())}
        self.handle(handle)
        self.signal_later(WAIT)
        with self.assertRaises(Stop):
            while True:
                full.send('until it waits')
        took = []
        for _ in range(5):
            arrived = []
            thread = threading.Thread(target=lambda arrived=arrived: arrived.append(receivers['other'].receive() and time.monotonic()))
            thread.start()
            time.sleep(0.1)
            began = time.monotonic()
            sender.send('now')
            thread.join(TIMEOUT)
            took.append(arrived[0] - began)
        self.assertLess(min(took), 0.025)

    def test_who_else_wants_to_know_of_signals_is_told(self):
        sender, receiver = Chan.pipe_new(1)
        reader, writer = socket.socketpair()
        with reader, writer:
            writer.setblocking(False)
            reader.settimeout(TIMEOUT)
            self.handle(lambda *_: self.later(0, sender.send, 'heard'))
            fd = signal.set_wakeup_fd(writer.fileno())
            try:
                self.signal_later(WAIT)
                self.assertEqual(receiver.receive(timeout=TIMEOUT).unpack(), 'heard')
                self.assertEqual(reader.recv(10), bytes([signal.SIGUSR1]))
                self.assertEqual(signal.set_wakeup_fd(fd), writer.fileno())
            finally:
                signal.set_wakeup_fd(fd)

    def test_in_a_child_process(self):
        """Which has none of the threads."""
        sender, receiver = Chan.pipe_new(1)
        self.assert_raises(Gio.io_error_quark(), Gio.IOErrorEnum.TIMED_OUT, receiver.receive, timeout=WAIT)
        pid = os.fork()
        if pid == 0:
            try:
                sender, receiver = Chan.pipe_new(1)
                threading.Timer(WAIT, sender.send, ['child']).start()
                os._exit(0 if receiver.receive(timeout=TIMEOUT).unpack() == 'child' else 1)
            finally:
                os._exit(2)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0)
        sender.send('parent')
        self.assertEqual(receiver.receive().unpack(), 'parent')

    def test_others_run_meanwhile(self):
        """The interpreter's lock is free while a call blocks."""
        _sender, receiver = Chan.pipe_new(1)
        steps = []
        stop = threading.Event()

        def count():
            while not stop.is_set():
                steps.append(1)
                time.sleep(0.001)

        for where in (lambda call: call(), in_thread):
            steps.clear()
            stop.clear()
            thread = threading.Thread(target=count)
            thread.start()
            where(lambda: self.timed_out(receiver))
            stop.set()
            thread.join()
            self.assertGreater(len(steps), 10)

    def timed_out(self, receiver):
        self.assert_raises(Gio.io_error_quark(), Gio.IOErrorEnum.TIMED_OUT, receiver.receive, timeout=0.2)
        return True


if __name__ == '__main__':
    main()
