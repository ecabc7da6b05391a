#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""watch-window in each language on a screen without a monitor: what it shows, and that it is seen.

Each runs as it is, with window-probe.c beside it in its process, which clicks, and tells what its widgets hold and where
they are. The pictures are kept in the build directory, tests/window/watch-window-*.png.
"""

import atexit
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import types
import unittest

import gi

HERE = pathlib.Path(__file__).resolve().parent
EXAMPLES = HERE.parent.parent / 'examples'
sys.path[:0] = [str(HERE), str(HERE.parent / 'interop'), str(HERE.parent / 'dbus')]
sys.dont_write_bytecode = True
import bus  # noqa: E402
import harness  # noqa: E402
from screen import Screen  # noqa: E402

gi.require_version('Chan', '1')
from gi.repository import Chan, GLib  # noqa: E402

TIMEOUT = 20 * harness.SLOWNESS
VISIBLE_ROWS = 10
FRAMES = 8                          # until everything is drawn: more than the program's FOLLOW_FRAMES
ROWS, ROWS_AT_ONCE = 1000, 50       # of the program
WITH_DBUS = os.environ.get('CHAN_TEST_DBUS') != '0'

screen = Screen(660, 460)
atexit.register(screen.stop)
os.environ.pop('WAYLAND_DISPLAY', None)
os.environ.update(DISPLAY=screen.display, GDK_BACKEND='x11', GSK_RENDERER='cairo', GTK_A11Y='none', GSETTINGS_BACKEND='memory',
                  CHAN_CONFIG='/dev/null')


class CCase:
    language = 'c'
    command = (harness.build_dir() / 'examples' / 'watch-window',)


class GjsCase:
    language = 'gjs'
    command = ('gjs', '-m', EXAMPLES / 'gjs' / 'watch-window.js')


class PythonCase:
    language = 'python'
    command = (sys.executable, '-B', EXAMPLES / 'python' / 'watch-window.py')


class ValaCase:
    language = 'vala'
    command = (harness.build_dir() / 'examples' / 'vala' / 'vala-watch-window',)


class Watch:
    """The program, with its probe."""

    def __init__(self, *command):
        environment = harness.environment()
        # A sanitizer's library is there already, and must be first.
        preloaded = [*environment.get('LD_PRELOAD', '').split(), str(harness.build_dir() / 'tests' / 'window' / 'window-probe.so')]
        self.process = subprocess.Popen(list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env={**environment, 'LD_PRELOAD': ' '.join(preloaded)}, preexec_fn=harness.die_with_parent)
        self.answers = harness.Pump(self.process.stdout)

    def do(self, command):
        self.process.stdin.write(f'{command}\n')
        self.process.stdin.flush()
        return json.loads(self.answers.lines.get(timeout=TIMEOUT), object_hook=lambda found: types.SimpleNamespace(**found))

    def stop(self):
        self.process.kill()
        self.process.wait(TIMEOUT)
        self.answers.thread.join(TIMEOUT)
        self.process.stdin.close()
        self.process.stdout.close()


class WindowCase:
    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix='chan-window-')
        self.addCleanup(holder.cleanup)
        self.directory = pathlib.Path(holder.name)

    def open(self, uri, name='window'):
        self.watch = Watch(*self.command, uri, name)
        self.addCleanup(self.watch.stop)

    def look(self):
        return self.watch.do('look')

    def wait_until(self, condition, what):
        """What is seen when condition(what is seen) is true."""
        deadline = time.monotonic() + TIMEOUT
        while not condition(seen := self.look()):
            self.assertLess(time.monotonic(), deadline, f'not in {TIMEOUT} s: {what}; but {seen}')
            time.sleep(0.02)
        return seen

    def feed(self, per_second, uri=None):
        server = harness.Server(str(EXAMPLES / 'python' / 'feed-server.py'), uri or f'unix:{self.directory}/feed', [str(per_second)])
        self.addCleanup(server.stop)
        return server

    @staticmethod
    def numbers(seen):
        return [int(re.match(r'reading (\d+): ', text)[1]) for _who, text, _note in seen.rows]

    def wait_for_rows(self, count):
        return self.wait_until(lambda seen: seen.shown >= count, f'{count} rows')

    def wait_for_waiting(self, pattern):
        return self.wait_until(lambda seen: re.search(pattern, seen.waiting), pattern)

    def wait_for_ending(self):
        return self.wait_until(lambda seen: seen.ending is not None, 'an ending')

    def picture(self, name=None):
        """What is on the screen when everything is drawn; and what the probe says of it."""
        last = self.look().n_frames + FRAMES
        seen = self.wait_until(lambda seen: seen.n_frames >= last, f'{FRAMES} frames')
        picture = screen.picture()
        if name:
            picture.save(harness.build_dir() / 'tests' / 'window' / f'watch-window-{self.language}-{name}.png')
        return picture, seen

    @staticmethod
    def row_labels(seen):
        """Of what is whole in the visible part of the list: texts, and where they are."""
        left, top, width, height = seen.areas.scrolled
        return {text: (x, y, text_width, text_height) for text, (x, y, text_width, text_height) in seen.labels
                if y >= top and y + text_height <= top + height and x >= left and x + text_width <= left + width}


class Window(WindowCase):
    def test_messages_are_seen(self):
        self.open(self.feed(50, 'tcp://127.0.0.1:0').uri)
        empty, _seen = self.picture()
        self.wait_for_rows(30)
        self.wait_for_waiting('^[0-9]+ messages$')
        self.watch.do('pause')
        picture, seen = self.picture('live')
        texts = self.row_labels(seen)
        self.assertGreater(len([text for text in texts if text.startswith('reading ')]), VISIBLE_ROWS)
        self.assertIn(f'reading {seen.shown}: ', ' '.join(texts), 'the newest is not in sight')
        for text, area in texts.items():
            self.assertGreater(picture.ink(*area), 6 * len(text), f'{text} at {area}')
        self.assertTrue(picture.differs(empty, *seen.areas.list))
        self.assertEqual(seen.state, '● Connected')
        self.assertGreater(picture.ink(*seen.areas.state), 50)
        below = (0, 445, 660, 10)       # the window does not reach there: this is no picture of noise
        self.assertEqual(picture.ink(*below), 0)

    def test_pause_stops_the_sender(self):
        self.open(self.feed(10).uri)        # so slow that what is told is still in sight when it pauses again
        self.wait_for_rows(5)
        self.watch.do('pause')
        before = self.wait_for_waiting('^16 of 16 wait here; the sender waits$')
        time.sleep(1)
        paused, seen = self.picture('paused')
        self.assertEqual((seen.shown, seen.waiting), (before.shown, '16 of 16 wait here; the sender waits'))
        self.assertEqual((seen.level, seen.pause), (16, 'Go on'))
        self.watch.do('pause')
        self.wait_until(lambda seen: any(note for _who, _text, note in seen.rows), 'it is told that the sender waited')
        self.watch.do('pause')
        resumed, seen = self.picture('resumed')
        self.assertTrue(resumed.differs(paused, *seen.areas.scrolled))
        self.assertEqual(self.numbers(seen), list(range(1, seen.shown + 1)), 'something was left out')
        # The first that found no place, and the next, which says so.
        note = seen.rows[before.shown + 17][2]
        self.assertRegex(note, r'^the sender waited [0-9]+\.[0-9] s$')
        self.assertIn(note, self.row_labels(seen))

    def test_lost_connection_and_another(self):
        server = self.feed(50)
        self.open(server.uri)
        self.wait_for_rows(3)
        server.process.send_signal(signal.SIGKILL)
        self.wait_for_ending()
        picture, seen = self.picture('lost')
        self.assertRegex(seen.ending, 'peer|connection')
        self.assertEqual((seen.state, seen.again), ('● Not connected', 'Connect again'))
        self.assertGreaterEqual(len(seen.rows), 3)
        self.assertGreater(picture.ink(*seen.areas.ending), 100)
        server.process.wait(10)
        self.feed(50, server.uri)
        self.watch.do('again')
        seen = self.wait_for_rows(3)
        self.assertIsNone(seen.ending)
        self.assertEqual(self.numbers(seen)[0], 1)

    def test_lost_while_paused(self):
        """What had arrived is not lost with the connection."""
        server = self.feed(200)
        self.open(server.uri)
        self.wait_for_rows(2)
        self.watch.do('pause')
        shown = self.wait_for_waiting('the sender waits').shown
        server.process.send_signal(signal.SIGKILL)
        self.wait_for_waiting('16 of 16 wait here; the sender is gone')
        seen = self.wait_until(lambda seen: seen.state == '● Not connected', 'it is told that the connection is lost')
        self.assertIsNone(seen.ending)
        self.watch.do('pause')
        self.assertEqual(self.numbers(self.wait_for_ending()), list(range(1, shown + 17)))

    def bus_uri(self, name):
        """At a dbus-daemon of the test's own; each message is a method call."""
        path = self.directory / 'bus.conf'
        path.write_text(bus.CONFIGURATION.format(directory=self.directory, limits=''), encoding='utf-8')
        daemon = bus.Program(['dbus-daemon', '--nofork', '--nopidfile', '--print-address', f'--config-file={path}'], harness.environment())
        self.addCleanup(daemon.stop)
        daemon.line()
        return f'dbus:unix:path={self.directory}/bus?name=org.example.{name}&direct=never'

    def test_chat_room(self):
        room = harness.Server('chat-server', self.bus_uri('Room') if WITH_DBUS else f'unix:{self.directory}/room')
        self.addCleanup(room.stop)
        self.open(room.uri, 'Wanda')
        self.wait_for_rows(1)
        said = 'Grüße aus <b>Oslo</b> & anderswo'
        subprocess.run([harness.program('chat'), room.uri, 'ann'], input=said + '\n', text=True, check=True, timeout=TIMEOUT,
                       stdout=subprocess.DEVNULL, env=harness.environment())
        self.wait_for_rows(4)
        _picture, seen = self.picture('room')
        self.assertEqual([(who, text) for who, text, _note in seen.rows],
                         [('room', 'Wanda comes in'), ('room', 'ann comes in'), ('ann', said), ('room', 'ann leaves')])
        self.assertIn(said, self.row_labels(seen))

    def serve(self, send):
        """One channel: send() gets the inbox of whoever comes in, in a thread. Where it is."""
        listener = Chan.listen(f'unix:{self.directory}/server')

        def serve():
            try:
                with listener.accept() as session, session.accept_channel() as channel:
                    with channel.receive()['Inbox'] as inbox:
                        send(inbox)
            except GLib.Error as error:       # the window is gone
                print(f'# {error.message}', flush=True)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        self.addCleanup(listener.close)
        self.addCleanup(thread.join, TIMEOUT)
        return listener.get_uri()

    def test_end(self):
        values = [['any', 7], {'Text': 5}, 'text', {'From': {'toString': 1}, 'Waited': 'x'}]
        self.open(self.serve(lambda inbox: [inbox.send(value) for value in values]))
        seen = self.wait_for_ending()
        self.assertEqual([text for _who, text, _note in seen.rows][:3], ['["any",7]', '5', '"text"'])
        self.assertEqual(len(seen.rows), len(values))
        self.assertRegex(seen.ending, '^The other side closed the channel. Everything')
        self.assertFalse(seen.failed)

    def test_flood(self):
        """A sender that never pauses: the window still answers, draws, and keeps no more than it shows."""
        sent = 0

        def send(inbox):
            nonlocal sent
            while True:
                inbox.send({'Text': sent})
                sent += 1

        self.open(self.serve(send))
        seen = self.wait_until(lambda seen: seen.shown >= ROWS + ROWS_AT_ONCE and seen.n_drawn > 5,
                               'more than it keeps was shown, and drawn on the way')
        self.assertLessEqual(len(seen.rows), ROWS)
        began = time.monotonic()
        self.watch.do('pause')
        self.wait_for_waiting('^16 of 16 wait here; the sender waits$')
        self.assertLess(time.monotonic() - began, 5)
        time.sleep(0.3)
        seen, last = self.look(), sent
        time.sleep(0.3)
        self.assertEqual((self.look().shown, sent), (seen.shown, last))
        self.assertEqual(seen.shown + 16, sent)
        self.assertEqual(seen.rows[-1][1], str(seen.shown - 1))

    def test_flood_within_the_process(self):
        """Without anything on the way that slows the sender down: it has time to draw after each ROWS_AT_ONCE."""
        self.open('memory:flood')
        self.wait_for_ending()      # there is none yet
        self.watch.do('flood')
        self.watch.do('again')
        seen = self.wait_until(lambda seen: seen.n_at_once_max >= ROWS_AT_ONCE and seen.n_drawn > 5, 'a flood')
        self.assertEqual(seen.n_at_once_max, ROWS_AT_ONCE)

    def test_wrong_address(self):
        self.open('@nosuch')
        seen = self.wait_for_ending()
        self.assertIn('nosuch', seen.ending)
        self.assertTrue(seen.failed)

    def test_closing_it_ends_the_program(self):
        self.open(self.feed(50).uri)
        self.wait_for_rows(1)
        self.watch.do('close')
        self.assertEqual(self.watch.process.wait(TIMEOUT), 0)


