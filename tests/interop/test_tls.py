#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A peer of generation 2 over TLS, which ends as programs in Go may: without close_notify."""

import os
import pathlib
import queue
import ssl
import subprocess
import tempfile
import unittest

import harness
import raw_peer
from test_matrix import REQUESTS, SCENARIOS, SESSIONS

ENOUGH = 10


class OverTls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        holder = tempfile.TemporaryDirectory(prefix='chan-tls-')
        cls.addClassCleanup(holder.cleanup)
        directory = pathlib.Path(holder.name)
        subprocess.run([harness.build_dir() / 'tests' / 'unit' / 'make-certs', directory], check=True)
        config = directory / 'chan.conf'
        config.write_text('[Transport tls]\nCertificateFile=server.pem\nPrivateKeyFile=server.key\n')
        os.environ['CHAN_CONFIG'] = str(config)
        cls.tls = ssl.create_default_context(cafile=directory / 'ca.pem')

    def setUp(self):
        self.server = harness.Server('interop-peer', 'serve', ('tls://127.0.0.1:0',))
        self.addCleanup(self.server.stop)

    def next_line(self):
        try:
            return self.server.out.lines.get(timeout=ENOUGH).strip()
        except queue.Empty:
            self.fail(f'the server says no more; stderr: {self.server.err.text}')

    def play(self, scenario):
        caller = raw_peer.Caller(f'tls://{self.server.host}:{self.server.port}', self.tls)
        raw_peer.SCENARIOS[scenario][0](caller)
        caller.finish(scenario)
        wanted = [f'{name} ok' for name in REQUESTS.get(scenario, [scenario])] + ['session over'] * SESSIONS.get(scenario, 1)
        self.assertEqual(sorted(self.next_line() for _ in wanted), sorted(wanted))

    def test_all_had_its_end(self):
        """Nothing is missing, so that is no error."""
        for scenario in set(SCENARIOS) - set(raw_peer.NEVER_FINISHED):
            with self.subTest(scenario):
                self.play(scenario)

    def test_a_channel_was_open(self):
        """Whether its sender was done, nobody knows."""
        caller = raw_peer.Caller(f'tls://{self.server.host}:{self.server.port}', self.tls)
        caller.open()
        caller.peer.flush()
        caller.peer.ping()
        caller.peer.close()
        # The channel and the session say so in their own threads; the first of a channel ends this server.
        self.assertRegex(self.next_line(), '(session|request) failed: .*The connection ended without close_notify: the end may be missing')


if __name__ == '__main__':
    harness.main()
