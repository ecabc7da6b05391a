#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The examples in C, JavaScript, Python and Vala talk to each other, over each transport between processes."""

import os
import pathlib
import subprocess
import threading
import time

import world
from world import harness

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
TRANSPORTS = ('tcp', 'tls', 'unix')


def gjs(name):
    return str(SOURCE / 'examples' / 'gjs' / f'{name}.js')


def python(name):
    return str(SOURCE / 'examples' / 'python' / f'{name}.py')


REXEC = {'c': 'rexec', 'vala': 'vala/vala-rexec', 'gjs': gjs('rexec'), 'python': python('rexec')}
REXEC_SERVER = {'c': 'rexec-server', 'vala': 'vala/vala-rexec-server', 'gjs': gjs('rexec-server'),
                'python': python('rexec-server')}
WORKERS = {'vala': 'vala/vala-worker', 'gjs': gjs('worker'), 'python': python('worker')}
ECHO = {'vala': 'vala/vala-echo', 'python': python('echo')}
ECHO_SERVER = {'c': 'echo-server', 'vala': 'vala/vala-echo-server', 'python': python('echo-server')}


class LanguageCase(world.WorldCase):
    def spawn(self, name, *arguments, config=None, **options):
        process = subprocess.Popen([harness.program(name), *map(str, arguments)], env=self.environment(config or self.config()),
                                   preexec_fn=harness.die_with_parent, **options)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        process.kill()
        process.wait(10)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


class Rexec(LanguageCase):
    def each(self):
        for transport in TRANSPORTS:
            for language, server_name in REXEC_SERVER.items():
                server = self.serve_over(transport, name=server_name)
                for client, name in REXEC.items():
                    with self.subTest(f'{client} to {language} over {transport}'):
                        yield name, server.uri

    def rexec_with(self, name, uri, *command, stdin=b''):
        return self.run_program(name, uri, '--' if name == 'rexec' else command[0], *command[name != 'rexec':],
                                config=self.config(), stdin=stdin)

    def test_input_output_and_status(self):
        blob = os.urandom(300000)
        for name, uri in self.each():
            out, err, status = self.rexec_with(name, uri, 'sh', '-c', 'cat; echo problem >&2; exit 7', stdin=blob)
            self.assertTrue(out == blob, f'{len(out)} of {len(blob)} bytes, or others')
            self.assertEqual((err, status), (b'problem\n', 7))
            self.assertEqual(self.rexec_with(name, uri, 'sh', '-c', 'kill -9 $$')[2], 128 + 9)
            self.assertEqual(self.rexec_with(name, uri, '/no/such/program')[2], 127)


class Echo(LanguageCase):
    def test_each_to_each(self):
        for transport in TRANSPORTS:
            for language, server_name in ECHO_SERVER.items():
                server = self.serve_over(transport, name=server_name)
                for client, name in ECHO.items():
                    with self.subTest(f'{client} to {language} over {transport}'):
                        self.assertEqual(self.run_program(name, server.uri, 'one', 'zwei ä', config=self.config()),
                                         ('one\nzwei ä\n'.encode(), b'', 0))

    def test_nobody_there(self):
        for name in ECHO.values():
            out, err, status = self.run_program(name, f'unix:{self.directory}/nobody', 'x')
            self.assertEqual((out, status), (b'', 1))
            self.assertRegex(err.decode(), r'\Aecho: [^\n]*nobody[^\n]*\n\Z')


class Pool(LanguageCase):
    def ask(self, uri, count):
        out, err, status = self.run_program(gjs('ask-pool'), uri, count, config=self.config())
        self.assertEqual((err, status), (b'', 0))
        answers = [line.split() for line in out.decode().splitlines()]
        self.assertEqual([[number, square] for number, square, _who in answers],
                         [[str(i), str(i * i)] for i in range(1, count + 1)])
        return {who for _number, _square, who in answers}

    def test_workers_come_and_go(self):
        for transport in TRANSPORTS:
            with self.subTest(transport):
                server = self.serve_over(transport, name=gjs('pool'))
                first = self.spawn(WORKERS['gjs'], server.uri, 'first')
                self.assertEqual(self.ask(server.uri, 20), {'first'})
                self.spawn(WORKERS['vala'], server.uri, 'second')
                self.spawn(WORKERS['python'], server.uri, 'third')
                self.wait_for(lambda uri=server.uri: self.ask(uri, 200) == {'first', 'second', 'third'})
                first.kill()
                first.wait(world.TIMEOUT)
                self.assertLessEqual(self.ask(server.uri, 20) - {'first'}, {'second', 'third'})
                self.assertLessEqual(self.ask(server.uri, 20), {'second', 'third'})

    def test_jobs_wait_for_the_first_worker(self):
        server = self.serve_over('tcp', name=gjs('pool'))
        results = []
        asking = threading.Thread(target=lambda: results.append(self.ask(server.uri, 50)))
        asking.start()
        time.sleep(0.3)
        self.spawn(WORKERS['vala'], server.uri, 'late')
        asking.join(world.TIMEOUT)
        self.assertEqual(results, [{'late'}])

    def wait_for(self, condition):
        end = time.monotonic() + world.TIMEOUT
        while not condition():
            self.assertLess(time.monotonic(), end)


