#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The transports over files in Python and JavaScript: with each other, at addresses that are wrong, and in distress."""

import contextlib
import os
import pathlib
import resource
import signal
import subprocess
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'interop'))

import harness  # noqa: E402

TIMEOUT = 25
GJS = sys.argv.pop(1)
PEERS = {'Python': [sys.executable, str(HERE / 'files_peer.py')], 'JavaScript': [GJS, '-m', str(HERE / 'files-peer.js')]}
NO_SUCH = '00000000-0000-0000-0000-000000000000'


def each_language(case):
    """Makes of each with_x(self, language) a test for each language."""
    def with_language(method, language):
        return lambda self: method(self, language)

    for name, method in list(vars(case).items()):
        if name.startswith('with_'):
            for language in PEERS:
                setattr(case, f'test_{name[5:]}_{language}', with_language(method, language))
    return case


@each_language
class Files(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix='chan-files-')
        self.addCleanup(holder.cleanup)
        self.parent = pathlib.Path(holder.name)
        self.path = self.parent / 'greeter'
        self.uri = f'files:{self.path}'

    def start(self, language, *arguments, max_fds=None):
        def prepare():
            harness.die_with_parent()
            if max_fds:
                resource.setrlimit(resource.RLIMIT_NOFILE, (max_fds, max_fds))

        process = subprocess.Popen([*PEERS[language], *arguments], env=harness.environment(), text=True, preexec_fn=prepare,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
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

    def assert_empty(self):
        """Of connections nothing is left, nor of the listener if it is gone."""
        deadline = time.monotonic() + TIMEOUT
        while (left := [path for path in self.parent.rglob('*') if path.name not in ('greeter', 'door')]) and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertEqual(left, [])

    def with_each_with_each(self, language):
        listener = self.listen(language)
        clients = [self.start(other, 'connect', self.uri) for other in PEERS for _ in range(3)]
        for client in clients:
            self.assert_talks(client)
        self.assert_empty()
        self.assert_ends(*clients, listener)
        self.assertEqual(list(self.parent.iterdir()), [])

    def with_wrong_addresses(self, language):
        for what in ('connect', 'listen'):
            self.assert_fails(language, what, 'files:greeter', 'The whole path of a directory is expected')
        self.assert_fails(language, 'connect', self.uri, 'nobody listens there')
        self.assert_fails(language, 'listen', f'{self.uri}/deeper', 'No such file or directory')
        self.assertEqual(list(self.parent.iterdir()), [])

    def with_directories_of_others(self, language):
        self.path.mkdir()
        self.path.chmod(0o750)
        self.assert_fails(language, 'connect', self.uri, 'is not a directory that only you can enter')
        self.path.chmod(0o700)
        self.assert_fails(language, 'connect', self.uri, 'nobody listens there')
        (self.parent / 'link').symlink_to(self.path)
        self.assert_fails(language, 'connect', f'files:{self.parent}/link', 'is not a directory that only you can enter')
        if os.geteuid() == 0:
            os.chown(self.path, 65534, 65534)
            self.assert_fails(language, 'connect', self.uri, 'is not a directory that only you can enter')
        (self.parent / 'link').unlink()
        self.path.rmdir()

    def with_second_listener(self, language):
        listener = self.listen(language)
        for other in PEERS:
            self.assert_fails(other, 'listen', self.uri, 'File exists')
        client = self.start(language, 'connect', self.uri)
        self.assert_talks(client)
        self.assert_ends(client, listener)

    def with_listener_that_was_killed(self, language):
        listener = self.listen(language)
        listener.send_signal(signal.SIGKILL)
        listener.wait(TIMEOUT)
        for other in PEERS:
            self.assert_fails(other, 'connect', self.uri, 'nobody listens there')
        self.assert_empty()
        (self.path / 'door').unlink()
        self.path.rmdir()

    def with_clients_that_vanish(self, language):
        """Knocks without pipes, with pipes that nobody has opened, and what is no knock."""
        listener = self.listen(language)
        for way in ('up', 'down'):
            os.mkfifo(self.path / f'{NO_SUCH}.{way}', 0o600)
        with open(self.path / 'door', 'wb', buffering=0) as door:
            for knock in (NO_SUCH, NO_SUCH, '../../etc/passwd', 'x' * 500, ''):
                door.write(f'{knock}\n'.encode())
        self.assert_empty()
        client = self.start(language, 'connect', self.uri)
        self.assert_talks(client)
        self.assert_ends(client, listener)
        self.assertEqual(list(self.parent.iterdir()), [])

    def with_peer_that_is_killed(self, language):
        """The end of its pipes is the end of the session."""
        listener = self.listen(language, '?max-sessions=1')
        for other in [*PEERS] * 2:
            client = self.start(other, 'connect', self.uri)
            with contextlib.suppress(AssertionError):       # until the listener has noticed that the one before is gone
                self.assert_talks(client)
            while client.poll() is not None:
                client = self.start(other, 'connect', self.uri)
                client.stdout.readline()
            client.kill()
            client.wait(TIMEOUT)
        self.assert_ends(listener)

    def with_one_too_many(self, language):
        listener = self.listen(language, '?max-sessions=1')
        client = self.start(language, 'connect', self.uri)
        self.assert_talks(client)
        second = self.start(language, 'connect', self.uri)
        self.assertNotEqual(second.stdout.readline(), 'HELLO\n')
        self.assertEqual(second.wait(TIMEOUT), 1)
        self.assert_ends(client, listener)

    def with_descriptors_are_short(self, language):
        """Whoever comes when there are none waits, or is turned away; those who come later are served."""
        listener = self.listen(language, max_fds=40)
        crowd = [self.start('Python', 'connect', self.uri) for _ in range(16)]
        served = [client for client in crowd[:4] if client.stdout.readline() == 'HELLO\n']
        self.assertTrue(served)
        for client in crowd:
            client.kill()
            client.wait(TIMEOUT)
        client = self.start(language, 'connect', self.uri)
        self.assert_talks(client)
        self.assert_ends(client, listener)
        self.assertEqual(list(self.parent.iterdir()), [])


if __name__ == '__main__':
    harness.main()
