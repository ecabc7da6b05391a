#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Chan.StreamTransport: what its methods raise, when they are called, and in which threads."""

import asyncio
import contextlib
import errno
import gc
import io
import os
import queue
import resource
import select
import signal
import socket
import ssl
import threading
import time
import unittest.mock

from support import TIMEOUT, Case, harness, main
from gi.overrides import _chan_transport
from gi.repository import Chan, Gio, GLib

WAIT = 0.02
IO = Gio.io_error_quark()
CHAN = Chan.channel_error_quark()


def stream_of(end):
    return Gio.Socket.new_from_fd(end.detach()).connection_factory_create_connection()


class Inner(Chan.StreamTransport):
    """inner:NAME, within this process."""
    waiting = {}        # {name: queue of streams, or of what is raised}
    log = queue.Queue()     # what was called, where
    latest = None

    def open_stream(self, uri, cancellable):
        try:
            there = self.waiting[uri.get_path()]
        except KeyError:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)) from None
        near, far = socket.socketpair()
        there.put(stream_of(far))
        return stream_of(near)

    def start_listening(self, uri):
        self.name = uri.get_path()
        if self.name in self.waiting:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        Inner.latest = self
        self.waiting[self.name] = self.queue = queue.Queue()
        self.log.put(('start', threading.current_thread()))

    def accept_stream(self, cancellable):
        while True:
            cancellable.set_error_if_cancelled()
            with contextlib.suppress(queue.Empty):
                item = self.queue.get(timeout=WAIT)
                if isinstance(item, BaseException):
                    raise item
                return item

    def stop_listening(self):
        self.log.put(('stop', threading.current_thread()))
        del self.waiting[self.name]


class Raising(Chan.StreamTransport):
    """raising:, which raises what it is told, and returns what it is told otherwise."""
    what = None

    def give(self):
        if isinstance(self.what, BaseException):
            raise self.what
        return self.what

    def open_stream(self, uri, cancellable):
        return self.give()

    def start_listening(self, uri):
        self.give()

    def accept_stream(self, cancellable):
        raise AssertionError('it does not listen')


class Gone(Inner):
    """gone:, to which come only those who are gone again."""
    calls = 0

    def accept_stream(self, cancellable):
        Gone.calls += 1
        raise ConnectionAbortedError(errno.ECONNABORTED, os.strerror(errno.ECONNABORTED))


class Silent(Chan.StreamTransport):
    """silent:, which connects to nobody and does not listen."""


class Deaf(Inner):
    """deaf:, which does not look whether it is to stop."""
    waits = go_on = None    # events

    def accept_stream(self, cancellable):
        self.waits.set()
        self.go_on.wait(TIMEOUT)


class Patient(Chan.StreamTransport):
    """patient:, which waits until it is to stop."""
    def open_stream(self, uri, cancellable):
        select.select([cancellable.get_fd()], [], [])
        cancellable.set_error_if_cancelled()


TRANSPORTS = {'inner': Inner, 'raising': Raising, 'silent': Silent, 'deaf': Deaf, 'gone': Gone, 'patient': Patient}
for scheme, transport in TRANSPORTS.items():
    Chan.Transport.register(scheme, transport)


