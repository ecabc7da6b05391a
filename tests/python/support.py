# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of the Python overrides share."""

import os
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'interop'))

import gi  # noqa: E402

gi.require_version('Chan', '1')
from gi.repository import Chan, GLib  # noqa: E402

import harness  # noqa: E402

RUNS = float(os.environ.get('CHAN_TEST_RUNS', '1'))
TIMEOUT = 20

main = harness.main


def gone(error, code):
    return error.matches(Chan.channel_error_quark(), code)


class Case(unittest.TestCase):
    def assert_raises(self, domain, code, function, *arguments, **options):
        with self.assertRaises(GLib.Error) as caught:
            function(*arguments, **options)
        self.assertTrue(caught.exception.matches(domain, code), f'another error: {caught.exception}')

    def assert_channel_error(self, code, function, *arguments, **options):
        self.assert_raises(Chan.channel_error_quark(), code, function, *arguments, **options)

    def pair(self, transport):
        """Two sessions, connected."""
        directory = tempfile.TemporaryDirectory(prefix='chan-python-')
        self.addCleanup(directory.cleanup)
        uri = {'memory': f'memory:python-{id(directory)}', 'tcp': 'tcp://127.0.0.1:0',
               'unix': f'unix:{directory.name}/socket'}[transport]
        listener = Chan.listen(uri)
        self.addCleanup(listener.close)
        client = Chan.connect(listener.get_uri(), timeout=TIMEOUT)
        server = listener.accept(timeout=TIMEOUT)
        self.addCleanup(client.abort)
        self.addCleanup(server.abort)
        return client, server

    def channel(self, transport='pipe', capacity=16):
        if transport == 'pipe':
            return Chan.pipe_new(capacity)
        client, server = self.pair(transport)
        sender = client.open_channel('test')
        return sender, server.accept_channel(timeout=TIMEOUT)


CHANNELS = ('pipe', 'memory', 'tcp', 'unix')
