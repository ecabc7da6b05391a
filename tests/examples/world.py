# SPDX-License-Identifier: LGPL-2.1-or-later
"""A directory with certificates and configuration, a message bus, and the programs that use them."""

import contextlib
import os
import pathlib
import random
import re
import socket
import subprocess
import sys
import tempfile
import unittest

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS / 'interop'), str(TESTS / 'dbus')]

import bus  # noqa: E402
import harness  # noqa: E402

TIMEOUT = 60
RUNS = float(os.environ.get('CHAN_TEST_RUNS', '1'))         # times the repetitions
LINES = int(os.environ.get('CHAN_TEST_LINES', '200000'))    # of what is sorted

# Between processes. dbus begins with a socket, dbus_messages makes a method call of each message (direct=never).
DBUS = ('dbus', 'dbus_messages')
# Only Meson says 0, where it found no dbus-daemon and was not told to (-Dtest_dbus=enabled).
TRANSPORTS = ('tcp', 'tls', 'unix') + (DBUS if os.environ.get('CHAN_TEST_DBUS') != '0' else ())


class WorldCase(unittest.TestCase):
    """One directory for the tests of a class; servers live as long as their test."""

    @classmethod
    def setUpClass(cls):
        holder = tempfile.TemporaryDirectory(prefix='chan-examples-')
        cls.addClassCleanup(holder.cleanup)
        cls.directory = pathlib.Path(holder.name)
        subprocess.run([harness.build_dir() / 'tests' / 'unit' / 'make-certs', cls.directory], check=True, timeout=TIMEOUT)
        cls.bus = None

    @classmethod
    def bus_address(cls):
        """Of a dbus-daemon, which the first who asks starts."""
        if cls.bus is None:
            path = cls.directory / 'bus.conf'
            path.write_text(bus.CONFIGURATION.format(directory=cls.directory, limits=''), encoding='utf-8')
            cls.bus = bus.Program(['dbus-daemon', '--nofork', '--nopidfile', '--print-address', f'--config-file={path}'], os.environ)
            cls.addClassCleanup(cls.bus.stop)
            cls.bus.line()
        return f'unix:path={cls.directory}/bus'

    def write(self, name, text):
        """Whole at once: a program may be reading what was there."""
        path = self.directory / name
        fresh = self.directory / f'{name}.new'
        fresh.write_text(text, encoding='utf-8')
        fresh.replace(path)
        return path

    def config(self, endpoints='', ca='ca.pem', name='chan.conf', tls=''):
        """A configuration for clients and servers alike."""
        return self.write(name, f'{endpoints}\n[Transport tls]\nCaFile={ca}\nCertificateFile=server.pem\nPrivateKeyFile=server.key\n{tls}\n')

    def environment(self, config=None):
        environment = harness.environment()
        environment['CHAN_CONFIG'] = str(config) if config else '/dev/null'
        return environment

    def serve(self, uri, config=None, name='rexec-server', arguments=()):
        previous = os.environ.get('CHAN_CONFIG')
        os.environ['CHAN_CONFIG'] = str(config) if config else '/dev/null'
        try:
            server = harness.Server(name, uri, arguments)
        finally:
            if previous is None:
                del os.environ['CHAN_CONFIG']
            else:
                os.environ['CHAN_CONFIG'] = previous
        self.addCleanup(server.stop)
        return server

    def new_uri(self, transport):
        """Where nobody listens yet."""
        unique = os.urandom(4).hex()
        if transport in DBUS:
            direct = {'dbus': 'auto', 'dbus_messages': 'never'}[transport]
            return f'dbus:{self.bus_address()}?name=org.example.S{unique}&direct={direct}'
        return {'tcp': 'tcp://127.0.0.1:0', 'tls': 'tls://127.0.0.1:0', 'unix': f'unix:{self.directory}/s{unique}'}[transport]

    def serve_over(self, transport, config=None, **options):
        return self.serve(self.new_uri(transport), config or self.config(), **options)

    def run_program(self, name, *arguments, config=None, stdin=b'', timeout=TIMEOUT):
        """(stdout, stderr, status)"""
        done = subprocess.run([harness.program(name), *map(str, arguments)], input=stdin, capture_output=True, timeout=timeout,
                              env=self.environment(config), check=False)
        return done.stdout, done.stderr, done.returncode

    def rexec(self, uri, *command, **options):
        return self.run_program('rexec', uri, '--', *command, **options)

    def assert_one_line(self, result, status, *words):
        """Nothing on stdout, one line that says so on stderr, and the status."""
        out, err, code = result
        text = err.decode()
        self.assertEqual((out, code), (b'', status), text)
        self.assertRegex(text, r'\A[^\n]+\n\Z')
        for word in words:
            self.assertIn(word, text)


def free_port():
    """None of those that the kernel gives to others."""
    while True:
        port = random.randrange(10000, 30000)
        with socket.socket() as unused, contextlib.suppress(OSError):
            unused.bind(('127.0.0.1', port))
            return port


def exit_statuses():
    """number: what it means, from the help text"""
    text = subprocess.run([harness.program('rexec'), '--help'], capture_output=True, text=True, check=True, timeout=TIMEOUT).stdout
    return {int(number): meaning for number, meaning in re.findall(r'^ +(24\d) +(.+)$', text, re.MULTILINE)}
