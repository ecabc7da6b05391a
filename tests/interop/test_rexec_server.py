#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A peer that behaves like Go libchan runs commands on our rexec-server."""

import contextlib
import os
import signal
import time

import harness
import msgpack_lite as mp
import rawpeer
import rexec_raw

# Stdin, Stdout, Stderr: every pair of codes a Go program can send, which depends on the type of its reader and writer.
CODES = [(stdin, output, output) for stdin in (mp.DUPLEX, mp.READS) for output in (mp.DUPLEX, mp.WRITES)]
CODES += [(mp.READS, mp.DUPLEX, mp.WRITES), (mp.DUPLEX, mp.WRITES, mp.DUPLEX)]


class RexecServer(harness.ServerCase):
    program_name = 'rexec-server'

    def run_all_codes(self, command, expected, stdin=b''):
        for codes in CODES:
            with self.subTest(codes=codes), self.server.connect() as peer:
                self.assertEqual(rexec_raw.run(peer, *command, stdin=stdin, codes=codes), expected)

    def test_echo(self):
        self.run_all_codes(['echo', 'hello', 'world'], (b'hello world\n', b'', 0))

    def test_200_kb_of_standard_input_come_back(self):
        blob = os.urandom(200000)
        self.run_all_codes(['cat'], (blob, b'', 0), blob)

    def test_standard_error_and_status_4(self):
        self.run_all_codes(['sh', '-c', 'echo out; echo err >&2; exit 4'], (b'out\n', b'err\n', 4))

    def test_status_7(self):
        self.run_all_codes(['sh', '-c', 'exit 7'], (b'', b'', 7))

    def test_death_by_signal_is_128_and_its_number(self):
        for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV):
            with self.subTest(number=number), self.server.connect() as peer:
                result = rexec_raw.run(peer, 'sh', '-c', f'ulimit -c 0; kill -{int(number)} $$')
                self.assertEqual(result, (b'', b'', 128 + number))

    def test_arguments_are_passed_as_they_are(self):
        arguments = ['', 'a b', '*', '$HOME', 'ü', '-n', '"\'']
        with self.server.connect() as peer:
            result = rexec_raw.run(peer, 'printf', '%s\\n', *arguments)
        self.assertEqual(result, ('\n'.join(arguments + ['']).encode(), b'', 0))

    def test_no_arguments_as_nil(self):
        with self.server.connect() as peer:
            channel = peer.open_channel()
            stdin, stdout, stderr, status = (peer.open_nested(channel) for _ in range(4))
            peer.send_message(channel, {'Cmd': 'pwd', 'Args': None, 'Stdin': stdin.as_(3), 'Stdout': stdout.as_(2),
                                        'Stderr': stderr.as_(2), 'StatusChan': status.as_(mp.SENDER)})
            peer.fin(stdin)
            self.assertTrue(peer.read_all(stdout).startswith(b'/'))
            self.assertEqual(peer.recv_message(status), {'Status': 0})
            for stream in (stdout, stderr, status):
                peer.fin(stream)

    def test_command_that_does_not_exist(self):
        with self.server.connect() as peer:
            running = rexec_raw.Running(peer, ['/does/not/exist'])
            with contextlib.suppress(rawpeer.StreamReset, rawpeer.EndOfStream):
                self.assertNotEqual(peer.recv_message(running.status)['Status'], 0)
            running.end_streams()
        self.still_serves()

    def still_serves(self):
        with self.server.connect() as peer:
            self.assertEqual(rexec_raw.run(peer, 'echo', 'next'), (b'next\n', b'', 0))

    def test_output_and_input_at_once(self):
        blob = os.urandom(1 << 20)
        with self.server.connect() as peer:
            result = rexec_raw.run(peer, 'sh', '-c', 'cat; echo done >&2', stdin=blob, timeout=30)
        self.assertEqual(result, (blob, b'done\n', 0))

    def test_input_that_comes_before_the_message(self):
        with self.server.connect() as peer:
            channel = peer.open_channel()
            stdin, stdout, stderr, status = (peer.open_nested(channel) for _ in range(4))
            peer.write(stdin, b'early')
            peer.fin(stdin)
            peer.ping()
            peer.send_message(channel, {'Cmd': 'cat', 'Args': [], 'Stdin': stdin.as_(1), 'Stdout': stdout.as_(1),
                                        'Stderr': stderr.as_(1), 'StatusChan': status.as_(mp.SENDER)})
            self.assertEqual(peer.read_all(stdout), b'early')
            self.assertEqual(peer.recv_message(status), {'Status': 0})
            for stream in (stdout, stderr, status):
                peer.fin(stream)

    def test_output_comes_before_the_end_of_input(self):
        with self.server.connect() as peer:
            running = rexec_raw.Running(peer, ['cat'])
            for text in (b'one', b'two'):
                peer.write(running.stdin, text)
                self.assertEqual(peer.read(running.stdout), text)
            peer.fin(running.stdin)
            self.assertEqual(running.finish(), (b'', b'', 0))
            running.end_streams()

    def test_ten_clients_at_once(self):
        with contextlib.ExitStack() as stack:
            peers = [stack.enter_context(self.server.connect()) for _ in range(10)]
            running = [rexec_raw.Running(peer, ['sh', '-c', f'cat; exit {number}']) for number, peer in enumerate(peers)]
            for number, command in reversed(list(enumerate(running))):
                text = b'x%d' % number * 1000
                self.assertEqual(command.finish(text), (text, b'', number))
                command.end_streams()

    def test_twenty_commands_of_one_connection(self):
        with self.server.connect() as peer:
            channel = peer.open_channel()
            running = [rexec_raw.Running(peer, ['sh', '-c', f'cat; exit {n}'], channel=channel) for n in range(20)]
            for number, command in enumerate(running):
                self.assertEqual(command.finish(b'%d' % number), (b'%d' % number, b'', number))
                command.end_streams()

    def test_client_that_vanishes(self):
        for hard in (False, True):
            peer = self.server.connect()
            running = rexec_raw.Running(peer, ['cat'])
            peer.write(running.stdin, b'x' * 100)
            peer.read(running.stdout)
            peer.close(hard)
            self.still_serves()

    def test_byte_streams_with_codes_of_the_wrong_way(self):
        """Go takes 1, 2 and 3 for the same. Ours need not, but must end the command and serve the next."""
        for codes in ((mp.WRITES, mp.DUPLEX, mp.DUPLEX), (mp.DUPLEX, mp.READS, mp.READS)):
            with self.subTest(codes=codes):
                with contextlib.closing(self.server.connect(strictly=False)) as peer:
                    running = rexec_raw.Running(peer, ['cat'], codes)
                    peer.fin(running.stdin)
                    with contextlib.suppress(rawpeer.StreamReset, rawpeer.EndOfStream, rawpeer.Closed):
                        peer.recv_message(running.status)
                self.still_serves()

    def test_status_comes_soon_after_the_end(self):
        with self.server.connect() as peer:
            start = time.monotonic()
            rexec_raw.run(peer, 'true')
            self.assertLess(time.monotonic() - start, 1)


if __name__ == '__main__':
    harness.main()
