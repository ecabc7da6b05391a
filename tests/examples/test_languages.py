#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The examples in C, JavaScript, Python and Vala talk to each other, over each transport between processes; and to
themselves, over each transport there is.

What is tried is printed before, so the last such line before a failure says what failed.
"""

import os
import pathlib
import re
import signal
import subprocess
import threading
import time

import world
from world import harness

# Each program is started in each language, beside other tests; the test runner gives 240 s.
harness.TEST_TIMEOUT, harness.PROGRAM_TIMEOUT = (limit * harness.SLOWNESS for limit in (120, 235))

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent


def gjs(name):
    return str(SOURCE / 'examples' / 'gjs' / f'{name}.js')


def python(name):
    return str(SOURCE / 'examples' / 'python' / f'{name}.py')


# A row for a program, an entry for a language: each client is tried with each server.
REXEC = {'c': 'rexec', 'vala': 'vala/vala-rexec', 'gjs': gjs('rexec'), 'python': python('rexec')}
REXEC_SERVER = {'c': 'rexec-server', 'vala': 'vala/vala-rexec-server', 'gjs': gjs('rexec-server'),
                'python': python('rexec-server')}
ECHO = {'c': 'echo-client', 'vala': 'vala/vala-echo-client', 'gjs': gjs('echo-client'), 'python': python('echo-client')}
ECHO_SERVER = {'c': 'echo-server', 'vala': 'vala/vala-echo-server', 'gjs': gjs('echo-server'), 'python': python('echo-server')}
CHAT = {'c': 'chat', 'vala': 'vala/vala-chat', 'gjs': gjs('chat'), 'python': python('chat')}
CHAT_SERVER = {'c': 'chat-server', 'vala': 'vala/vala-chat-server', 'gjs': gjs('chat-server'), 'python': python('chat-server')}
POOL = {'c': 'pool', 'vala': 'vala/vala-pool', 'gjs': gjs('pool'), 'python': python('pool')}
ASK_POOL = {'c': 'ask-pool', 'vala': 'vala/vala-ask-pool', 'gjs': gjs('ask-pool'), 'python': python('ask-pool')}
WORKER = {'c': 'worker', 'vala': 'vala/vala-worker', 'gjs': gjs('worker'), 'python': python('worker')}
SEND_FILE = {'c': 'send-file', 'vala': 'vala/vala-send-file', 'gjs': gjs('send-file'), 'python': python('send-file')}
RECEIVE_FILES = {'c': 'receive-files', 'vala': 'vala/vala-receive-files', 'gjs': gjs('receive-files'), 'python': python('receive-files')}

# Both ends in one process.
PING_PONG = {'c': 'ping-pong', 'vala': 'vala/vala-ping-pong', 'gjs': gjs('ping-pong'), 'python': python('ping-pong')}


def each_transport(case):
    """Makes of each over_x(self, transport) a test for each transport, which has its own time and its own result."""
    def over(method, transport):
        return lambda self: method(self, transport)

    for name, method in list(vars(case).items()):
        if name.startswith('over_'):
            for transport in world.TRANSPORTS:
                setattr(case, f'test_{name[5:]}_{transport}', over(method, transport))
    return case


class LanguageCase(world.WorldCase):
    def environment(self, config=None):
        return {**super().environment(config), 'LC_ALL': 'C.UTF-8'}

    def spawn(self, name, *arguments, config=None, **options):
        process = subprocess.Popen([harness.program(name), *map(str, arguments)], env=self.environment(config or self.config()),
                                   preexec_fn=harness.die_with_parent, **options)
        self.addCleanup(self.end, process)
        return process

    def matrix(self, servers, clients, transport='unix', **options):
        """For each server and client: the client's language and program, and the server's address."""
        for language, server_name in servers.items():
            server = self.serve_over(transport, name=server_name, **options)
            for client, name in clients.items():
                print(f'# {client} to {language} over {transport}', flush=True)
                yield client, name, server.uri
            server.stop()

    @staticmethod
    def end(process):
        process.kill()
        process.wait(10)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


@each_transport
class Rexec(LanguageCase):
    def rexec_with(self, name, uri, *command, stdin=b''):
        return self.run_program(name, uri, '--' if name == 'rexec' else command[0], *command[name != 'rexec':],
                                config=self.config(), stdin=stdin)

    def over_input_output_and_status(self, transport):
        blob = os.urandom(300000)
        for _client, name, uri in self.matrix(REXEC_SERVER, REXEC, transport):
            out, err, status = self.rexec_with(name, uri, 'sh', '-c', 'cat; echo problem >&2; exit 7', stdin=blob)
            self.assertTrue(out == blob, f'{len(out)} of {len(blob)} bytes, or others')
            self.assertEqual((err, status), (b'problem\n', 7))
            self.assertEqual(self.rexec_with(name, uri, 'sh', '-c', 'kill -9 $$')[2], 128 + 9)
            self.assertEqual(self.rexec_with(name, uri, '/no/such/program')[2], 127)


class NotText(LanguageCase):
    """Text in messages is in UTF-8, and what a person types may be something else. (gjs itself dies of such an argument.)"""

    def test_arguments(self):
        server = self.serve_over('unix', name=ECHO_SERVER['c'])
        for programs, status in ((REXEC, {'c': 240, 'vala': 240}), (ECHO, {}), (CHAT, {}), (WORKER, {}), (SEND_FILE, {})):
            for language in ('c', 'vala', 'python'):
                with self.subTest(programs[language]):
                    name = os.path.basename(programs['c'])
                    self.assert_one_line(self.run_program(programs[language], server.uri, 'caf\udce9'), status.get(language, 2),
                                         f'{name}: “caf\ufffd” is not in UTF-8')

    def test_what_is_said_in_a_chat(self):
        """What came before is said, and nothing after."""
        for language, name in CHAT.items():
            with self.subTest(language):
                server = self.serve_over('unix', name=CHAT_SERVER['c'])
                out, err, status = self.run_program(name, server.uri, 'ann', stdin=b'one\ncaf\xe9\ntwo\n')
                self.assertEqual((out.splitlines()[:2], status), ([b'room: ann comes in', b'ann: one'], 1), err)
                self.assertRegex(err.decode(), r'\Achat(.js)?: [^\n]+\n\Z')
                self.assertNotIn(b'two', out)
                server.stop()


@each_transport
class Echo(LanguageCase):
    def over_words_come_back(self, transport):
        for _client, name, uri in self.matrix(ECHO_SERVER, ECHO, transport):
            self.assertEqual(self.run_program(name, uri, 'one', 'zwei ä', config=self.config()), ('one\nzwei ä\n'.encode(), b'', 0))

    def test_nobody_there(self):
        for name in ECHO.values():
            with self.subTest(name):
                self.assert_one_line(self.run_program(name, f'unix:{self.directory}/nobody', 'x'), 1, 'echo-client', 'nobody')


@each_transport
class Pool(LanguageCase):
    def ask(self, name, uri, count):
        out, err, status = self.run_program(name, uri, count, config=self.config())
        self.assertEqual((err, status), (b'', 0))
        answers = [line.split() for line in out.decode().splitlines()]
        self.assertEqual([[number, square] for number, square, _who in answers],
                         [[str(i), str(i * i)] for i in range(1, count + 1)])
        return {who for _number, _square, who in answers}

    def over_workers_come_and_go(self, transport):
        """The first worker in the language of who asks, the second in the next one."""
        languages = list(WORKER)
        for client, name, uri in self.matrix(POOL, ASK_POOL, transport):
            first = self.spawn(WORKER[client], uri, 'first')
            self.assertEqual(self.ask(name, uri, 20), {'first'})
            other = languages[(languages.index(client) + 1) % len(languages)]
            second = self.spawn(WORKER[other], uri, 'second')
            self.wait_for(lambda program=name, to=uri: self.ask(program, to, 200) == {'first', 'second'})
            first.kill()
            first.wait(world.TIMEOUT)
            self.assertEqual(self.ask(name, uri, 20) - {'first'}, {'second'})
            self.assertEqual(self.ask(name, uri, 20), {'second'})
            second.kill()
            second.wait(world.TIMEOUT)

    def test_jobs_wait_for_the_first_worker(self):
        for client, name, uri in self.matrix(POOL, ASK_POOL):
            results = []
            asking = threading.Thread(target=lambda to=uri, program=name, got=results: got.append(self.ask(program, to, 50)))
            asking.start()
            time.sleep(0.3)
            worker = self.spawn(WORKER[client], uri, 'late')
            asking.join(world.TIMEOUT)
            self.assertEqual(results, [{'late'}])
            worker.kill()
            worker.wait(world.TIMEOUT)

    def test_job_that_a_worker_took_along(self):
        """It went out to a worker that stands still, and is killed: who asked hears of it, and the pool goes on."""
        for server_name in POOL.values():
            server = self.serve_over('unix', name=server_name)
            first = self.spawn(WORKER['c'], server.uri, 'first')
            self.assertEqual(self.ask(ASK_POOL['c'], server.uri, 1), {'first'})
            first.send_signal(signal.SIGSTOP)
            results = []
            asking = threading.Thread(target=lambda at=server.uri, got=results: got.append(
                self.run_program(ASK_POOL['c'], at, 1, config=self.config())))
            asking.start()
            time.sleep(1)
            first.kill()
            first.wait(world.TIMEOUT)
            asking.join(world.TIMEOUT)
            [(out, err, status)] = results
            self.assertEqual((out, status), (b'', 1))
            self.assertRegex(err.decode(), r'\Aask-pool: [^\n]+\n\Z')
            second = self.spawn(WORKER['c'], server.uri, 'second')
            self.assertEqual(self.ask(ASK_POOL['c'], server.uri, 20), {'second'})
            self.end(second)
            server.stop()

    def wait_for(self, condition):
        end = time.monotonic() + world.TIMEOUT
        while not condition():
            self.assertLess(time.monotonic(), end)


@each_transport
class Chat(LanguageCase):
    def guest(self, program, uri, name):
        process = self.spawn(program, uri, name, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return process, harness.Pump(process.stdout)

    def expect(self, pump, *lines):
        for line in lines:
            self.assertEqual(pump.lines.get(timeout=world.TIMEOUT), f'{line}\n'.encode())

    def say(self, process, text):
        process.stdin.write(f'{text}\n'.encode())
        process.stdin.flush()

    def leave(self, process):
        process.stdin.close()
        self.assertEqual(process.wait(world.TIMEOUT), 0)

    def over_three_guests(self, transport):
        """One who stays is of the client's language; one who leaves and one who is cut off, of it and of the next."""
        languages = list(CHAT)
        for client, name, uri in self.matrix(CHAT_SERVER, CHAT, transport):
            other = CHAT[languages[(languages.index(client) + 1) % len(languages)]]
            ann, ann_hears = self.guest(name, uri, 'ann')
            self.expect(ann_hears, 'room: ann comes in')
            bob, bob_hears = self.guest(other, uri, 'bob')
            self.expect(ann_hears, 'room: bob comes in')
            self.expect(bob_hears, 'room: bob comes in')
            self.say(ann, 'hellö')
            self.expect(ann_hears, 'ann: hellö')
            self.expect(bob_hears, 'ann: hellö')
            self.leave(bob)
            self.expect(ann_hears, 'room: bob leaves')
            cut, _cut_hears = self.guest(name, uri, 'cut')
            self.expect(ann_hears, 'room: cut comes in')
            cut.kill()
            self.expect(ann_hears, 'room: cut leaves')
            self.leave(ann)

    def test_a_name_is_taken_once(self):
        for _client, name, uri in self.matrix(CHAT_SERVER, CHAT):
            ann, hears = self.guest(name, uri, 'ann')
            self.expect(hears, 'room: ann comes in')
            _out, err, status = self.run_program(name, uri, 'ann', stdin=b'')
            self.assertEqual(status, 1)
            self.assertIn(b'ann is here already', err)
            self.leave(ann)


