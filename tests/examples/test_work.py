#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The main job: nothing is lost, whatever the transport; one line of configuration chooses it."""

import concurrent.futures
import os
import pathlib
import subprocess
import threading
import time

import world
from world import harness

GROWTH_KIB = 8 * 1024       # over the peak of who has carried a few bytes
FLOW = 7_300_000            # lines of seq, 57 MB: who keeps them is seen


# Of POSIX, and of GNU coreutils what one types most
SYSTEM = set('''
    alias ar at awk basename batch bc bg cal cat cd chgrp chmod chown cksum cmp comm command compress cp crontab csplit cut
    date dd df diff dirname du echo ed env ex expand expr false fc fg file find fold fuser get getconf getopts grep hash head
    iconv id ipcrm ipcs jobs join kill lex link ln locale localedef logger logname lp ls m4 mailx make man mesg mkdir mkfifo
    more mv newgrp nice nl nm nohup od paste patch pathchk pax pr printf ps pwd read renice rm rmdir sed sh sleep sort split
    strings strip stty tabs tail talk tee test time touch tput tr true tsort tty type ulimit umask unalias uname uncompress
    unexpand uniq unlink uudecode uuencode val vi wait wc what who write xargs yacc zcat
    arch b2sum base32 base64 chcon chroot dir dircolors factor fmt groups hostid install md5sum mktemp mknod numfmt nproc
    pinky ptx readlink realpath runcon seq sha1sum sha256sum shred shuf stat stdbuf sum sync tac timeout truncate users
    vdir whoami yes'''.split())


class Names(world.WorldCase):
    """`./dev run` finds the examples before all other programs."""

    def test_none_hides_a_command_of_the_system(self):
        built = harness.build_dir() / 'examples'
        sources = pathlib.Path(__file__).resolve().parents[2] / 'examples'
        names = {path.stem for path in [*built.iterdir(), *sources.glob('*/*.py'), *sources.glob('*/*.js')] if path.is_file()}
        self.assertIn('echo-client', names)
        self.assertEqual(names & SYSTEM, set())

    def test_a_command_is_the_system_s(self):
        path = os.environ['PATH']
        self.addCleanup(os.environ.__setitem__, 'PATH', path)
        os.environ['PATH'] = f'{harness.build_dir() / "examples"}:{path}'
        server = self.serve_over('unix')
        self.assertEqual(self.rexec(server.uri, 'echo', 'hello'), (b'hello\n', b'', 0))


class Switch(world.WorldCase):
    """The program stays as it is; the Uri= line changes."""

    def test_ping_pong(self):
        for uri in ('memory:game', f'tcp://127.0.0.1:{world.free_port()}', f'tls://127.0.0.1:{world.free_port()}',
                    *map(self.new_uri, world.TRANSPORTS[2:])):
            with self.subTest(uri):
                config = self.config(f'[Endpoint game]\nUri={uri}\n')
                out, err, status = self.run_program('ping-pong', '-n', 100, '@game', config=config)
                self.assertEqual((err, status), (b'', 0))
                self.assertIn(b'100', out)

    def test_rexec(self):
        for transport in world.TRANSPORTS:
            with self.subTest(transport):
                server = self.serve_over(transport)
                config = self.config(f'[Endpoint work]\nUri={server.uri}\n', name='client.conf')
                self.assertEqual(self.rexec('@work', 'echo', 'hello', config=config), (b'hello\n', b'', 0))

    def test_fallback_is_tried_in_order(self):
        server = self.serve_over('tcp')
        config = self.config(f'[Endpoint work]\nUri=unix:{self.directory}/nobody\nFallback=unix:{self.directory}/no-one;{server.uri};\n')
        self.assertEqual(self.rexec('@work', 'echo', 'hello', config=config), (b'hello\n', b'', 0))


