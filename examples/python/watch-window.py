#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A GTK 4 window that shows what comes on a channel, live: what is said in a chat room, or the readings of a feed.

It goes in as a guest of a chat room does, with {Name, Inbox}: the Inbox is a channel with room for 16 messages, and
this window has its other end. Pause stops the window, not the sender; when the 16 are there, the sender waits.

usage: watch-window.py URI|@NAME [YOUR-NAME]
"""

import pathlib
import time

import example
import gi

gi.require_version('Gdk', '4.0')
gi.require_version('Gtk', '4.0')
from gi.repository import Chan, Gdk, Gio, GLib, GObject, Gtk, Pango  # noqa: E402

CAPACITY = 16
ROWS = 1000             # older ones go
ROWS_AT_ONCE = 50       # then what is there is drawn first
FOLLOW_FRAMES = 5       # the list needs some to know how long it is
LATE = 0.5              # seconds that a sender waited, which are worth to be told
REFRESH_MS = 200

STYLE = pathlib.Path(__file__).resolve().parent.parent / 'watch-window.css'


class Row(GObject.Object):
    """One message, as it is shown."""

    who = GObject.Property(type=str)
    text = GObject.Property(type=str)
    note = GObject.Property(type=str)
    when = GObject.Property(type=str)

    def __init__(self, message):
        super().__init__()
        value = message.unpack()
        known = value if isinstance(value, dict) else {}
        self.who = str(known.get('From', ''))
        self.text = str(known['Text']) if 'Text' in known else message.to_json()
        waited = known.get('Waited', 0)
        late = isinstance(waited, (int, float)) and waited >= LATE
        self.note = f'the sender waited {waited:.1f} s' if late else ''
        self.when = time.strftime('%H:%M:%S')


def label(css, **properties):
    made = Gtk.Label(xalign=0, **properties)
    made.add_css_class(css)
    return made


def row_factory():
    def setup(_factory, item):
        box = Gtk.Box(spacing=12, css_classes=['row'])
        for child in (label('who', width_chars=9), label('text', hexpand=True, wrap=True, wrap_mode=Pango.WrapMode.WORD_CHAR),
                      label('note'), label('when')):
            box.append(child)
        item.set_child(box)

    def bind(_factory, item):
        row, child = item.get_item(), item.get_child().get_first_child()
        for text in (row.who, row.text, row.note, row.when):
            child.set_text(text)
            child = child.get_next_sibling()

    factory = Gtk.SignalListItemFactory()
    factory.connect('setup', setup)
    factory.connect('bind', bind)
    return factory


class Window(Gtk.Window):
    """What is seen. on_pause(paused) and on_again() are its user's."""

    def __init__(self, uri, on_pause, on_again):
        super().__init__(title=uri, default_width=640, default_height=440)
        style = Gtk.CssProvider()
        style.load_from_path(str(STYLE))
        Gtk.StyleContext.add_provider_for_display(self.get_display(), style, Gtk.STYLE_PROVIDER_PRIORITY_APPLICATION)
        self.rows = Gio.ListStore.new(Row)
        self.shown = 0
        self.state = label('state')
        self.pause = Gtk.ToggleButton(label='Pause')
        self.pause.connect('toggled', self.toggled, on_pause)
        bar = Gtk.HeaderBar()
        bar.pack_start(self.state)
        bar.pack_end(self.pause)
        self.set_titlebar(bar)
        self.ending_text = label('text', hexpand=True, wrap=True)
        again = Gtk.Button(label='Connect again', valign=Gtk.Align.CENTER)
        again.connect('clicked', lambda _button: on_again())
        self.ending = Gtk.Box(spacing=12, visible=False, css_classes=['ending'])
        self.ending.append(self.ending_text)
        self.ending.append(again)
        self.level = Gtk.LevelBar(max_value=CAPACITY, mode=Gtk.LevelBarMode.DISCRETE, hexpand=True, valign=Gtk.Align.CENTER)
        self.waiting = label('waiting', width_chars=38)
        self.scrolled = Gtk.ScrolledWindow(vexpand=True, hscrollbar_policy=Gtk.PolicyType.NEVER)
        self.list = Gtk.ListView(model=Gtk.NoSelection(model=self.rows), factory=row_factory())
        self.scrolled.set_child(self.list)
        self.follow_frames = 0
        foot = Gtk.Box(spacing=12, css_classes=['foot'])
        foot.append(self.level)
        foot.append(self.waiting)
        page = Gtk.Box(orientation=Gtk.Orientation.VERTICAL)
        for child in (self.ending, self.scrolled, Gtk.Separator(), foot):
            page.append(child)
        self.set_child(page)

    def toggled(self, button, on_pause):
        button.set_label('Go on' if button.get_active() else 'Pause')
        on_pause(button.get_active())

    def add(self, message):
        self.rows.append(Row(message))
        self.shown += 1
        if len(self.rows) > ROWS:
            self.rows.remove(0)
        if not self.follow_frames:
            self.list.add_tick_callback(self.follow)
        self.follow_frames = FOLLOW_FRAMES

    def follow(self, _list, _clock):
        """What is new comes into sight; who wants to look at what is old pauses."""
        place = self.scrolled.get_vadjustment()
        place.set_value(place.get_upper() - place.get_page_size())
        self.follow_frames -= 1
        return self.follow_frames > 0

    def show_state(self, state, css):
        self.state.set_text(f'● {state}')
        self.state.set_css_classes(['state', css])

    def show_ending(self, text, failed):
        self.show_state('Not connected', 'failed' if failed else 'over')
        self.ending_text.set_text(text)
        self.ending.set_css_classes(['ending', 'failed'] if failed else ['ending'])
        self.ending.set_visible(True)

    def show_waiting(self, n_waiting, connected):
        self.level.set_value(n_waiting)
        text = f'{self.shown} message' + 's' * (self.shown != 1)
        if n_waiting:
            sender = 'is gone' if not connected else 'waits' if n_waiting >= CAPACITY else 'goes on'
            text = f'{n_waiting} of {CAPACITY} wait here; the sender {sender}'
        self.waiting.set_text(text)


