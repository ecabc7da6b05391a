// SPDX-License-Identifier: LGPL-2.1-or-later
// Imported before examples/gjs/watch-window.js: as window_probe.py for the one in Python.
import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import Gtk from 'gi://Gtk?version=4.0';
import {lines} from '../../examples/gjs/main.js';

const drawn = new Set();
let window = null;

function area(widget) {
    const [, {origin, size}] = widget.compute_bounds(window);
    const [x, y] = window.get_surface_transform();
    return [origin.x + x, origin.y + y, size.width, size.height].map(Math.round);
}

function* labels(widget) {
    if (widget instanceof Gtk.Label && widget.get_mapped() && widget.get_text())
        yield [widget.get_text(), area(widget)];
    for (let child = widget.get_first_child(); child !== null; child = child.get_next_sibling())
        yield* labels(child);
}

function find() {
    [window] = Gtk.is_initialized() ? Gtk.Window.list_toplevels() : [];
    window?.add_tick_callback(() => {
        drawn.add(window.shown);
        return GLib.SOURCE_CONTINUE;
    });
}

function look() {
    window.get_display().sync();
    const {ending} = window;
    return {
        shown: window.shown,
        rows: Array.from({length: window.rows.get_n_items()}, (_, i) => window.rows.get_item(i))
            .map(({who, text, note}) => [who, text, note]),
        state: window.state.get_text(),
        ending: ending.get_visible() ? window.endingText.get_text() : null,
        failed: ending.get_css_classes().includes('failed'),
        waiting: window.waiting.get_text(),
        level: window.level.get_value(),
        pause: window.pause.get_label(),
        again: ending.get_last_child().get_label(),
        areas: {
            list: area(window.list), scrolled: area(window.scrolled), state: area(window.state),
            ending: ending.get_visible() ? area(window.endingText) : null,
        },
        labels: [...labels(window.list)],
        n_drawn: drawn.size,
    };
}

const COMMANDS = {
    look: () => {},
    pause: () => window.pause.emit('clicked'),
    again: () => window.ending.get_last_child().emit('clicked'),
    close: () => window.close(),
};

async function obey() {
    for await (const command of lines(Gio.UnixInputStream.new(0, false))) {
        if (window === null)
            find();
        COMMANDS[command]();
        print(JSON.stringify(command === 'close' || !window ? null : look()));
    }
}

obey().catch(logError);
