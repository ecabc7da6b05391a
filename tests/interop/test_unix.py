#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who can reach a server at a Unix socket: its mode, and whom it takes."""

import os
import pathlib
import socket
import stat
import subprocess
import tempfile
import unittest

import harness
import spdy

STRANGER = 65534
ENOUGH = 10


def knock(path):
    """What somebody gets from a socket, who sends a PING."""
    try:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(str(path))
            sock.settimeout(ENOUGH)
            sock.sendall(spdy.ping(1))
            return 'served' if sock.recv(1) else 'turned away'
    except (ConnectionResetError, BrokenPipeError):
        return 'turned away'
    except PermissionError:
        return 'shut out'


class Unix(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix='chan-unix-')
        self.addCleanup(holder.cleanup)
        self.path = pathlib.Path(holder.name) / 'socket'
        self.path.parent.chmod(0o755)

    def serve(self, options=''):
        server = harness.Server('echo-server', f'unix:{self.path}{options}')
        self.addCleanup(server.stop)
        return server

    def mode(self):
        info = self.path.stat()
        self.assertTrue(stat.S_ISSOCK(info.st_mode))
        return stat.S_IMODE(info.st_mode)

    def stranger(self):
        """What somebody else is told, or with one user alone, we ourselves."""
        ours, theirs = os.pipe()
        child = os.fork()
        if child == 0:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setresgid(STRANGER, STRANGER, STRANGER)
                os.setresuid(STRANGER, STRANGER, STRANGER)
            os.write(theirs, knock(self.path).encode())
            os._exit(0)
        os.close(theirs)
        with open(ours, encoding='ascii') as pipe:
            told = pipe.read()
        os.waitpid(child, 0)
        return told

    def echo(self):
        done = subprocess.run([harness.program('echo-client'), f'unix:{self.path}', 'hello'], stdout=subprocess.PIPE, text=True,
                              check=True, timeout=ENOUGH, env=harness.environment())
        self.assertIn('hello', done.stdout)

    def test_only_its_user_can_connect(self):
        old = os.umask(0)
        try:
            self.serve()
        finally:
            os.umask(old)
        self.assertEqual(self.mode(), 0o600)
        self.assertEqual(self.stranger(), 'shut out' if os.geteuid() == 0 else 'served')
        self.echo()

    def test_mode(self):
        """Others can connect, and are turned away all the same: only the server's own user is let in."""
        self.serve('?mode=0666')
        self.assertEqual(self.mode(), 0o666)
        self.assertEqual(self.stranger(), 'turned away' if os.geteuid() == 0 else 'served')
        self.echo()

    def test_allowed_users(self):
        self.serve(f'?mode=0666&allow-uids={STRANGER},{os.geteuid()}')
        self.assertEqual(self.stranger(), 'served')
        self.echo()

    def test_who_is_not_allowed(self):
        self.serve('?mode=0666&allow-uids=4242')
        self.assertEqual(self.stranger(), 'turned away')

    def test_the_socket_goes_with_the_server(self):
        server = self.serve()
        server.stop()
        self.assertFalse(self.path.exists())
        with socket.socket(socket.AF_UNIX) as sock, self.assertRaises(FileNotFoundError):
            sock.connect(str(self.path))


if __name__ == '__main__':
    harness.main()