class Watch:
    """A window, and a coroutine in GTK's main context that fills it."""

    def __init__(self, uri, name):
        self.uri, self.name = uri, name
        self.session = self.task = None
        self.commands, self.orders = Chan.pipe_new(CAPACITY)     # True: pause, False: go on
        self.window = Window(uri, self.commands.try_send, self.start)
        self.window.present()
        GLib.timeout_add(REFRESH_MS, self.refresh)
        self.start()

    def refresh(self):
        if self.session is not None:
            arrived = self.session.dup_statistics()['messages-in']
            connected = self.session.get_state() == Chan.SessionState.OPEN
            self.window.show_waiting(max(0, arrived - self.window.shown), connected)
        return GLib.SOURCE_CONTINUE

    def start(self):
        self.window.ending.set_visible(False)
        self.window.rows.remove_all()
        self.window.shown = 0
        self.task = Chan.spawn(self.watch())

    async def watch(self):
        """From the connection to its end, which is told in words."""
        self.window.show_state('Connecting', 'between')
        try:
            async with await Chan.connect_async(self.uri) as self.session:
                self.session.connect('closed', lambda _session: self.window.show_state('Not connected', 'failed'))
                async with self.session.open_channel('watch') as voice:
                    inbox_for_them, inbox = Chan.pipe_new(CAPACITY)
                    await voice.send_async({'Name': self.name, 'Inbox': inbox_for_them})
                    self.window.show_state('Connected', 'good')
                    await self.take(inbox)
            self.window.show_ending('The other side closed the channel. Everything that it sent is here.', False)
        except GLib.Error as error:
            self.window.show_ending(error.message, True)
        finally:
            self.session = None
            self.window.show_waiting(0, False)

    async def take(self, inbox):
        paused, in_a_row = self.window.pause.get_active(), 0
        while True:
            end, message = await Chan.select_async(*([self.orders] if paused else [self.orders, inbox]))
            if end is self.orders:
                paused = message.unpack()
            elif message is None:
                return
            else:
                self.window.add(message)
                in_a_row += 1
            if in_a_row == ROWS_AT_ONCE:
                in_a_row = 0
                await self.drawn()

    @staticmethod
    def drawn():
        """Drawing comes before what has a low priority: messages are taken no faster than they can be shown."""
        now, when = Chan.pipe_new(1)
        GLib.idle_add(lambda: now.try_send(None) and GLib.SOURCE_REMOVE, priority=GLib.PRIORITY_LOW)
        return when.receive_async()


def main(uri, name='window'):
    if Gdk.Display.get_default() is None:
        raise RuntimeError('there is no display; is DISPLAY or WAYLAND_DISPLAY set?')
    watch = Watch(uri, name)
    loop = GLib.MainLoop()
    watch.window.connect('close-request', lambda _window: loop.quit())
    loop.run()
    watch.task.cancel()


if __name__ == '__main__':
    example.run(main, *example.arguments(__doc__, 1))
