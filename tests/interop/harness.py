# SPDX-License-Identifier: LGPL-2.1-or-later
"""Starts the programs under test, and runs unittest cases as TAP. Nothing here can hang: every wait has an end."""

import contextlib
import ctypes
import faulthandler
import os
import pathlib
import queue
import signal
import subprocess
import sys
import threading
import time
import traceback
import unittest
import urllib.parse

import rawpeer

START_TIMEOUT = 15
RUNS = float(os.environ.get('CHAN_TEST_RUNS', '1'))     # times the repetitions
SLOWNESS = max(1, RUNS) * (4 if 'ASAN_OPTIONS' in os.environ else 1)    # as the test runner is told: `./dev asan`
TEST_TIMEOUT = 60 * SLOWNESS        # one test
PROGRAM_TIMEOUT = 175 * SLOWNESS    # all tests of a file; the test runner gives 180 s
RSS_LIMIT_KIB = 20 * 1024
RSS_LIMIT_SANITIZED_KIB = 512 * 1024    # the sanitizer keeps freed memory in quarantine


def build_dir():
    return pathlib.Path(os.environ['BUILD_DIR']).resolve()


def program(name):
    here = pathlib.Path(__file__).resolve().parent
    for path in (build_dir() / name, build_dir() / 'examples' / name, build_dir() / 'tests' / 'interop' / name, here / name):
        if path.is_file():
            return path
    raise FileNotFoundError(f'{name} is neither in {build_dir()} nor in its examples and tests')


def environment():
    plugins = build_dir() / 'plugins' if (build_dir() / 'plugins').is_dir() else build_dir().parent / 'plugins'
    return {'CHAN_MODULE_DIR': str(plugins), **os.environ}


def die_with_parent():
    """PR_SET_PDEATHSIG: a test that is killed leaves no server behind."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Pump:
    """Collects the lines of a pipe."""

    def __init__(self, pipe):
        self.pipe, self.lines, self.text = pipe, queue.Queue(), []
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        for line in self.pipe:
            self.text.append(line)
            self.lines.put(line)
        self.lines.put('')


class Server:
    """A server of ours, on a port of its own choice."""

    def __init__(self, name, uri='tcp://127.0.0.1:0', arguments=()):
        self.name = name
        self.process = subprocess.Popen([program(name), uri, *arguments], env=environment(), text=True,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        preexec_fn=die_with_parent)
        self.out, self.err = Pump(self.process.stdout), Pump(self.process.stderr)
        try:
            self.uri = self.first_line()
            address = urllib.parse.urlsplit(self.uri)
            self.host, self.port = address.hostname, address.port
        except BaseException:
            self.stop()
            raise
        self.is_sanitized = 'libasan' in pathlib.Path(f'/proc/{self.process.pid}/maps').read_text(encoding='ascii', errors='replace')

    def first_line(self):
        try:
            line = self.out.lines.get(timeout=START_TIMEOUT)
        except queue.Empty:
            line = ''
        if '://' not in line and not line.startswith(('unix:', 'dbus:')):
            raise AssertionError(f'{self.name} printed no URI, but “{line.strip()}” and:\n{"".join(self.err.text)}')
        return line.strip()

    def connect(self, **options):
        return rawpeer.Peer.connect(self.host, self.port, **options)

    def rss_kib(self):
        for line in pathlib.Path(f'/proc/{self.process.pid}/status').read_text(encoding='ascii').splitlines():
            if line.startswith('VmRSS:'):
                return int(line.split()[1])
        raise AssertionError(f'{self.name} is dead')

    @property
    def rss_limit_kib(self):
        return RSS_LIMIT_SANITIZED_KIB if self.is_sanitized else RSS_LIMIT_KIB

    def assert_alive(self):
        code = self.process.poll()
        if code is not None:
            self.err.thread.join(2)
            raise AssertionError(f'{self.name} died with {code}:\n{"".join(self.err.text)}')

    def stop(self):
        """Ends the server; gives its exit status, negative for a signal other than ours."""
        early = self.process.poll()
        if early is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(5)
        for pump in (self.out, self.err):
            pump.thread.join(2)
            pump.pipe.close()
        return early


class ServerCase(unittest.TestCase):
    """One server for all tests of a class."""

    program_name = None

    @classmethod
    def setUpClass(cls):
        cls.server = Server(cls.program_name)

    @classmethod
    def tearDownClass(cls):
        early = cls.server.stop()
        assert early is None, f'{cls.program_name} died with {early} during the tests'

    def setUp(self):
        self.server.assert_alive()

    def tearDown(self):
        self.server.assert_alive()


@contextlib.contextmanager
def time_limit(seconds):
    """Raises TimeoutError in the main thread, whatever it waits for."""
    def expired(*_):
        raise TimeoutError(f'more than {seconds} s')

    before = signal.signal(signal.SIGALRM, expired)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def flat(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from flat(item)
        else:
            yield item


class TapResult(unittest.TestResult):
    """One line for each test, whatever failed in it."""

    def startTest(self, test):
        super().startTest(test)
        test.started = time.monotonic()
        test.complaints = []

    def complain(self, test, err, what=''):
        test.complaints.append(what + ''.join(traceback.format_exception(*err)))

    def addError(self, test, err):
        super().addError(test, err)
        if isinstance(test, unittest.TestCase):
            self.complain(test, err)
        else:       # setUpClass or tearDownClass
            print('# ' + f'{test}\n{"".join(traceback.format_exception(*err))}'.rstrip().replace('\n', '\n# '))

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.complain(test, err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.complain(test, err, f'{subtest}\n')

    def stopTest(self, test):
        super().stopTest(test)
        name = test.id().split('.', 1)[-1]
        print('not ok' if test.complaints else 'ok', self.testsRun, f'- {name} ({time.monotonic() - test.started:.2f} s)')
        for text in test.complaints:
            print('# ' + text.rstrip().replace('\n', '\n# '))
            print(text, file=sys.stderr)        # which a test runner shows at once, other than TAP's own remarks
        sys.stdout.flush()


def timed(case):
    """Gives each test its limit."""
    method = case.run

    def run(result=None):
        with time_limit(TEST_TIMEOUT):
            return method(result)

    case.run = run
    return case


def main():
    """usage: test_x.py [PATTERN...]     each pattern is a part of a test's name"""
    faulthandler.dump_traceback_later(PROGRAM_TIMEOUT, exit=True)
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules['__main__'])
    cases = [timed(case) for case in flat(suite) if len(sys.argv) < 2 or any(word in case.id() for word in sys.argv[1:])]
    print(f'1..{len(cases)}')
    result = TapResult()
    unittest.TestSuite(cases).run(result)
    if result.testsRun < len(cases):
        print('Bail out! not all tests ran')
    sys.stdout.flush()
    sys.exit(0 if result.wasSuccessful() and result.testsRun == len(cases) else 1)