@each_transport
class Files(LanguageCase):
    def setUp(self):
        self.target = self.directory / f'received-{self.id()}'
        self.target.mkdir()

    def over_files_arrive(self, transport):
        paths = [self.directory / 'large', self.directory / 'empty']
        paths[0].write_bytes(os.urandom(5000000))
        paths[1].write_bytes(b'')
        for _client, name, uri in self.matrix(RECEIVE_FILES, SEND_FILE, transport, arguments=[str(self.target)]):
            out, err, status = self.run_program(name, uri, *paths, config=self.config())
            self.assertEqual((err, status), (b'', 0))
            for path in paths:
                received = self.target / path.name
                self.assertTrue(received.read_bytes() == path.read_bytes(), path.name)
                received.unlink()
            text = out.decode()
            self.assertIn(f'large [{"#" * 40}] 100 %\nlarge has arrived\n', text)
            self.assertIn('empty has arrived\n', text)
            steps = [int(line.split()[-2]) for line in text.splitlines() if line.endswith('%')]
            self.assertEqual(steps, sorted(steps))
            self.assertGreater(len(steps), 10)

    def test_a_file_that_is_there_stays(self):
        (self.target / 'file').write_text('old')
        path = self.write('file', 'new')
        for _client, name, uri in self.matrix(RECEIVE_FILES, SEND_FILE, arguments=[str(self.target)]):
            _out, err, status = self.run_program(name, uri, path)
            self.assertEqual(status, 1)
            self.assertRegex(err.decode(), r'\Asend-file[^\n]*: [^\n]*exist[^\n]*\n\Z')
            self.assertEqual((self.target / 'file').read_text(), 'old')


