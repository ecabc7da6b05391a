#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The transports over a pair of pipes: the one in Python here, the one in JavaScript in processes, and both together."""

import ast
import contextlib
import errno
import os
import pathlib
import resource
import select
import threading
import time
import unittest.mock

import gi

gi.require_version('Chan', '1')
from gi.repository import Chan, Gio, GLib  # noqa: E402

import pair_transport  # noqa: E402    registers pair:
import peers  # noqa: E402

NOBODY = 'nobody listens there'
NOT_OURS = 'is not a directory that only you can enter'


def serve(session):
    with contextlib.suppress(GLib.Error):       # the client is gone
        for channel in session:
            with contextlib.suppress(GLib.Error):       # nobody asks there any more
                for request in channel:
                    with request['Reply'] as reply:
                        reply.send(request['Text'].upper())


def accept(listener):
    for session in listener:
        threading.Thread(target=serve, args=(session,), daemon=True).start()


@contextlib.contextmanager
def listening(uri):
    listener = Chan.listen(uri)
    accepting = threading.Thread(target=accept, args=(listener,), daemon=True)
    accepting.start()
    try:
        yield listener
    finally:
        listener.close()
        accepting.join(peers.TIMEOUT)


@contextlib.contextmanager
def descriptors_short_there():
    """For the listener; really, GLib may end the process, if a thread takes the last that another has seen."""
    room = pair_transport.room

    def no_room():
        if threading.current_thread().name.startswith('listening'):
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    pair_transport.room = no_room
    try:
        yield
    finally:
        pair_transport.room = room


