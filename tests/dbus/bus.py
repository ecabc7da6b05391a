# SPDX-License-Identifier: LGPL-2.1-or-later
"""A bus of the test's own, and programs at it that can be stopped and killed."""

import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'interop'))

import harness  # noqa: E402

TIMEOUT = 60

CONFIGURATION = '''<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={directory}/bus</listen>
  <auth>EXTERNAL</auth>
  <servicedir>{directory}/services</servicedir>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
  {limits}
</busconfig>
'''


class Program:
    """A process of ours, line by line."""

    def __init__(self, arguments, environment):
        self.process = subprocess.Popen([str(word) for word in arguments], env=environment, text=True, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=harness.die_with_parent)
        self.out, self.err = harness.Pump(self.process.stdout), harness.Pump(self.process.stderr)

    def line(self, timeout=TIMEOUT):
        return self.out.lines.get(timeout=timeout).strip()

    def last_line(self, timeout=TIMEOUT):
        self.process.wait(timeout)
        self.out.thread.join(5)
        self.err.thread.join(5)
        if not self.out.text:
            raise AssertionError(f'it said nothing but: {"".join(self.err.text)}')
        return self.out.text[-1].strip()

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def status(self, key):
        for line in pathlib.Path(f'/proc/{self.process.pid}/status').read_text(encoding='ascii').splitlines():
            if line.startswith(key + ':'):
                return int(line.split()[1])
        raise AssertionError(f'no {key}')

    def is_sanitized(self):
        return 'libasan' in pathlib.Path(f'/proc/{self.process.pid}/maps').read_text(encoding='ascii', errors='replace')

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(5)
        for pump in (self.out, self.err):
            pump.thread.join(5)
            pump.pipe.close()


class BusCase(unittest.TestCase):
    """A dbus-daemon for each test, ended with it."""

    configuration, limits = CONFIGURATION, ''

    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix='chan-dbus-')
        self.addCleanup(holder.cleanup)
        self.directory = pathlib.Path(holder.name)
        (self.directory / 'services').mkdir()
        self.daemon = self.start_daemon()

    def start_daemon(self):
        path = self.directory / 'bus.conf'
        path.write_text(self.configuration.format(directory=self.directory, limits=self.limits), encoding='utf-8')
        daemon = self.run_program('dbus-daemon', '--nofork', '--nopidfile', '--print-address', f'--config-file={path}')
        daemon.line()
        return daemon

    @property
    def address(self):
        return f'unix:path={self.directory}/bus'

    def uri(self, name, direct='never', more=''):
        return f'dbus:{self.address}?name={name}&direct={direct}{more}'

    def environment(self):
        return {**harness.environment(), 'DBUS_SESSION_BUS_ADDRESS': self.address, 'CHAN_CONFIG': '/dev/null'}

    def run_program(self, *arguments, environment=None):
        program = Program(arguments, environment or self.environment())
        self.addCleanup(program.stop)
        return program

    def wait_until_free(self, name):
        """Whoever owned the name is gone, also for the bus."""
        for _ in range(200):
            if self.output('gdbus', 'call', '--address', self.address, '--dest', 'org.freedesktop.DBus', '--object-path', '/', '--method',
                           'org.freedesktop.DBus.NameHasOwner', name).stdout == '(false,)\n':
                return
            time.sleep(0.02)
        raise AssertionError(f'{name} is still owned')

    def peer(self, *arguments):
        return self.run_program(harness.build_dir() / 'tests' / 'dbus' / 'dbus-peer', *arguments)

    def output(self, *arguments, check=True, environment=None):
        done = subprocess.run([str(word) for word in arguments], capture_output=True, text=True, timeout=TIMEOUT, check=False,
                              env=environment or self.environment(), stdin=subprocess.DEVNULL)
        if check and done.returncode != 0:
            raise AssertionError(f'{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}')
        return done