class PingPong(LanguageCase):
    """Client and server in one process: the only place for memory:."""

    def play(self, name, uri, count=20):
        out, err, status = self.run_program(name, '-n', count, uri, config=self.config(f'[Endpoint game]\nUri={uri}\n'))
        self.assertEqual((err, status), (b'', 0))
        rounds, where = re.fullmatch(r'(\d+) rounds over (\S+), \d+\.\d µs each\n', out.decode()).groups()
        self.assertEqual(int(rounds), count)
        return where

    def test_memory(self):
        for name in PING_PONG.values():
            with self.subTest(name):
                self.assertEqual(self.play(name, 'memory:game'), 'memory:game')
                self.assertEqual(self.run_program(name, '-n', 1)[2], 0)
                config = self.config('[Endpoint game]\nUri=memory:table\n')
                out, err, status = self.run_program(name, '-n', 1, '@game', config=config)
                self.assertEqual((err, status), (b'', 0))
                self.assertIn(b'memory:table', out)

    def test_between_processes(self):
        for transport in world.TRANSPORTS:
            for name in PING_PONG.values():
                with self.subTest(f'{name} over {transport}'):
                    self.assertTrue(self.play(name, self.new_uri(transport)).startswith(transport[:3]))

    def test_memory_reaches_nobody_in_another_process(self):
        self.serve_over('unix', name=CHAT_SERVER['c'])
        for name in CHAT.values():
            with self.subTest(name):
                self.assert_one_line(self.run_program(name, 'memory:room', 'ann'), 1, 'room')