class Pair(peers.PeersCase):
    scheme = 'pair'

    def connect(self):
        session = Chan.connect(self.uri, timeout=peers.TIMEOUT)
        self.addCleanup(session.abort)
        return session

    def talk(self, session):
        self.assertEqual(session.open_channel().request({'Text': 'hello'}, 'Reply', timeout=peers.TIMEOUT).unpack(), 'HELLO')

    def js_client(self):
        client = self.start('JavaScript', 'connect', self.uri)
        self.assert_talks(client)
        return client

    def assert_refused(self, call, uri, text):
        with self.assertRaises(GLib.Error) as raised:
            call(uri)
        self.assertIn(text, raised.exception.message)
        self.assertNotIn('\n', raised.exception.message)

    def offer(self):
        """What a listener makes, which then does nothing: the end that reads, and the one that writes."""
        self.path.mkdir(0o700, exist_ok=True)
        ends = []
        for way, flags in ('down', os.O_RDWR), ('up', os.O_RDONLY):
            made, name = self.path / f'1.{way}.new', self.path / f'1.{way}'
            os.mkfifo(made, 0o600)
            ends.append(open(os.open(made, flags | os.O_NONBLOCK), 'r+b' if flags else 'rb', buffering=0))
            self.addCleanup(ends[-1].close)
            made.rename(name)       # clients may be looking
        return ends[::-1]

    def assert_came_and_went(self, end):
        for expected in b'!', b'':
            self.assertEqual(select.select([end], [], [], peers.TIMEOUT)[0], [end])
            self.assertEqual(end.read(2), expected)
        # It has taken the pair, so that no other client can.
        self.assertFalse((self.path / '1.up').exists())

    def assert_parent_is_empty(self):
        self.assertEqual(list(self.parent.iterdir()), [])

    def test_is_as_short_as_the_guide_says(self):
        tree = ast.parse(pathlib.Path(pair_transport.__file__).read_text(encoding='utf-8'))
        for node in ast.walk(tree):
            if ast.get_docstring(node) if isinstance(node, (ast.Module, ast.FunctionDef, ast.ClassDef)) else None:
                del node.body[0]
        # without comments, and a long line is one
        self.assertLessEqual(len([line for line in ast.unparse(tree).splitlines() if line]), 60)

    # --- both together

    def test_listener_in_python_with_each(self):
        with listening(self.uri):
            sessions = [self.connect() for _ in range(20)]
            clients = [self.js_client() for _ in range(2)]
            for session in sessions:
                self.talk(session)
            self.assertEqual(sorted(path.suffix for path in self.path.iterdir()), ['.down', '.up'])
        self.assert_parent_is_empty()
        for session in sessions:
            self.talk(session)
        self.assert_ends(*clients)

    def test_listener_in_javascript_with_each(self):
        listener = self.listen('JavaScript')
        sessions = [self.connect() for _ in range(20)]
        client = self.js_client()
        for session in sessions:
            self.talk(session)
        self.assert_ends(client, listener)
        self.assert_parent_is_empty()

    # --- addresses

    def test_nobody_there(self):
        self.assert_refused(Chan.connect, self.uri, NOBODY)
        self.assert_fails('JavaScript', 'connect', self.uri, NOBODY)
        self.assert_refused(Chan.listen, f'{self.uri}/deeper', 'No such file or directory')
        self.assert_parent_is_empty()

    def test_path_that_is_taken(self):
        with listening(self.uri):
            self.assert_refused(Chan.listen, self.uri, 'File exists')
            self.assert_fails('JavaScript', 'listen', self.uri, 'File exists')
            self.talk(self.connect())

    def test_directories_of_others(self):
        self.offer()
        self.path.chmod(0o750)
        self.assert_refused(Chan.connect, self.uri, NOT_OURS)
        self.assert_fails('JavaScript', 'connect', self.uri, NOT_OURS)
        self.path.chmod(0o700)
        (self.parent / 'link').symlink_to(self.path)
        self.assert_refused(Chan.connect, f'pair:{self.parent}/link', NOT_OURS)
        self.assert_fails('JavaScript', 'connect', f'pair:{self.parent}/link', NOT_OURS)
        if os.geteuid() == 0:
            os.chown(self.path, 65534, 65534)
            self.assert_refused(Chan.connect, self.uri, NOT_OURS)
            self.assert_fails('JavaScript', 'connect', self.uri, NOT_OURS)
        self.assertTrue((self.path / '1.up').exists())

    # --- peers that are gone, or silent

    def test_listener_that_was_killed(self):
        for connect in (lambda: self.assert_refused(Chan.connect, self.uri, NOBODY),
                        lambda: self.assert_fails('JavaScript', 'connect', self.uri, NOBODY)):
            for end in self.offer():
                end.close()
            connect()
            for path in self.path.iterdir():
                path.unlink()
            self.path.rmdir()

    def test_cancelled_connect_leaves_nothing(self):
        with listening(self.uri):
            self.connect().abort()      # after that the library has what it keeps
        up, _down = self.offer()
        fds, threads = len(os.listdir('/proc/self/fd')), threading.active_count()
        cancellable, errors = Gio.Cancellable.new(), []

        def connect():
            try:
                Chan.connect(self.uri, cancellable)
            except GLib.Error as error:
                errors.append(error)

        connecting = threading.Thread(target=connect)
        connecting.start()
        self.assertEqual(select.select([up], [], [], peers.TIMEOUT)[0], [up])
        cancellable.cancel()
        connecting.join(peers.TIMEOUT)
        self.assertTrue(errors[0].matches(Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED))
        self.assert_came_and_went(up)
        with peers.harness.time_limit(peers.TIMEOUT):
            while threading.active_count() > threads or len(os.listdir('/proc/self/fd')) > fds:
                time.sleep(0.01)

    def test_silent_listener_is_given_up_in_javascript(self):
        up, _down = self.offer()
        self.assert_fails('JavaScript', 'connect', f'{self.uri}?connect-timeout-sec=1', 'time')
        self.assert_came_and_went(up)

    def test_client_that_was_killed_before_it_wrote(self):
        with listening(self.uri):
            self.connect().abort()      # now there is another pair
            up, = self.path.glob('*.up')
            os.close(os.open(up, os.O_WRONLY | os.O_NONBLOCK))
            with peers.harness.time_limit(peers.TIMEOUT):
                while up.exists() or not any(self.path.glob('*.up')):
                    pass
            self.talk(self.connect())

    def test_client_that_waits_when_the_listener_is_closed_is_told_at_once(self):
        deliver = pair_transport.PairTransport._deliver

        def deliver_and_stay(transport, stream):
            deliver(transport, stream)
            while not transport._stopped.is_cancelled():
                time.sleep(0.01)

        with unittest.mock.patch.object(pair_transport.PairTransport, '_deliver', deliver_and_stay), listening(self.uri) as listener:
            self.connect().abort()      # now the other pair is there
            up, = self.path.glob('*.up')
            pair = pair_transport.open_pair(up.with_suffix('.down'), up)
            listener.close()
            source = pair.get_input_stream()
            self.assertEqual(select.select([source.get_fd()], [], [], peers.TIMEOUT)[0], [source.get_fd()])
            self.assertEqual(source.read_bytes(1).get_size(), 0)

    def test_pair_that_is_given_up_is_no_answer(self):
        given_up = self.offer()
        self.start('Python', 'connect', self.uri)
        self.assertEqual(select.select(given_up[:1], [], [], peers.TIMEOUT)[0], given_up[:1])
        for end in given_up:
            end.close()
        up, _down = self.offer()
        self.assertEqual(select.select([up], [], [], peers.TIMEOUT)[0], [up])
        self.assertEqual(up.read(2), b'!')

    def test_clients_wait_for_their_turn(self):
        ends = [self.offer()]
        clients = [self.start(language, 'connect', self.uri) for language in peers.PEERS]
        for wait in range(2):
            up = ends[-1][0]
            self.assertEqual(select.select([up], [], [], peers.TIMEOUT)[0], [up])
            self.assertEqual(up.read(2), b'!')
            self.assertFalse((self.path / '1.up').exists())
            time.sleep(1)       # the other looks again and again
            for client in clients:
                self.assertLess(len(os.listdir(f'/proc/{client.pid}/fd')), 40)
            if wait == 0:
                ends.append(self.offer())

    def test_directory_without_a_listener(self):
        self.path.mkdir(0o700)
        self.assert_refused(Chan.connect, f'{self.uri}?connect-timeout-sec=1', 'no answer in time')

    # --- bounds

    def one_too_many(self):
        self.talk(self.connect())
        with self.assertRaises(GLib.Error):
            self.talk(self.connect())

    def test_one_too_many_in_python(self):
        with listening(f'{self.uri}?max-sessions=1'):
            self.one_too_many()

    def test_one_too_many_in_javascript(self):
        self.listen('JavaScript', '?max-sessions=1')
        self.one_too_many()

    def served(self, patience):
        with contextlib.suppress(GLib.Error):
            session = Chan.connect(f'{self.uri}?connect-timeout-sec={patience}')
            self.addCleanup(session.abort)
            return session
        return None

    def served_at_all(self):
        """A session whose channel is answered, or None."""
        session = self.served(1)
        with contextlib.suppress(GLib.Error):
            if session:
                self.talk(session)
                return session
        return None

    def test_room_is_missed_before_glib_misses_it(self):
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
        try:
            self.assertRaises(OSError, pair_transport.room)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)

    def test_descriptors_are_short_in_python(self):
        """Whoever comes when there are none waits, or is turned away; those who come later are served."""
        with listening(self.uri):
            self.talk(self.connect())
            with descriptors_short_there():
                self.assertIsNone(self.served_at_all())
                self.assertIsNone(self.served(1))
            with peers.harness.time_limit(peers.TIMEOUT):
                while not (session := self.served(1)):
                    pass
            self.talk(session)
        self.assert_parent_is_empty()

    def test_descriptors_are_short_in_javascript(self):
        listener = self.listen('JavaScript', max_fds=30)
        sessions = []
        while session := self.served(1):
            sessions.append(session)
        self.assertTrue(sessions)
        self.assertLess(len(sessions), 30)
        for session in sessions:
            session.abort()
        with peers.harness.time_limit(peers.TIMEOUT):
            while not (session := self.served(1)):
                pass
        self.talk(session)
        self.assert_ends(listener)
        self.assert_parent_is_empty()


if __name__ == '__main__':
    peers.harness.main()