class Program:
    def run_program(self, *arguments, **environment):
        return subprocess.run([*self.command, *arguments], capture_output=True, text=True, timeout=TIMEOUT, check=False,
                              env={**os.environ, **environment})

    def test_usage(self):
        for arguments in ((), ('unix:/a', 'name', 'more')):
            done = self.run_program(*arguments)
            self.assertEqual((done.returncode, done.stdout), (2, ''))
            self.assertRegex(done.stderr, rf'\Ausage: [^ \n]*{self.command[-1].name} URI\|@NAME \[YOUR-NAME\]\n\Z')

    def test_no_display(self):
        done = self.run_program('memory:x', DISPLAY=':54321')
        self.assertEqual((done.returncode, done.stdout), (1, ''))
        self.assertRegex(done.stderr, r'watch-window(\.js)?: there is no display')


class TestCWindow(Window, CCase, unittest.TestCase):
    pass


class TestCProgram(Program, CCase, unittest.TestCase):
    pass


class TestGjsWindow(Window, GjsCase, unittest.TestCase):
    pass


class TestGjsProgram(Program, GjsCase, unittest.TestCase):
    pass


class TestPythonWindow(Window, PythonCase, unittest.TestCase):
    pass


class TestPythonProgram(Program, PythonCase, unittest.TestCase):
    pass


class TestValaWindow(Window, ValaCase, unittest.TestCase):
    pass


class TestValaProgram(Program, ValaCase, unittest.TestCase):
    pass


harness.main()