class StreamTransport(Case):
    def setUp(self):
        Deaf.waits, Deaf.go_on = threading.Event(), threading.Event()
        while not Inner.log.empty():
            Inner.log.get()

    def listen(self, uri='inner:here'):
        listener = Chan.listen(uri)
        self.addCleanup(listener.close)
        return listener

    def connect(self, uri='inner:here'):
        session = Chan.connect(uri, timeout=TIMEOUT)
        self.addCleanup(session.abort)
        return session

    def assert_serves(self, listener, session=None):
        session = session or self.connect()
        with session.open_channel('greeting') as sender:
            sender.send('hello', timeout=TIMEOUT)
        accepted = listener.accept(timeout=TIMEOUT)
        self.addCleanup(accepted.abort)
        self.assertEqual(accepted.accept_channel(timeout=TIMEOUT).receive(timeout=TIMEOUT).unpack(), 'hello')

    def assert_error(self, domain, code, text, call, *arguments, complains=False, **options):
        complaint = io.StringIO()
        with contextlib.redirect_stderr(complaint), self.assertRaises(GLib.Error) as caught:
            call(*arguments, **options)
        self.assertTrue(caught.exception.matches(domain, code), f'another error: {caught.exception}')
        self.assertEqual(caught.exception.message, text)
        self.assertEqual('Traceback' in complaint.getvalue(), complains, complaint.getvalue())

    def assert_stopped(self, elsewhere=True):
        """Here and not later."""
        calls = {}
        while not Inner.log.empty():
            name, calls[name] = Inner.log.get()
        self.assertEqual(list(calls), ['start', 'stop'])
        self.assertEqual(calls['stop'] is not calls['start'], elsewhere)
        self.assertNotIn('here', Inner.waiting)

    # --- both ends

    def test_sessions_are_served_without_a_main_loop(self):
        listener = self.listen()
        for _ in range(3):
            self.assert_serves(listener)

    def test_asyncio(self):
        async def both():
            listener = await Chan.listen_async('inner:here')
            self.addCleanup(listener.close)
            session, accepted = await asyncio.gather(Chan.connect_async('inner:here'), listener.accept_async())
            self.addCleanup(session.abort)
            self.addCleanup(accepted.abort)
            await session.open_channel().send_async('hello')
            channel = await accepted.accept_channel_async()
            return (await channel.receive_async()).unpack()

        self.assertEqual(asyncio.run(both()), 'hello')

    def test_one_too_many_is_closed_and_those_who_come_later_are_served(self):
        listener = self.listen('inner:here?max-sessions=1')
        first = Chan.connect('inner:here', timeout=TIMEOUT)
        accepted = listener.accept(timeout=TIMEOUT)
        with self.assertRaises(GLib.Error):
            self.connect()
        first.abort()
        accepted.abort()
        del accepted
        session = None
        with harness.time_limit(TIMEOUT):
            while session is None:      # until the first one's place is free
                with contextlib.suppress(GLib.Error):
                    session = self.connect()
        self.assert_serves(listener, session)

    # --- what is raised

    def test_what_open_stream_raises(self):
        cases = [
            (FileNotFoundError(errno.ENOENT, 'text', '/x'), IO, Gio.IOErrorEnum.NOT_FOUND, 'nobody listens there (text: /x)', False),
            (ConnectionRefusedError(errno.ECONNREFUSED, 'text'), IO, Gio.IOErrorEnum.CONNECTION_REFUSED, 'nobody listens there (text)', False),
            (PermissionError(errno.EACCES, 'No entry', b'/y'), IO, Gio.IOErrorEnum.PERMISSION_DENIED, 'No entry: /y', False),
            (TimeoutError('too late'), IO, Gio.IOErrorEnum.TIMED_OUT, 'too late', False),
            (ssl.SSLWantReadError(ssl.SSL_ERROR_WANT_READ, 'no more'), IO, Gio.IOErrorEnum.FAILED, 'no more', False),
            (OSError('just so'), IO, Gio.IOErrorEnum.FAILED, 'just so', False),
            (KeyError('key'), CHAN, Chan.ChannelError.FAILED, "KeyError: 'key'", True),
            (SystemExit(3), CHAN, Chan.ChannelError.FAILED, 'SystemExit: 3', True),
        ]
        for Raising.what, domain, code, why, complains in cases:
            with self.subTest(why):
                self.assert_error(domain, code, f'Cannot connect to raising:there: {why}', Chan.connect,
                                  'raising:there?connect-timeout-sec=20', complains=complains)
        Raising.what = GLib.Error.new_literal(CHAN, 'as it is', Chan.ChannelError.PERMISSION)
        self.assert_error(CHAN, Chan.ChannelError.PERMISSION, 'as it is', Chan.connect, 'raising:there')

    def test_open_stream_that_returns_no_stream(self):
        Raising.what = None
        with contextlib.redirect_stderr(io.StringIO()) as complaint, self.assertRaisesRegex(GLib.Error, 'raising:there: TypeError'):
            Chan.connect('raising:there', timeout=TIMEOUT)
        self.assertIn('Traceback', complaint.getvalue())

    def test_what_start_listening_raises(self):
        Raising.what = PermissionError(errno.EACCES, 'No entry')
        self.assert_error(IO, Gio.IOErrorEnum.PERMISSION_DENIED, 'Cannot listen at raising:there: No entry', Chan.listen, 'raising:there')
        Raising.what = ValueError('odd')
        self.assert_error(CHAN, Chan.ChannelError.FAILED, 'Cannot listen at raising:there: ValueError: odd', Chan.listen,
                          'raising:there', complains=True)
        listener = self.listen()
        self.assert_error(IO, Gio.IOErrorEnum.EXISTS, 'Cannot listen at inner:here: File exists', Chan.listen, 'inner:here')
        self.assert_serves(listener)

    def test_half_a_transport(self):
        self.assert_error(CHAN, Chan.ChannelError.UNSUPPORTED, 'Silent cannot connect', Chan.connect, 'silent:there')
        self.assert_error(CHAN, Chan.ChannelError.UNSUPPORTED, 'Silent cannot listen', Chan.listen, 'silent:there')

    def test_complaint_that_cannot_be_written(self):
        Raising.what = KeyError('key')
        full = unittest.mock.Mock(write=unittest.mock.Mock(side_effect=OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))))
        with contextlib.redirect_stderr(full), self.assertRaisesRegex(GLib.Error, "KeyError: 'key'"):
            Chan.connect('raising:there', timeout=TIMEOUT)
        full.write.assert_called()

    def test_what_accept_stream_raises_fails_the_listener(self):
        for raised, domain, code, why, complains in (
                (PermissionError(errno.EACCES, 'No entry'), IO, Gio.IOErrorEnum.PERMISSION_DENIED, 'No entry', False),
                (KeyError('key'), CHAN, Chan.ChannelError.FAILED, "KeyError: 'key'", True)):
            with self.subTest(why):
                self.assert_fails_listener(raised, domain, code, f'Cannot listen at inner:here any more: {why}', complains)
        for code in Gio.IOErrorEnum.FAILED, Gio.IOErrorEnum.NO_SPACE:
            with self.subTest(code):
                self.assert_fails_listener(GLib.Error.new_literal(IO, 'as it is', code), IO, code, 'as it is', False)

    def assert_fails_listener(self, raised, domain, code, text, complains):
        listener = self.listen()

        def accept():
            Inner.waiting['here'].put(raised)
            listener.accept(timeout=TIMEOUT)

        self.assert_error(domain, code, text, accept, complains=complains)
        self.assert_stopped()       # before it is told

    def test_accept_stream_that_returns_no_stream(self):
        with contextlib.redirect_stderr(io.StringIO()) as complaint, self.assertRaisesRegex(GLib.Error, 'inner:here any more: TypeError'):
            listener = self.listen()
            Inner.waiting['here'].put('no stream')
            listener.accept(timeout=TIMEOUT)
        self.assertIn('Traceback', complaint.getvalue())

    def test_peers_that_are_gone_again_and_again_cost_no_processor_time(self):
        listener = self.listen('gone:here')
        self.wait_until(lambda: Gone.calls > 3)
        before = Gone.calls
        time.sleep(1)
        self.assertLess(Gone.calls - before, 200)
        listener.close()

    def test_no_thread_can_be_started(self):
        start = threading.Thread.start

        def start_others(thread):
            if thread.name.startswith(('connecting', 'listening')):
                raise RuntimeError("can't start new thread")
            start(thread)

        for call, what in (Chan.connect, 'connect to'), (Chan.listen, 'listen at'):
            with self.subTest(what), unittest.mock.patch.object(threading.Thread, 'start', start_others):
                self.assert_error(CHAN, Chan.ChannelError.FAILED, f"Cannot {what} inner:here: RuntimeError: can't start new thread",
                                  call, 'inner:here', complains=True)
        self.assert_stopped(elsewhere=False)

    def test_descriptors_are_short(self):
        """GLib would end the process, in the one case when the cancellable is polled, in the other when it is made to be."""
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.listen().close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir('/proc/self/fd')), limits[1]))
        try:
            for call, uri in (Chan.connect, 'patient:there'), (Chan.listen, 'inner:here'):
                with self.subTest(uri), self.assertRaises(GLib.Error) as caught:
                    call(uri, timeout=TIMEOUT)
                self.assertTrue(caught.exception.matches(IO, Gio.IOErrorEnum.TOO_MANY_OPEN_FILES), caught.exception)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)

    def test_who_is_gone_and_short_descriptors_are_survived(self):
        listener = self.listen()
        raised = [OSError(number, os.strerror(number)) for number in (errno.EMFILE, errno.ENFILE, errno.EPIPE, errno.ECONNABORTED)]
        raised += [GLib.Error.new_literal(IO, 'text', code) for code in (Gio.IOErrorEnum.BROKEN_PIPE, Gio.IOErrorEnum.TOO_MANY_OPEN_FILES)]
        for item in [*raised, None]:
            Inner.waiting['here'].put(item)
        self.assert_serves(listener)

    # --- how it ends

    def wait_until(self, condition):
        deadline = time.monotonic() + TIMEOUT
        while not condition():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(WAIT)

    def test_close_returns_when_all_is_clean(self):
        for _ in range(20):
            listener = self.listen()
            listener.close()
            self.assert_stopped()

    def test_sessions_survive_the_listener(self):
        listener = self.listen()
        session = self.connect()
        accepted = listener.accept(timeout=TIMEOUT)
        self.addCleanup(accepted.abort)
        listener.close()
        session.open_channel().send('still here', timeout=TIMEOUT)
        self.assertEqual(accepted.accept_channel(timeout=TIMEOUT).receive(timeout=TIMEOUT).unpack(), 'still here')

    def test_dropped_listener_stops(self):
        for _ in range(20):
            listener = Chan.listen('inner:here')
            self.connect()
            listener.accept(timeout=TIMEOUT).abort()
            del listener
            gc.collect()
            self.wait_until(lambda: 'here' not in Inner.waiting)
        self.wait_until(lambda: not [thread for thread in threading.enumerate() if thread.name.startswith('listening')])

    def test_signal_ends_a_close_that_waits(self):
        def interrupt(_number, _frame):
            raise KeyboardInterrupt

        listener = self.listen('deaf:here')
        Deaf.waits.wait(TIMEOUT)
        usual = signal.signal(signal.SIGALRM, interrupt)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            self.assertRaises(KeyboardInterrupt, listener.close)
        finally:
            signal.signal(signal.SIGALRM, usual)
            Deaf.go_on.set()
        self.wait_until(lambda: 'here' not in Inner.waiting)

    def test_child_does_not_stop_its_parent(self):
        listener = self.listen()
        child = os.fork()
        if child == 0:
            Chan.Listener.close(listener)
            os._exit(0)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        self.assertEqual(select.select([Inner.latest._stopped.get_fd()], [], [], 0)[0], [])
        self.assert_serves(listener)

    def test_transport_that_does_not_stop_does_not_hold_up_close(self):
        usual, _chan_transport.JOIN_SECONDS = _chan_transport.JOIN_SECONDS, 0.1
        try:
            listener = self.listen('deaf:here')
            Deaf.waits.wait(TIMEOUT)
            listener.close()
            self.assertIn('here', Inner.waiting)
        finally:
            _chan_transport.JOIN_SECONDS = usual
            Deaf.go_on.set()
        self.wait_until(lambda: 'here' not in Inner.waiting)

    def test_cancelled_connect(self):
        cancellable = Gio.Cancellable.new()
        threading.Timer(0.05, cancellable.cancel).start()
        self.assert_raises(IO, Gio.IOErrorEnum.CANCELLED, Chan.connect, 'patient:there', cancellable)
        self.assert_raises(IO, Gio.IOErrorEnum.TIMED_OUT, Chan.connect, 'patient:there', timeout=0.05)
        self.wait_until(lambda: not [thread for thread in threading.enumerate() if thread.name.startswith('connecting')])


if __name__ == '__main__':
    main()