class Strangers(LanguageCase):
    """A server goes on, whatever it is sent."""

    def visit(self, row, *names, **options):
        stranger = str(SOURCE / 'tests' / 'examples' / 'stranger.py')
        for language, server_name in row.items():
            print(f'# a stranger to {server_name}', flush=True)
            server = self.serve_over('unix', name=server_name, **options)
            self.assertEqual(self.run_program(stranger, server.uri, *names), (b'', b'', 0), language)
            yield server
            server.assert_alive()
            server.stop()

    def test_echo_server(self):
        for server in self.visit(ECHO_SERVER, 'echo'):
            self.assertEqual(self.run_program(ECHO['python'], server.uri, 'word'), (b'word\n', b'', 0))

    def test_rexec_server(self):
        for server in self.visit(REXEC_SERVER, 'rexec'):
            self.assertEqual(self.rexec(server.uri, 'echo', 'word'), (b'word\n', b'', 0))

    def test_chat_server(self):
        for server in self.visit(CHAT_SERVER, 'chat'):
            _out, err, status = self.run_program(CHAT['c'], server.uri, 'ann', stdin=b'x\n')
            self.assertEqual((err, status), (b'', 0))

    def test_pool(self):
        for server in self.visit(POOL, 'workers'):
            worker = self.spawn(WORKER['c'], server.uri, 'sound')
            out, err, status = self.run_program(ASK_POOL['c'], server.uri, 3)
            self.assertEqual((out.split(b'\n')[-2], err, status), (b'3 9 sound', b'', 0))
            worker.kill()

    def test_worker(self):
        """Jobs that are none, through a pool in C, to a worker in each language."""
        for language, name in WORKER.items():
            for server in self.visit({'c': POOL['c']}, 'jobs'):
                worker = self.spawn(name, server.uri, language)
                out, err, status = self.run_program(ASK_POOL['c'], server.uri, 3)
                self.assertEqual((out, err, status), (f'1 1 {language}\n2 4 {language}\n3 9 {language}\n'.encode(), b'', 0))
                worker.kill()

    def test_receive_files(self):
        path = self.write('sound', 'content')
        for server in self.visit(RECEIVE_FILES, 'files', arguments=[str(self.directory)]):
            target = self.directory / 'sent'
            path.replace(target)
            _out, err, status = self.run_program(SEND_FILE['c'], server.uri, target)
            self.assertEqual(status, 1)
            self.assertIn(b'exist', err)
            target.replace(path)


