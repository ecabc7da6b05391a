# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs that listen and connect with the transports in Python and JavaScript: files_peer.py, files-peer.js."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'interop'))

import harness  # noqa: E402

TIMEOUT = 25
GJS = sys.argv.pop(1)
PEERS = {'Python': [sys.executable, str(HERE / 'files_peer.py')], 'JavaScript': [GJS, '-m', str(HERE / 'files-peer.js')]}


def each_language(case):
    """Makes of each with_x(self, language) a test for each language."""
    def with_language(method, language):
        return lambda self: method(self, language)

    for name, method in list(vars(case).items()):
        if name.startswith('with_'):
            for language in PEERS:
                setattr(case, f'test_{name[5:]}_{language}', with_language(method, language))
    return case


class PeersCase(unittest.TestCase):
    scheme = None

    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix=f'chan-{self.scheme}-')
        self.addCleanup(holder.cleanup)
        self.parent = pathlib.Path(holder.name)
        self.path = self.parent / 'greeter'
        self.uri = f'{self.scheme}:{self.path}'

    def start(self, language, *arguments, max_fds=None):
        # In programs, not in the child between fork and exec: here there are threads, which may hold any lock just then.
        limit = ['prlimit', f'--nofile={max_fds}:{max_fds}'] if max_fds else []
        process = subprocess.Popen(['setpriv', '--pdeathsig', 'KILL', *limit, *PEERS[language], *arguments],
                                   env=harness.environment(), text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(process.__exit__, None, None, None)
        self.addCleanup(process.kill)
        return process

    def listen(self, language, parameters='', **options):
        process = self.start(language, 'listen', self.uri + parameters, **options)
        self.assertEqual(process.stdout.readline(), 'listening\n')
        return process

    def assert_talks(self, client):
        self.assertEqual(client.stdout.readline(), 'HELLO\n')

    def assert_fails(self, language, what, uri, text):
        output, _ = self.start(language, what, uri).communicate(timeout=TIMEOUT)
        self.assertIn(text, output)

    def assert_ends(self, *processes):
        for process in processes:
            process.stdin.close()
            self.assertEqual(process.wait(TIMEOUT), 0)
