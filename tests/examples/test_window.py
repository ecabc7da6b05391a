#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""examples/python/watch-window.py on a screen without a monitor: what it shows, and that it is seen.

The pictures are kept in the build directory, tests/examples/watch-window-*.png.
"""

import atexit
import contextlib
import importlib.util
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
EXAMPLES = HERE.parent.parent / 'examples' / 'python'
sys.path[:0] = [str(HERE), str(HERE.parent / 'interop'), str(EXAMPLES)]
sys.dont_write_bytecode = True
import harness  # noqa: E402
from screen import Screen  # noqa: E402

PROGRAM = EXAMPLES / 'watch-window.py'
TIMEOUT = 20
VISIBLE_ROWS = 10

screen = Screen(660, 460)
atexit.register(screen.stop)
os.environ.pop('WAYLAND_DISPLAY', None)
os.environ.update(DISPLAY=screen.display, GDK_BACKEND='x11', GSK_RENDERER='cairo', GTK_A11Y='none', GSETTINGS_BACKEND='memory',
                  CHAN_CONFIG='/dev/null')
spec = importlib.util.spec_from_file_location('watch_window', PROGRAM)
program = importlib.util.module_from_spec(spec)
spec.loader.exec_module(program)
from gi.repository import Chan, GLib, Gtk  # noqa: E402


def wait_until(condition, what):
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f'not in {TIMEOUT} s: {what() if callable(what) else what}')
        GLib.timeout_add(20, lambda: GLib.SOURCE_REMOVE)
        GLib.MainContext.default().iteration(True)


def pass_time(seconds):
    end = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() > end, 'time passes')


def labels(widget):
    """Every label below a widget that is on the screen."""
    if isinstance(widget, Gtk.Label) and widget.get_mapped():
        yield widget
    child = widget.get_first_child()
    while child is not None:
        yield from labels(child)
        child = child.get_next_sibling()


class WindowCase(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix='chan-window-')
        self.addCleanup(holder.cleanup)
        self.directory = pathlib.Path(holder.name)
        self.watch = None

    def open(self, uri, name='window'):
        self.watch = program.Watch(uri, name)
        self.window = self.watch.window
        self.addCleanup(self.close)
        return self.watch

    def close(self):
        self.watch.task.cancel()
        self.window.destroy()
        pass_time(0.05)

    def feed(self, per_second, uri=None):
        server = harness.Server(str(EXAMPLES / 'feed-server.py'), uri or f'unix:{self.directory}/feed', [str(per_second)])
        self.addCleanup(server.stop)
        return server

    def texts(self):
        return [row.text for row in self.window.rows]

    def numbers(self):
        return [int(re.match(r'reading (\d+): ', text)[1]) for text in self.texts()]

    def wait_for_rows(self, count):
        wait_until(lambda: self.window.shown >= count, lambda: f'{count} rows, but {self.window.shown}')

    def wait_for_text(self, label, pattern):
        wait_until(lambda: re.search(pattern, label.get_text()), lambda: f'“{pattern}”, but “{label.get_text()}”')

    def picture(self, name=None):
        """What is on the screen when everything is drawn."""
        pass_time(0.25)
        self.window.get_display().sync()
        picture = screen.picture()
        if name:
            picture.save(harness.build_dir() / 'tests' / 'examples' / f'watch-window-{name}.png')
        return picture

    def area(self, widget):
        found, bounds = widget.compute_bounds(self.window)
        self.assertTrue(found)
        x, y = self.window.get_surface_transform()
        return round(bounds.origin.x + x), round(bounds.origin.y + y), round(bounds.size.width), round(bounds.size.height)

    def row_labels(self):
        """Of what is whole in the visible part of the list."""
        left, top, width, height = self.area(self.window.scrolled)
        for label in labels(self.window.list):
            x, y, label_width, label_height = self.area(label)
            if label.get_text() and y >= top and y + label_height <= top + height and x >= left and x + label_width <= left + width:
                yield label


class TestWindow(WindowCase):
    def test_messages_are_seen(self):
        self.open(self.feed(50).uri)
        empty = self.picture()
        self.wait_for_rows(30)
        self.wait_for_text(self.window.waiting, '^[0-9]+ messages$')
        self.window.pause.set_active(True)
        picture = self.picture('live')
        seen = list(self.row_labels())
        self.assertGreater(len([label for label in seen if label.get_text().startswith('reading ')]), VISIBLE_ROWS)
        self.assertIn(f'reading {self.window.shown}: ', ' '.join(label.get_text() for label in seen), 'the newest is not in sight')
        for label in seen:
            area = self.area(label)
            self.assertGreater(picture.ink(*area), 6 * len(label.get_text()), f'{label.get_text()} at {area}')
        self.assertTrue(picture.differs(empty, *self.area(self.window.list)))
        self.assertEqual(self.window.state.get_text(), '● Connected')
        self.assertGreater(picture.ink(*self.area(self.window.state)), 50)
        below = (0, 445, 660, 10)       # the window does not reach there: this is no picture of noise
        self.assertEqual(picture.ink(*below), 0)

    def test_pause_stops_the_sender(self):
        self.open(self.feed(50).uri)
        self.wait_for_rows(5)
        self.window.pause.emit('clicked')
        self.wait_for_text(self.window.waiting, '^16 of 16 wait here; the sender waits$')
        shown = self.window.shown
        pass_time(1)
        self.assertEqual(self.window.shown, shown)
        self.assertEqual(self.window.waiting.get_text(), '16 of 16 wait here; the sender waits')
        self.assertEqual((self.window.level.get_value(), self.window.pause.get_label()), (16, 'Go on'))
        paused = self.picture('paused')
        self.window.pause.emit('clicked')
        wait_until(lambda: any(row.note for row in self.window.rows), 'it is not told that the sender waited')
        self.window.pause.emit('clicked')
        self.assertTrue(self.picture('resumed').differs(paused, *self.area(self.window.scrolled)))
        self.assertEqual(self.numbers(), list(range(1, self.window.shown + 1)), 'something was left out')
        notes = [row.note for row in self.window.rows if row.note]
        self.assertEqual(len(notes), 1, notes)
        self.assertRegex(notes[0], r'^the sender waited [0-9]+\.[0-9] s$')
        self.assertIn(notes[0], [label.get_text() for label in self.row_labels()])

    def test_lost_connection_and_another(self):
        server = self.feed(50)
        self.open(server.uri)
        self.wait_for_rows(3)
        server.process.send_signal(signal.SIGKILL)
        wait_until(self.window.ending.get_visible, 'an ending')
        self.assertRegex(self.window.ending_text.get_text(), 'peer|connection')
        self.assertEqual(self.window.state.get_text(), '● Not connected')
        self.assertGreaterEqual(len(self.texts()), 3)
        self.assertGreater(self.picture('lost').ink(*self.area(self.window.ending_text)), 100)
        server.process.wait(10)
        self.feed(50, server.uri)
        again = self.window.ending.get_last_child()
        self.assertEqual(again.get_label(), 'Connect again')
        again.emit('clicked')
        self.wait_for_rows(3)
        self.assertFalse(self.window.ending.get_visible())
        self.assertEqual(self.numbers()[0], 1)

    def test_lost_while_paused(self):
        """What had arrived is not lost with the connection."""
        server = self.feed(200)
        self.open(server.uri)
        self.wait_for_rows(2)
        self.window.pause.set_active(True)
        self.wait_for_text(self.window.waiting, 'the sender waits')
        shown = self.window.shown
        server.process.send_signal(signal.SIGKILL)
        self.wait_for_text(self.window.waiting, '16 of 16 wait here; the sender is gone')
        self.assertEqual((self.window.state.get_text(), self.window.ending.get_visible()), ('● Not connected', False))
        self.window.pause.set_active(False)
        wait_until(self.window.ending.get_visible, 'an ending')
        self.assertEqual(self.numbers(), list(range(1, shown + 17)))

    def test_chat_room(self):
        room = harness.Server('chat-server', f'unix:{self.directory}/room')
        self.addCleanup(room.stop)
        self.open(room.uri, 'Wanda')
        self.wait_for_rows(1)
        said = 'Grüße aus <b>Oslo</b> & anderswo'
        subprocess.run([harness.program('chat'), room.uri, 'ann'], input=said + '\n', text=True, check=True, timeout=TIMEOUT,
                       stdout=subprocess.DEVNULL, env=harness.environment())
        self.wait_for_rows(4)
        self.assertEqual([(row.who, row.text) for row in self.window.rows],
                         [('room', 'Wanda comes in'), ('room', 'ann comes in'), ('ann', said), ('room', 'ann leaves')])
        self.assertIn(said, [label.get_text() for label in self.row_labels()])
        self.picture('room')

    def serve(self, uri, send):
        """One channel, in this process: send() gets the inbox of whoever comes in."""
        async def serve():
            async with await Chan.listen_async(uri) as listener:
                session = await listener.accept_async()
                with contextlib.suppress(GLib.Error):       # the window is gone
                    async with session, await session.accept_channel_async() as channel:
                        message = await channel.receive_async()
                        async with message['Inbox'] as inbox:
                            await send(inbox)
        task = Chan.spawn(serve())
        self.addCleanup(task.cancel)
        pass_time(0.05)

    def test_end(self):
        async def send(inbox):
            for value in (['any', 7], {'Text': 5}, 'text'):
                await inbox.send_async(value)

        self.serve('memory:end', send)
        self.open('memory:end')
        wait_until(self.window.ending.get_visible, 'an ending')
        self.assertEqual(self.texts(), ['["any",7]', '5', '"text"'])
        self.assertRegex(self.window.ending_text.get_text(), '^The other side closed the channel. Everything')
        self.assertNotIn('failed', self.window.ending.get_css_classes())

    def test_flood(self):
        """A sender that never pauses: the window still answers, draws, and keeps no more than it shows."""
        sent = 0

        async def send(inbox):
            nonlocal sent
            while True:
                await inbox.send_async({'Text': sent})
                sent += 1

        self.serve('memory:flood', send)
        self.open('memory:flood')
        drawn = []
        self.window.list.add_tick_callback(lambda _list, _clock: drawn.append(self.window.shown) or GLib.SOURCE_CONTINUE)
        self.wait_for_rows(program.ROWS + program.ROWS_AT_ONCE)
        self.assertLessEqual(len(self.window.rows), program.ROWS)
        self.assertGreater(len(set(drawn)), 5, 'hardly anything was drawn on the way')
        began = time.monotonic()
        self.window.pause.emit('clicked')
        wait_until(lambda: sent == self.window.shown + 16, lambda: f'{sent} sent, {self.window.shown} shown')
        self.assertLess(time.monotonic() - began, 5)
        pass_time(0.3)
        self.assertEqual(sent, self.window.shown + 16)
        self.assertEqual(self.texts()[-1], str(self.window.shown - 1))

    def test_wrong_address(self):
        self.open('@nosuch')
        wait_until(self.window.ending.get_visible, 'an ending')
        self.assertIn('nosuch', self.window.ending_text.get_text())
        self.assertIn('failed', self.window.ending.get_css_classes())


class TestProgram(unittest.TestCase):
    def run_program(self, *arguments, **environment):
        return subprocess.run([sys.executable, '-B', PROGRAM, *arguments], capture_output=True, text=True, timeout=TIMEOUT, check=False,
                              env={**os.environ, **environment})

    def test_usage(self):
        for arguments in ((), ('unix:/a', 'name', 'more')):
            done = self.run_program(*arguments)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (2, '', 'usage: watch-window.py URI|@NAME [YOUR-NAME]\n'))

    def test_no_display(self):
        done = self.run_program('memory:x', DISPLAY=':54321')
        self.assertEqual((done.returncode, done.stdout), (1, ''))
        self.assertIn('watch-window: there is no display', done.stderr)


harness.main()