class Many(world.WorldCase):
    def test_twenty_clients_at_once(self):
        for transport in world.TRANSPORTS:
            with self.subTest(transport), concurrent.futures.ThreadPoolExecutor(20) as pool:
                server, config = self.serve_over(transport), self.config()
                blobs = [os.urandom(50000) for _ in range(20)]
                results = [pool.submit(self.rexec, server.uri, 'cat', stdin=blob, config=config) for blob in blobs]
                for blob, result in zip(blobs, results):
                    self.assertEqual(result.result(), (blob, b'', 0))

    def repeat(self, transport, count, command, stdin, expected):
        server, config = self.serve_over(transport), self.config()
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            results = list(pool.map(lambda _: self.rexec(server.uri, *command, stdin=stdin, config=config), range(count)))
        self.assertEqual([result for result in results if result != expected], [])

    def test_echo_again_and_again(self):
        self.repeat('tls', int(50 * world.RUNS), ['echo', 'hello'], b'', (b'hello\n', b'', 0))

    def test_200_kb_again_and_again(self):
        blob = os.urandom(200000)
        for transport in world.TRANSPORTS:
            with self.subTest(transport):
                self.repeat(transport, int(5 * world.RUNS), ['cat'], blob, (blob, b'', 0))


class Flat(world.WorldCase):
    """More than fits in any buffer, with flat memory on both sides."""

    def peak(self, pid):
        for line in pathlib.Path(f'/proc/{pid}/status').read_text(encoding='ascii').splitlines():
            if line.startswith('VmHWM:'):
                return int(line.split()[1])
        return 0

    def watch(self, child, peaks):
        while child.poll() is None:
            try:
                peaks.append(self.peak(child.pid))
            except (FileNotFoundError, ProcessLookupError):
                return
            time.sleep(0.01)

    def run_watched(self, server, command, source, pause=0):
        """What came, which nobody reads before the pause is over, and the peaks of client and server in KiB."""
        child = subprocess.Popen([harness.program('rexec'), server.uri, '--', *command], env=self.environment(self.config()),
                                 stdin=source, stdout=subprocess.PIPE)
        peaks = []
        watcher = threading.Thread(target=self.watch, args=(child, peaks))
        watcher.start()
        with child:
            time.sleep(pause)
            result = child.stdout.read()
            self.assertEqual(child.wait(world.TIMEOUT), 0)
        watcher.join()
        return result, (max(peaks, default=0), self.peak(server.process.pid))

    def idle_peaks(self, server):
        return self.run_watched(server, ['sh', '-c', 'cat; sleep 0.2; echo'], subprocess.DEVNULL)[1]

    def assert_flat(self, server, what, idle, peaks):
        print(f'# {what}: at most {peaks[0]} KiB in the client, {peaks[1]} KiB in the server; idle {idle[0]} and {idle[1]} KiB')
        for before, after in zip(idle, peaks):
            self.assertGreater(before, 0)
            if not server.is_sanitized:
                self.assertLessEqual(after - before, GROWTH_KIB)

    def test_sort(self):
        source = self.write('lines', '\n'.join(map(str, range(1, world.LINES + 1))) + '\n')
        expected = ('\n'.join(map(str, range(world.LINES, 0, -1))) + '\n').encode()
        for transport in world.TRANSPORTS:
            with self.subTest(transport), source.open('rb') as lines:
                server = self.serve_over(transport)
                idle = self.idle_peaks(server)
                result, peaks = self.run_watched(server, ['sort', '-rn'], lines)
                self.assertTrue(result == expected, f'{len(result)} of {len(expected)} bytes, or others')
                self.assert_flat(server, f'{transport}, {world.LINES} lines', idle, peaks)

    def test_what_nobody_reads_yet_is_not_kept(self):
        server = self.serve_over('tls')
        idle = self.idle_peaks(server)
        with subprocess.Popen(['seq', str(FLOW)], stdout=subprocess.PIPE) as lines:
            result, peaks = self.run_watched(server, ['sh', '-c', 'sleep 1; wc -l'], lines.stdout)
        self.assertEqual(int(result), FLOW)
        self.assert_flat(server, f'tls, {FLOW} lines in', idle, peaks)
        result, peaks = self.run_watched(server, ['seq', str(FLOW)], subprocess.DEVNULL, pause=1)
        self.assertEqual(result.count(b'\n'), FLOW)
        self.assertTrue(result.endswith(f'\n{FLOW}\n'.encode()))
        self.assert_flat(server, f'tls, {FLOW} lines out', idle, peaks)


if __name__ == '__main__':
    harness.main()
