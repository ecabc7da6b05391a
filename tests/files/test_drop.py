#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Listeners of the transports in Python, dropped and closed: nothing of them is left, whatever their threads do meanwhile."""

import os
import pathlib
import sys
import tempfile
import threading
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'interop'))

import gi  # noqa: E402

gi.require_version('Chan', '1')
from gi.repository import Chan, GLib  # noqa: E402

import files_transport  # noqa: E402
import harness  # noqa: E402
import pair_transport  # noqa: E402

TIMEOUT = 25
TELLING = 0.02
SCHEMES = ['files', 'pair']


def descriptors():
    return len(os.listdir('/proc/self/fd'))


def late(scheme, transport, serve):
    """Registers a transport whose thread ends while weak references to its listener are being told that it is gone."""
    class Late(transport):
        __gtype_name__ = f'Late{transport.__name__}'

        def do_listen(self, listener, operation):
            self.telling = telling = threading.Event()

            def told():
                telling.set()
                time.sleep(TELLING)

            listener.weak_ref(told)     # the first one, so the transport's is told after it
            return transport.do_listen(self, listener, operation)

    def serve_late(self, *arguments):
        getattr(transport, serve)(self, *arguments)
        self.telling.wait(TIMEOUT)

    setattr(Late, serve, serve_late)
    Chan.Transport.register(scheme, Late)


late('latefiles', files_transport.FilesTransport, 'serve')
late('latepair', pair_transport.PairTransport, '_serve')


class Drop(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix='chan-drop-')
        self.addCleanup(holder.cleanup)
        self.parent = pathlib.Path(holder.name)

    def wait_until(self, condition, what):
        deadline = time.monotonic() + TIMEOUT
        while not condition():
            self.assertLess(time.monotonic(), deadline, what)
            time.sleep(0.01)

    def use(self, scheme, end):
        uri = f'{scheme}:{self.parent}/greeter'
        listener = Chan.listen(uri)
        client = Chan.connect(uri, timeout=TIMEOUT)
        listener.accept(timeout=TIMEOUT).abort()
        client.abort()
        end(listener)
        del listener
        self.wait_until(lambda: not list(self.parent.iterdir()), 'the directory is there')
        with self.assertRaises(GLib.Error):
            Chan.connect(uri, timeout=TIMEOUT)

    def each(self, end):
        for scheme in SCHEMES:
            with self.subTest(scheme):
                self.use(scheme, end)
                fds = descriptors()     # with those that the library has from then on
                for _ in range(10):
                    self.use(scheme, end)
                self.wait_until(lambda: threading.active_count() == 1, 'threads are left')
                self.wait_until(lambda: descriptors() <= fds, 'file descriptors are left')

    def test_dropped_listener_leaves_nothing(self):
        self.each(lambda _listener: None)

    def test_closed_listener_leaves_nothing(self):
        self.each(Chan.Listener.close)

    def test_thread_that_ends_late_does_not_touch_the_listener(self):
        for scheme in SCHEMES:
            with self.subTest(scheme):
                for _ in range(5):
                    Chan.listen(f'late{scheme}:{self.parent}/greeter')
                    self.wait_until(lambda: threading.active_count() == 1, 'threads are left')


if __name__ == '__main__':
    harness.main()