class Ends(LanguageCase):
    """How the programs end, in each language."""

    @staticmethod
    def programs(*rows):
        return [name for row in rows for name in row.values()]

    def test_a_signal_ends_a_server(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            for name in self.programs(CHAT_SERVER, POOL, RECEIVE_FILES):
                with self.subTest(name):
                    directory = [str(self.directory)] if name in RECEIVE_FILES.values() else []
                    server = self.serve_over('unix', name=name, arguments=directory)
                    server.process.send_signal(number)
                    self.assertEqual(server.process.wait(world.TIMEOUT), 0)

    def test_usage(self):
        for name in self.programs(CHAT, CHAT_SERVER, POOL, ASK_POOL, SEND_FILE, RECEIVE_FILES):
            with self.subTest(name):
                out, err, status = self.run_program(name)
                self.assertEqual((out, status), (b'', 2))
                self.assertRegex(err.decode(), r'\Ausage: [^\n]*URI\|@NAME[^\n]*\n\Z')

    def test_too_many_arguments(self):
        """Else a mistake in quoting, or an argument that is no more, would go unnoticed."""
        for name in self.programs(CHAT, CHAT_SERVER, POOL, ASK_POOL, WORKER, RECEIVE_FILES):
            with self.subTest(name):
                out, err, status = self.run_program(name, f'unix:{self.directory}/nobody', self.directory, 'more', 'yet')
                self.assertEqual((out, status), (b'', 2))
                self.assertRegex(err.decode(), r'\Ausage: [^\n]*URI\|@NAME[^\n]*\n\Z')

    def test_what_cannot_be_reached(self):
        path = self.write('file', 'content')
        for rows, argument in (((CHAT, ASK_POOL), '1'), ((SEND_FILE,), path)):
            for name in self.programs(*rows):
                with self.subTest(name):
                    self.assert_one_line(self.run_program(name, f'unix:{self.directory}/nobody', argument), 1, 'nobody')
                    self.assert_one_line(self.run_program(name, '@nowhere', argument), 78, 'nowhere')


if __name__ == '__main__':
    harness.main()
