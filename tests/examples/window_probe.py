# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs examples/python/watch-window.py as it is, and for each command on its input prints what its window shows.

usage: window_probe.py PROGRAM ARGUMENT...
"""

import json
import runpy
import sys

import gi

gi.require_version('Gtk', '4.0')
from gi.repository import GLib, Gtk  # noqa: E402

drawn = set()
windows = []


def area(widget):
    _found, bounds = widget.compute_bounds(windows[0])
    x, y = windows[0].get_surface_transform()
    return [round(bounds.origin.x + x), round(bounds.origin.y + y), round(bounds.size.width), round(bounds.size.height)]


def labels(widget):
    """Every label below a widget that is on the screen."""
    if isinstance(widget, Gtk.Label) and widget.get_mapped() and widget.get_text():
        yield widget.get_text(), area(widget)
    child = widget.get_first_child()
    while child is not None:
        yield from labels(child)
        child = child.get_next_sibling()


def find():
    windows.extend(Gtk.Window.list_toplevels())
    for window in windows:
        window.add_tick_callback(lambda window, _clock: drawn.add(window.shown) or GLib.SOURCE_CONTINUE)


def look(window):
    window.get_display().sync()
    is_over = window.ending.get_visible()
    return {
        'shown': window.shown,
        'rows': [(row.who, row.text, row.note) for row in window.rows],
        'state': window.state.get_text(),
        'ending': window.ending_text.get_text() if is_over else None,
        'failed': 'failed' in window.ending.get_css_classes(),
        'waiting': window.waiting.get_text(),
        'level': window.level.get_value(),
        'pause': window.pause.get_label(),
        'again': window.ending.get_last_child().get_label(),
        'areas': {'list': area(window.list), 'scrolled': area(window.scrolled), 'state': area(window.state),
                  'ending': area(window.ending_text) if is_over else None},
        'labels': list(labels(window.list)),
        'n_drawn': len(drawn),
    }


COMMANDS = {
    'look': lambda window: None,
    'pause': lambda window: window.pause.emit('clicked'),
    'again': lambda window: window.ending.get_last_child().emit('clicked'),
    'close': lambda window: window.close(),
}


def obey(*_arguments):
    command = sys.stdin.readline().strip()
    if not command:
        return GLib.SOURCE_REMOVE
    if not windows:
        find()
    COMMANDS[command](windows[0])
    print(json.dumps(None if command == 'close' else look(windows[0])), flush=True)
    return GLib.SOURCE_CONTINUE


GLib.io_add_watch(0, GLib.PRIORITY_DEFAULT, GLib.IO_IN | GLib.IO_HUP, obey)
sys.argv = sys.argv[1:]
sys.path.insert(0, sys.argv[0].rpartition('/')[0])
runpy.run_path(sys.argv[0], run_name='__main__')