class Chat(LanguageCase):
    def guest(self, uri, name):
        process = self.spawn(gjs('chat'), uri, name, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return process, harness.Pump(process.stdout)

    def expect(self, pump, *lines):
        for line in lines:
            self.assertEqual(pump.lines.get(timeout=world.TIMEOUT), f'{line}\n'.encode())

    def say(self, process, text):
        process.stdin.write(f'{text}\n'.encode())
        process.stdin.flush()

    def test_three_guests(self):
        for transport in TRANSPORTS:
            with self.subTest(transport):
                server = self.serve_over(transport, name=gjs('chat-server'))
                ann, ann_hears = self.guest(server.uri, 'ann')
                self.expect(ann_hears, 'room: ann comes in')
                bob, bob_hears = self.guest(server.uri, 'bob')
                self.expect(ann_hears, 'room: bob comes in')
                self.expect(bob_hears, 'room: bob comes in')
                self.say(ann, 'hello')
                self.expect(ann_hears, 'ann: hello')
                self.expect(bob_hears, 'ann: hello')
                bob.stdin.close()
                self.assertEqual(bob.wait(world.TIMEOUT), 0)
                self.expect(ann_hears, 'room: bob leaves')
                cut, _cut_hears = self.guest(server.uri, 'cut')
                self.expect(ann_hears, 'room: cut comes in')
                cut.kill()
                self.expect(ann_hears, 'room: cut leaves')

    def test_a_name_is_taken_once(self):
        server = self.serve_over('unix', name=gjs('chat-server'))
        _ann, hears = self.guest(server.uri, 'ann')
        self.expect(hears, 'room: ann comes in')
        _out, err, status = self.run_program(gjs('chat'), server.uri, 'ann', stdin=b'')
        self.assertEqual(status, 1)
        self.assertIn(b'ann is here already', err)


class Files(LanguageCase):
    def test_files_arrive(self):
        for number, transport in enumerate(TRANSPORTS):
            with self.subTest(transport):
                target = self.directory / f'received{number}'
                target.mkdir()
                server = self.serve_over(transport, name=gjs('receive-files'), arguments=[str(target)])
                paths = [self.directory / 'large', self.directory / 'empty']
                paths[0].write_bytes(os.urandom(5000000))
                paths[1].write_bytes(b'')
                out, err, status = self.run_program(gjs('send-file'), server.uri, *paths, config=self.config())
                self.assertEqual((err, status), (b'', 0))
                for path in paths:
                    self.assertTrue((target / path.name).read_bytes() == path.read_bytes(), path.name)
                text = out.decode()
                self.assertIn(f'large [{"#" * 40}] 100 %\nlarge has arrived\n', text)
                self.assertIn('empty has arrived\n', text)
                steps = [int(line.split()[-2]) for line in text.splitlines() if line.endswith('%')]
                self.assertEqual(steps, sorted(steps))
                self.assertGreater(len(steps), 10)

    def test_a_file_that_is_there_stays(self):
        target = self.directory / 'kept'
        target.mkdir()
        (target / 'file').write_text('old')
        path = self.write('file', 'new')
        server = self.serve_over('unix', name=gjs('receive-files'), arguments=[str(target)])
        _out, err, status = self.run_program(gjs('send-file'), server.uri, path)
        self.assertEqual(status, 1)
        self.assertRegex(err.decode(), r'\Asend-file.js: [^\n]*exist[^\n]*\n\Z')
        self.assertEqual((target / 'file').read_text(), 'old')


if __name__ == '__main__':
    harness.main()
