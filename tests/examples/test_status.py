#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every way to fail has one clear line and an exit status of its own."""

import os
import signal
import socket
import subprocess
import time

import world
from world import harness

USAGE, CONFIG, SCHEME, CONNECT, TRUST, PROTOCOL, LOST, REFUSED, OTHER_NAME, OTHER = range(240, 250)


class Help(world.WorldCase):
    def test_each_status_is_listed_once(self):
        self.assertEqual(sorted(world.exit_statuses()), list(range(240, 250)))


class Client(world.WorldCase):
    def test_usage(self):
        for arguments in ((), ('tcp://127.0.0.1:1',), ('--no-such-option', 'tcp://127.0.0.1:1', 'true')):
            with self.subTest(arguments):
                self.assert_one_line(self.run_program('rexec', *arguments), USAGE, 'rexec: ')

    def test_configuration(self):
        cases = {
            'not a key file': 'chan.conf',
            '[Endpoint demo]\nUri=tcp://127.0.0.1:1\nNoSuchKey=1\n': 'NoSuchKey',
            '[Endpoint demo]\nUri=tcp://127.0.0.1:1\nKeepaliveSec=many\n': 'KeepaliveSec',
            '[NoSuchGroup]\nA=b\n': 'NoSuchGroup',
            '[Endpoint other]\nUri=tcp://127.0.0.1:1\n': 'demo',
        }
        for text, word in cases.items():
            with self.subTest(text):
                config = self.write('chan.conf', text)
                self.assert_one_line(self.rexec('@demo', 'true', config=config), CONFIG, word)

    def test_configuration_file_that_is_not_there(self):
        self.assert_one_line(self.rexec('@demo', 'true', config=self.directory / 'no.conf'), CONFIG, 'no.conf')

    def test_uri(self):
        for uri in ('tcp://127.0.0.1:1?no-such-option=1', 'tcp://127.0.0.1:99999', 'not a uri', 'tcp://'):
            with self.subTest(uri):
                self.assert_one_line(self.rexec(uri, 'true'), CONFIG)

    def test_a_wrong_uri_says_how_one_is_written(self):
        cases = {
            'localhost': 'tcp://HOST:PORT', '': '@NAME', '--': '@NAME', 'tcp://127.0.0.1': 'tcp://HOST:PORT',
            'tcp://127.0.0.1:1/path': 'tcp://HOST:PORT', 'tls://user@127.0.0.1:1': 'tls://HOST:PORT',
            'unix:relative': 'unix:/PATH', 'unix:/tmp/a#b': '%23', 'dbus:': 'dbus:unix:path=/PATH',
        }
        for uri, words in cases.items():
            with self.subTest(uri):
                self.assert_one_line(self.rexec(uri, 'true'), CONFIG, words)

    def test_an_endpoint_that_is_not_there(self):
        self.assert_one_line(self.rexec('@my-build', 'true'), CONFIG, '[Endpoint my-build]', 'CHAN_ENDPOINT_MY_BUILD')

    def test_scheme(self):
        self.assert_one_line(self.rexec('pigeon://coop', 'true'), SCHEME, 'pigeon')

    def test_nobody_listens(self):
        with socket.socket() as unused:
            unused.bind(('127.0.0.1', 0))
            port = unused.getsockname()[1]
            self.assert_one_line(self.rexec(f'tcp://127.0.0.1:{port}', 'true'), CONNECT, str(port))
        self.assert_one_line(self.rexec(f'unix:{self.directory}/nobody', 'true'), CONNECT, 'nobody')

    def test_each_address_of_an_endpoint_says_why(self):
        config = self.config(f'[Endpoint work]\nUri=unix:{self.directory}/first\nFallback=unix:{self.directory}/second;unix:/no/third;\n')
        self.assert_one_line(self.rexec('@work', 'true', config=config), CONNECT, 'third', 'before that: ', 'first', 'second')

    def test_wrong_authority(self):
        server = self.serve_over('tls')
        wrong = self.config(ca='other-ca.pem', name='wrong.conf')
        self.assert_one_line(self.rexec(server.uri, 'true', config=wrong), TRUST, 'unknown authority')

    def test_wrong_host_name(self):
        server = self.serve_over('tls')
        config = self.config(name='host.conf', tls='ServerName=example.org')
        self.assert_one_line(self.rexec(server.uri, 'true', config=config), OTHER_NAME, 'example.org')

    def test_expired_certificate(self):
        config = self.write('expired.conf', '[Transport tls]\nCertificateFile=expired.pem\nPrivateKeyFile=expired.key\n')
        server = self.serve('tls://127.0.0.1:0', config)
        self.assert_one_line(self.rexec(server.uri, 'true', config=self.config()), TRUST, 'expired')

    def test_not_a_chan_server(self):
        with socket.create_server(('127.0.0.1', 0)) as http:
            child = subprocess.Popen([harness.program('rexec'), f'tcp://127.0.0.1:{http.getsockname()[1]}', '--', 'true'],
                                     env=self.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
            with child, http.accept()[0] as connection:
                connection.sendall(b'HTTP/1.1 400 Bad Request\r\n\r\n')
                out, err = child.communicate(timeout=world.TIMEOUT)
        self.assert_one_line((out, err, child.returncode), PROTOCOL)


    def test_tls_to_a_plain_server(self):
        uri = self.serve_over('tcp').uri.replace('tcp:', 'tls:')
        self.assert_one_line(self.rexec(uri, 'true'), PROTOCOL, 'not TLS', 'tcp:')


class Commands(world.WorldCase):
    def test_status_is_passed_on(self):
        server = self.serve_over('tcp')
        for status in (0, 1, 7, 126, 255):
            with self.subTest(status):
                self.assertEqual(self.rexec(server.uri, 'sh', '-c', f'exit {status}'), (b'', b'', status))

    def test_death_by_signal(self):
        server = self.serve_over('tcp')
        self.assertEqual(self.rexec(server.uri, 'sh', '-c', 'kill -TERM $$')[2], 128 + signal.SIGTERM)

    def start(self, server, *command, **options):
        child = subprocess.Popen([harness.program('rexec'), server.uri, '--', *command], env=self.environment(self.config()),
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.PIPE, **options)
        self.addCleanup(child.stdout.close)
        self.addCleanup(child.stderr.close)
        self.addCleanup(child.stdin.close)
        self.addCleanup(child.kill)
        return child

    def test_a_signal_reaches_the_command(self):
        for transport in ('tcp', 'tls', 'unix'):
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                with self.subTest(transport=transport, number=number):
                    child = self.start(self.serve_over(transport), 'sh', '-c', 'echo ready; exec sleep 30')
                    self.assertEqual(child.stdout.readline(), b'ready\n')
                    child.send_signal(number)
                    self.assertEqual(child.wait(10), 128 + number)

    def test_a_server_that_is_killed(self):
        for transport in ('tcp', 'tls', 'unix'):
            with self.subTest(transport):
                server = self.serve_over(transport)
                child = self.start(server, 'sh', '-c', 'echo ready; exec sleep 30')
                self.assertEqual(child.stdout.readline(), b'ready\n')
                server.process.kill()
                server.process.wait()
                self.assertEqual(child.wait(10), LOST)
                self.assertRegex(child.stderr.read().decode(), r'\Arexec: [^\n]+\n\Z')

    def test_a_vanished_client_ends_its_command(self):
        for transport in ('tcp', 'unix'):
            with self.subTest(transport):
                child = self.start(self.serve_over(transport), 'sh', '-c', 'echo $$; exec sleep 60')
                pid = int(child.stdout.readline())
                child.kill()
                end = time.monotonic() + 10
                while os.path.exists(f'/proc/{pid}') and time.monotonic() < end:
                    time.sleep(0.02)
                self.assertFalse(os.path.exists(f'/proc/{pid}'), 'the command still runs')

    def test_too_many_commands(self):
        server = self.serve_over('tcp', arguments=['--max-commands=1'])
        child = self.start(server, 'sh', '-c', 'echo ready; exec sleep 30')
        self.assertEqual(child.stdout.readline(), b'ready\n')
        self.assert_one_line(self.rexec(server.uri, 'true'), REFUSED)

    def test_output_that_nobody_wants(self):
        server = self.serve_over('tcp')
        child = self.start(server, 'yes')
        child.stdout.read(10)
        child.stdout.close()
        self.assertEqual(child.wait(10), OTHER)


    def test_closed_standard_files(self):
        """Nothing of the connection stands in for them."""
        uri = self.serve_over('tcp').uri
        cases = {
            'echo hello': ('<&-', (b'hello\n', 0)), 'cat': ('<&-', (b'', 0)),
            'echo out': ('>&-', (b'', OTHER)), 'echo err >&2': ('2>&-', (b'', OTHER)), 'true': ('<&- >&- 2>&-', (b'', 0)),
        }
        for command, (closed, expected) in cases.items():
            with self.subTest(command=command, closed=closed):
                done = subprocess.run(['sh', '-c', f'exec "$0" "$1" -- sh -c "$2" {closed}', harness.program('rexec'), uri, command],
                                      env=self.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=world.TIMEOUT,
                                      check=False)
                self.assertEqual((done.stdout, done.returncode), expected)


class Servers(world.WorldCase):
    def test_port_in_use(self):
        server = self.serve_over('tcp')
        for name in ('rexec-server', 'echo-server'):
            with self.subTest(name):
                self.assert_one_line(self.run_program(name, server.uri), 1, 'in use')

    def test_socket_in_use(self):
        server = self.serve_over('unix')
        self.assert_one_line(self.run_program('rexec-server', server.uri), 1, 'in use')

    def test_a_file_is_where_the_socket_should_be(self):
        path = self.write('file', 'something')
        self.assert_one_line(self.run_program('rexec-server', f'unix:{path}'), 1, 'no socket')
        self.assertEqual(path.read_text(), 'something')

    def test_configuration(self):
        for name in ('rexec-server', 'echo-server'):
            with self.subTest(name):
                self.assert_one_line(self.run_program(name, '@nobody'), 78, 'nobody')

    def test_plain_text_for_all_the_world(self):
        self.assert_one_line(self.run_program('rexec-server', 'tcp://0.0.0.0:0'), 1, 'allow-plaintext')

    def test_usage(self):
        for arguments in (('--no-such-option',), ('tcp://127.0.0.1:0', 'unix:/tmp/other'), ('--max-commands=0', 'tcp://127.0.0.1:0')):
            with self.subTest(arguments):
                self.assert_one_line(self.run_program('rexec-server', *arguments), 2)
        for name in ('echo-server', 'ping-pong'):
            with self.subTest(name):
                self.assert_one_line(self.run_program(name, 'memory:one', 'memory:two'), 2, 'more than one URI')

    def test_sigterm_is_a_clean_end(self):
        server = self.serve_over('unix')
        path = server.uri.removeprefix('unix:')
        self.assertTrue(os.path.exists(path))
        server.process.terminate()
        self.assertEqual(server.process.wait(10), 0)
        self.assertFalse(os.path.exists(path), 'the socket is left behind')


if __name__ == '__main__':
    harness.main()
