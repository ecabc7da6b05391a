#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may connect: on a system bus, by its policy and by the library, and from peer to peer.

As root the programs are of several users. Of another user's the policies name whom there is not, and test-dbus-credentials
has the rest.
"""

import getpass
import os
import pathlib
import pwd
import re
import shutil

import bus
from bus import harness

ROOT = pathlib.Path(__file__).resolve().parents[2]
POLICY = ROOT / 'examples' / 'dbus' / 'org.example.Echo.conf'
SERVICE_FILE = ROOT / 'examples' / 'dbus' / 'org.example.Echo.system.service.in'
NAME = 'org.example.Echo'
# What Debian's /usr/share/dbus-1/system.conf says to those without a policy of their own
CONFIGURATION = '''<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={directory}/bus</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus.Introspectable"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus.Properties"/>
  </policy>
  <includedir>{directory}/system.d</includedir>
</busconfig>
'''
IS_ROOT = os.geteuid() == 0
# uid and gid of Debian's games, nobody and man
SERVICE, CLIENT, STRANGER = ((5, 60), (65534, 65534), (6, 12)) if IS_ROOT else ((os.geteuid(), os.getegid()),) * 3


class SystemCase(bus.BusCase):
    configuration = CONFIGURATION

    def start_daemon(self):
        (self.directory / 'system.d').mkdir(exist_ok=True)
        self.directory.chmod(0o711)
        self.copy_programs()
        # A socket file left over is in the way of the next daemon.
        (self.directory / 'bus').unlink(missing_ok=True)
        return super().start_daemon()

    def copy_programs(self):
        """Where other users can read them."""
        self.programs = self.directory / 'programs'
        if self.programs.exists():
            return
        self.programs.mkdir()
        build = harness.build_dir()
        for path in [*(build / 'libchan-glib').glob('libchan-glib-1.so.0'), *(build / 'plugins').glob('*.so'),
                     *(harness.program(name) for name in ('rexec-server', 'rexec', 'echo-server')), build / 'tests' / 'dbus' / 'dbus-peer']:
            shutil.copy(path, self.programs)
        self.programs.chmod(0o755)
        self.free = self.directory / 'free'
        self.free.mkdir()
        self.free.chmod(0o777)

    def environment(self):
        return {**super().environment(), 'DBUS_SYSTEM_BUS_ADDRESS': self.address, 'DBUS_SESSION_BUS_ADDRESS': 'unix:path=/nowhere',
                'LD_LIBRARY_PATH': f'{self.programs}:{os.environ.get("LD_LIBRARY_PATH", "")}', 'CHAN_MODULE_DIR': str(self.programs),
                'HOME': str(self.free), 'XDG_RUNTIME_DIR': str(self.free)}

    def of(self, user, program, *arguments):
        """The command of a program of that user."""
        path = self.programs / program if (self.programs / program).exists() else program
        prefix = ['setpriv', f'--reuid={user[0]}', f'--regid={user[1]}', '--clear-groups'] if IS_ROOT else []
        return [*prefix, path, *arguments]

    def install_policy(self, owner=None, group=None, change=lambda text: text):
        """The template, for a user and a group; then the bus starts anew, as after an installation and a reload."""
        text = POLICY.read_text(encoding='utf-8').replace('user="echo"', f'user="{owner if owner is not None else SERVICE[0]}"')
        text = text.replace('group="users"', f'group="{group if group is not None else CLIENT[1]}"')
        (self.directory / 'system.d' / POLICY.name).write_text(change(text), encoding='utf-8')
        self.daemon.stop()
        self.daemon = self.start_daemon()

    def serve(self, more='', user=SERVICE, program='rexec-server'):
        server = self.run_program(*self.of(user, program, f'dbus:system?name={NAME}{more}'))
        self.assertIn(NAME, server.line())
        return server

    def run_remotely(self, user, more=''):
        return self.output(*self.of(user, 'rexec', f'dbus:system?name={NAME}{more}', '--', 'echo', 'hello'), check=False)

    def assert_refused(self, done, *words):
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(done.stdout, '')
        self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)


class Policy(SystemCase):
    """What the bus itself decides. No other user is needed for it."""

    def start_server(self):
        return self.output(*self.of(SERVICE, 'rexec-server', f'dbus:system?name={NAME}'), check=False)

    def test_nothing_without_a_policy(self):
        self.assert_refused(self.start_server(), f'Cannot listen as {NAME}', 'not allowed to own')

    def test_the_name_is_of_one_user(self):
        self.install_policy(owner=7)
        self.assert_refused(self.start_server(), f'Cannot listen as {NAME}', 'not allowed to own')

    def test_callers_are_of_one_group(self):
        self.install_policy(group=9)
        self.serve()
        for direct in ('require', 'never'):
            self.assert_refused(self.run_remotely(SERVICE, f'&direct={direct}'), f'Cannot connect to {NAME}')

    def test_the_owner_s_group_may_call(self):
        self.install_policy(group=SERVICE[1])
        self.serve()
        for direct in ('require', 'never', 'auto'):
            self.assertEqual(self.run_remotely(SERVICE, f'&direct={direct}').stdout, 'hello\n')

    def test_a_service_that_may_not_call_its_clients(self):
        """Without the line that docs/dbus.md speaks of: sessions over sockets work, those of messages are refused."""
        self.install_policy(group=SERVICE[1], change=lambda text: re.sub(r'<allow send_interface="org.libchan.Peer"/>', '', text))
        self.serve()
        self.assertEqual(self.run_remotely(SERVICE, '&direct=require').stdout, 'hello\n')
        self.assert_refused(self.run_remotely(SERVICE, '&direct=never'), 'policy of the bus', 'call its clients')


class Activation(SystemCase):
    """Nobody runs; the bus has the service started, as the user that its file names."""

    configuration = CONFIGURATION.replace('  <includedir>', '''  <servicehelper>{directory}/helper</servicehelper>
  <servicedir>{directory}/system-services</servicedir>
  <includedir>''')
    # What dbus-daemon-launch-helper does, which knows no other bus than the machine's own
    helper = '''#!/bin/sh
set -f
file={directory}/system-services/$1.service
user=$(sed -n 's/^User=//p' "$file")
[ "$(id -u)" = 0 ] && as="setpriv --reuid=$user --regid=$(id -g "$user") --clear-groups"
exec $as $(sed -n 's/^Exec=//p' "$file")
'''

    def install_service(self, more='', change=lambda text: text):
        (self.directory / 'helper').write_text(self.helper.format(directory=self.directory), encoding='utf-8')
        (self.directory / 'helper').chmod(0o755)
        (self.directory / 'system-services').mkdir(exist_ok=True)
        text = SERVICE_FILE.read_text(encoding='utf-8').replace('@name@', NAME).replace('@program@', str(self.programs / 'rexec-server'))
        text = change(text.replace('@user@', pwd.getpwuid(SERVICE[0]).pw_name))
        text = re.sub('^(Exec=.*)$', lambda found: found[1] + more, text, flags=re.MULTILINE)
        (self.directory / 'system-services' / f'{NAME}.service').write_text(text, encoding='utf-8')

    def install(self, more='', change=lambda text: text, **policy):
        self.install_service(more, change)
        self.install_policy(**policy)
        self.addCleanup(self.end_service)

    def owner(self, kind):
        """Of who has the name: its user, its process. None if nobody has it."""
        done = self.output('gdbus', 'call', '--address', self.address, '--dest', 'org.freedesktop.DBus', '--object-path', '/', '--method',
                           f'org.freedesktop.DBus.GetConnectionUnix{kind}', NAME, check=False)
        return int(done.stdout.split()[1].strip(',)')) if done.returncode == 0 else None

    def end_service(self):
        """Or it would outlive the bus, whose output it has too."""
        process = self.owner('ProcessID')
        if process is not None:
            os.kill(process, 15)
            self.wait_until_free(NAME)

    def run_and_end(self, user, direct):
        done = self.run_remotely(user, f'&direct={direct}')
        self.assertEqual(done.stdout, 'hello\n', done.stderr)
        self.assertEqual(self.owner('User'), SERVICE[0])
        self.end_service()

    def test_by_connecting(self):
        self.install(group=SERVICE[1])
        for direct in ('require', 'never', 'auto'):
            with self.subTest(direct):
                self.run_and_end(SERVICE, direct)

    def test_for_those_who_are_named(self):
        self.install(f'&allow-uids={CLIENT[0]}')
        for direct in ('require', 'never'):
            with self.subTest(direct):
                self.run_and_end(CLIENT, direct)

    def test_not_for_those_whom_the_policy_does_not_name(self):
        """It is started, and they cannot speak to it."""
        self.install(group=9)
        self.assert_refused(self.run_remotely(SERVICE), f'Cannot connect to {NAME}')

    def test_a_file_without_a_user(self):
        """As the template for a session bus is."""
        self.install(change=lambda text: re.sub('^User=.*\n', '', text, flags=re.MULTILINE), group=SERVICE[1])
        self.assert_refused(self.run_remotely(SERVICE), f'Cannot connect to {NAME}')
        self.assertIsNone(self.owner('ProcessID'))


class Users(SystemCase):
    """Programs of several users."""

    def test_the_library_asks_after_the_bus(self):
        self.install_policy()
        self.serve('&direct=auto')
        for direct in ('require', 'never'):
            self.assert_refused(self.run_remotely(CLIENT, f'&direct={direct}'), 'Your user may not connect')
            self.assert_refused(self.run_remotely(STRANGER, f'&direct={direct}'), f'Cannot connect to {NAME}', 'ejected')

    def test_those_who_are_named_come_in(self):
        self.install_policy()
        self.serve(f'&allow-uids={CLIENT[0]}')
        for direct in ('require', 'never', 'auto'):
            self.assertEqual(self.run_remotely(CLIENT, f'&direct={direct}').stdout, 'hello\n')
            self.assert_refused(self.run_remotely(STRANGER, f'&direct={direct}'), f'Cannot connect to {NAME}')

    def test_authorize_sees_the_user(self):
        everybody = lambda text: text.replace(f'<policy group="{CLIENT[1]}">', '<policy context="mandatory">')  # noqa: E731
        self.install_policy(change=everybody)
        for direct in ('require', 'never'):
            with self.subTest(direct):
                listener = self.run_program(*self.of(SERVICE, 'dbus-peer', 'authorize', f'dbus:system?name={NAME}&allow-uids=65534,6', CLIENT[0]))
                self.assertEqual(listener.line(), 'listening')
                waiter = self.run_program(*self.of(CLIENT, 'dbus-peer', 'wait', f'dbus:system?name={NAME}&direct={direct}', 2))
                self.assertEqual(waiter.line(), 'waiting')
                self.assertEqual(listener.line(), f'asked for {CLIENT[0]}, process {waiter.process.pid}')
                stranger = self.run_program(*self.of(STRANGER, 'dbus-peer', 'wait', f'dbus:system?name={NAME}&direct={direct}', 2))
                self.assertEqual(listener.line(), f'asked for {STRANGER[0]}, process {stranger.process.pid}')
                self.assertEqual(stranger.last_line(), 'closed 2')      # both were lost
                self.assertIsNone(waiter.process.poll())
                listener.stop()
                self.assertEqual(waiter.last_line(), 'closed 2')
                stranger.stop()
                self.wait_until_free(NAME)

    def test_a_session_by_hand_is_of_one_user(self):
        everybody = lambda text: text.replace(f'<policy group="{CLIENT[1]}">', '<policy context="mandatory">')  # noqa: E731
        self.install_policy(change=everybody)
        self.serve('&allow-uids=65534,6', program='echo-server')

        def call(user, path, interface, *arguments):
            return self.output(*self.of(user, 'busctl', '--system', 'call', NAME, path, f'org.libchan.{interface}', *arguments), check=False)

        opened = call(CLIENT, '/org/example/Echo', 'Listener', 'OpenChannel', 's', 'requests')
        self.assertEqual(opened.returncode, 0, opened.stderr)
        path = opened.stdout.split('"')[1]
        self.assertEqual(call(CLIENT, path, 'Channel', 'Send', 'v', 's', 'x').returncode, 0)
        for user in (STRANGER, SERVICE):
            self.assertIn('user', call(user, path, 'Channel', 'Send', 'v', 's', 'x').stderr)
        self.assertEqual(call(CLIENT, path, 'Channel', 'Send', 'v', 's', 'x').returncode, 0)


class Peers(SystemCase):
    """Without a bus."""

    def start(self, more):
        path = self.free / 'peer'
        server = self.run_program(*self.of(SERVICE, 'rexec-server', f'dbus:unix:path={path}?{more}'))
        self.assertIn(str(path), server.line())
        return server

    def call(self, user, more='direct=auto'):
        return self.output(*self.of(user, 'rexec', f'dbus:unix:path={self.free}/peer?{more}', '--', 'echo', 'hello'), check=False)

    def test_the_socket_is_closed_to_others(self):
        self.start('direct=auto')
        self.assertEqual((self.free / 'peer').stat().st_mode & 0o777, 0o600)
        self.assert_refused(self.call(STRANGER), 'Cannot connect', 'Permission denied')
        self.assertEqual(self.call(SERVICE).stdout, 'hello\n')

    def test_the_same_user_only(self):
        self.start('mode=0666')
        self.assert_refused(self.call(STRANGER, f'allow-uids={SERVICE[0]}'), 'Cannot connect')
        # A client that does not look who listens either is refused by the listener.
        program = 'import sys; from gi.repository import Gio; Gio.DBusConnection.new_for_address_sync(sys.argv[1], ' \
                  'Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT, None, None); print("let in")'
        address = f'unix:path={self.free}/peer'
        for user, let_in in ((STRANGER, False), (CLIENT, False), (SERVICE, True)):
            done = self.output(*self.of(user, '/usr/bin/python3', '-c', program, address), check=False)
            self.assertEqual('let in' in done.stdout, let_in, done)
        self.assertEqual(self.call(SERVICE).stdout, 'hello\n')

    def test_who_connects_looks_who_listens(self):
        self.start(f'mode=0666&allow-uids={STRANGER[0]}')
        self.assert_refused(self.call(STRANGER), 'The peer is another user')
        for direct in ('require', 'never'):
            self.assertEqual(self.call(STRANGER, f'allow-uids={SERVICE[0]}&direct={direct}').stdout, 'hello\n')
        self.assert_refused(self.call(CLIENT, f'allow-uids={SERVICE[0]}'), 'Cannot connect')


if not IS_ROOT:
    print(f'# {getpass.getuser()} is not root: programs of other users are not run; test-dbus-credentials has what the library asks')
    del Users, Peers

if __name__ == '__main__':
    harness.main()
