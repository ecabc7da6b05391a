#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The transports over files in Python and JavaScript: with each other, at addresses that are wrong, and in distress."""

import contextlib
import os
import signal
import time

import peers

NO_SUCH = '00000000-0000-0000-0000-000000000000'


@peers.each_language
class Files(peers.PeersCase):
    scheme = 'files'

    def assert_empty(self):
        """Of connections nothing is left, nor of the listener if it is gone."""
        deadline = time.monotonic() + peers.TIMEOUT
        while (left := [path for path in self.parent.rglob('*') if path.name not in ('greeter', 'door')]) and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertEqual(left, [])

    def with_each_with_each(self, language):
        listener = self.listen(language)
        clients = [self.start(other, 'connect', self.uri) for other in peers.PEERS for _ in range(3)]
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
        for other in peers.PEERS:
            self.assert_fails(other, 'listen', self.uri, 'File exists')
        client = self.start(language, 'connect', self.uri)
        self.assert_talks(client)
        self.assert_ends(client, listener)

    def with_listener_that_was_killed(self, language):
        listener = self.listen(language)
        listener.send_signal(signal.SIGKILL)
        listener.wait(peers.TIMEOUT)
        for other in peers.PEERS:
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
        for other in [*peers.PEERS] * 2:
            client = self.start(other, 'connect', self.uri)
            with contextlib.suppress(AssertionError):       # until the listener has noticed that the one before is gone
                self.assert_talks(client)
            while client.poll() is not None:
                client = self.start(other, 'connect', self.uri)
                client.stdout.readline()
            client.kill()
            client.wait(peers.TIMEOUT)
        self.assert_ends(listener)

    def with_one_too_many(self, language):
        listener = self.listen(language, '?max-sessions=1')
        client = self.start(language, 'connect', self.uri)
        self.assert_talks(client)
        second = self.start(language, 'connect', self.uri)
        self.assertNotEqual(second.stdout.readline(), 'HELLO\n')
        self.assertEqual(second.wait(peers.TIMEOUT), 1)
        self.assert_ends(client, listener)

    def with_descriptors_are_short(self, language):
        """Whoever comes when there are none waits, or is turned away; those who come later are served."""
        listener = self.listen(language, max_fds=40)
        crowd = [self.start('Python', 'connect', self.uri) for _ in range(16)]
        served = [client for client in crowd[:4] if client.stdout.readline() == 'HELLO\n']
        self.assertTrue(served)
        for client in crowd:
            client.kill()
            client.wait(peers.TIMEOUT)
        client = self.start(language, 'connect', self.uri)
        self.assert_talks(client)
        self.assert_ends(client, listener)
        self.assertEqual(list(self.parent.iterdir()), [])


if __name__ == '__main__':
    peers.harness.main()
