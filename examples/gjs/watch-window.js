#!/usr/bin/gjs -m
// SPDX-License-Identifier: LGPL-2.1-or-later
// A GTK 4 window that shows what comes on a channel, live: what is said in a chat room, or the readings of a feed.
// It goes in as a guest of a chat room does, with {Name, Inbox}: the Inbox is a channel with room for 16 messages, and
// this window has its other end. Pause stops the window, not the sender; when the 16 are there, the sender waits.
import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import GObject from 'gi://GObject';
import Gtk from 'gi://Gtk?version=4.0';
import Pango from 'gi://Pango';
import Chan from 'gi://Chan?version=1';
import {main} from './main.js';

const CAPACITY = 16;
const ROWS = 1000; // older ones go
const ROWS_AT_ONCE = 50; // then what is there is drawn first
const FOLLOW_FRAMES = 5; // the list needs some to know how long it is
const LATE = 0.5; // seconds that a sender waited, which are worth to be told
const REFRESH_MS = 200;

const STYLE = Gio.File.new_for_uri(import.meta.url).resolve_relative_path('../../watch-window.css');

function textProperty(name) {
    return GObject.ParamSpec.string(name, null, null, GObject.ParamFlags.READWRITE, '');
}

// One message, as it is shown.
const Row = GObject.registerClass({
    Properties: Object.fromEntries(['who', 'text', 'note', 'when'].map(name => [name, textProperty(name)])),
}, class Row extends GObject.Object {
    constructor(message) {
        super();
        const value = message.unpack();
        const {From = '', Text = null, Waited = 0} = typeof value === 'object' && value !== null ? value : {};
        this.who = typeof From === 'object' ? '' : `${From}`;
        this.text = typeof Text === 'object' ? message.to_json() : `${Text}`;
        const late = typeof Waited === 'number' && Waited >= LATE;
        this.note = late ? `the sender waited ${Waited.toFixed(1)} s` : '';
        this.when = GLib.DateTime.new_now_local().format('%H:%M:%S');
    }
});

function label(css, properties = {}) {
    return new Gtk.Label({xalign: 0, css_classes: [css], ...properties});
}

function box(css, children, properties = {}) {
    const made = new Gtk.Box({spacing: 12, css_classes: [css], ...properties});
    for (const child of children)
        made.append(child);
    return made;
}

function rowFactory() {
    const factory = new Gtk.SignalListItemFactory();
    factory.connect('setup', (_factory, item) => item.set_child(box('row', [
        label('who', {width_chars: 9}),
        label('text', {hexpand: true, wrap: true, wrap_mode: Pango.WrapMode.WORD_CHAR}),
        label('note'),
        label('when'),
    ])));
    factory.connect('bind', (_factory, item) => {
        const {who, text, note, when} = item.get_item();
        let child = item.get_child().get_first_child();
        for (const part of [who, text, note, when]) {
            child.set_text(part);
            child = child.get_next_sibling();
        }
    });
    return factory;
}

function addStyle(display) {
    const style = new Gtk.CssProvider();
    style.load_from_file(STYLE);
    Gtk.StyleContext.add_provider_for_display(display, style, Gtk.STYLE_PROVIDER_PRIORITY_APPLICATION);
}

// What is seen. onPause(paused) and onAgain() are its user's.
const Window = GObject.registerClass(class Window extends Gtk.Window {
    constructor(uri, onPause, onAgain) {
        super({title: uri, default_width: 640, default_height: 440});
        addStyle(this.get_display());
        this.rows = new Gio.ListStore({item_type: Row.$gtype});
        this.shown = 0;
        this.followFrames = 0;
        this.set_titlebar(this.makeBar(onPause));
        this.set_child(this.makePage(onAgain));
    }

    makeBar(onPause) {
        this.state = label('state');
        this.pause = new Gtk.ToggleButton({label: 'Pause'});
        this.pause.connect('toggled', button => {
            button.set_label(button.get_active() ? 'Go on' : 'Pause');
            onPause(button.get_active());
        });
        const bar = new Gtk.HeaderBar();
        bar.pack_start(this.state);
        bar.pack_end(this.pause);
        return bar;
    }

    makePage(onAgain) {
        this.endingText = label('text', {hexpand: true, wrap: true});
        this.again = new Gtk.Button({label: 'Connect again', valign: Gtk.Align.CENTER});
        this.again.connect('clicked', () => onAgain());
        this.ending = box('ending', [this.endingText, this.again], {visible: false});
        this.list = new Gtk.ListView({model: new Gtk.NoSelection({model: this.rows}), factory: rowFactory()});
        this.scrolled = new Gtk.ScrolledWindow({vexpand: true, hscrollbar_policy: Gtk.PolicyType.NEVER, child: this.list});
        this.level = new Gtk.LevelBar({
            max_value: CAPACITY, mode: Gtk.LevelBarMode.DISCRETE, hexpand: true, valign: Gtk.Align.CENTER,
        });
        this.waiting = label('waiting', {width_chars: 38});
        return box('page', [this.ending, this.scrolled, new Gtk.Separator(), box('foot', [this.level, this.waiting])],
            {orientation: Gtk.Orientation.VERTICAL, spacing: 0});
    }

    add(message) {
        this.rows.append(new Row(message));
        this.shown++;
        if (this.rows.get_n_items() > ROWS)
            this.rows.remove(0);
        if (!this.followFrames)
            this.list.add_tick_callback(() => this.follow());
        this.followFrames = FOLLOW_FRAMES;
    }

    // What is new comes into sight; who wants to look at what is old pauses.
    follow() {
        const place = this.scrolled.get_vadjustment();
        place.set_value(place.get_upper() - place.get_page_size());
        this.followFrames--;
        return this.followFrames > 0;
    }

    clear() {
        this.ending.set_visible(false);
        this.rows.remove_all();
        this.shown = 0;
    }

    showState(state, css) {
        this.state.set_text(`● ${state}`);
        this.state.set_css_classes(['state', css]);
    }

    showEnding(text, failed) {
        this.showState('Not connected', failed ? 'failed' : 'over');
        this.endingText.set_text(text);
        this.ending.set_css_classes(failed ? ['ending', 'failed'] : ['ending']);
        this.ending.set_visible(true);
    }

    showWaiting(nWaiting, connected) {
        this.level.set_value(nWaiting);
        let text = `${this.shown} message${this.shown === 1 ? '' : 's'}`;
        if (nWaiting) {
            const sender = !connected ? 'is gone' : nWaiting >= CAPACITY ? 'waits' : 'goes on';
            text = `${nWaiting} of ${CAPACITY} wait here; the sender ${sender}`;
        }
        this.waiting.set_text(text);
    }
});

// Drawing comes before what has a low priority: messages are taken no faster than they can be shown.
function drawn() {
    return new Promise(resolve => GLib.idle_add(GLib.PRIORITY_LOW, () => {
        resolve();
        return GLib.SOURCE_REMOVE;
    }));
}

// A window, and what fills it.
class Watch {
    constructor(uri, name) {
        this.uri = uri;
        this.name = name;
        this.session = null;
        [this.commands, this.orders] = Chan.pipe_new(CAPACITY); // true: pause, false: go on
        this.window = new Window(uri, paused => this.commands.try_send(paused), () => this.start());
        this.window.present();
        GLib.timeout_add(GLib.PRIORITY_DEFAULT, REFRESH_MS, () => this.refresh());
        this.start();
    }

    refresh() {
        if (this.session !== null) {
            const arrived = this.session.dup_statistics().lookup_value('messages-in', null).get_uint64();
            const connected = this.session.get_state() === Chan.SessionState.OPEN;
            this.window.showWaiting(Math.max(0, arrived - this.window.shown), connected);
        }
        return GLib.SOURCE_CONTINUE;
    }

    start() {
        this.window.clear();
        this.watch().catch(logError);
    }

    // From the connection to its end, which is told in words.
    async watch() {
        this.window.showState('Connecting', 'between');
        try {
            this.session = await Chan.connect_async(this.uri);
            this.session.connect('closed', () => this.window.showState('Not connected', 'failed'));
            const voice = this.session.open_channel('watch');
            const [inboxForThem, inbox] = Chan.pipe_new(CAPACITY);
            await voice.send_async({Name: this.name, Inbox: inboxForThem});
            this.window.showState('Connected', 'good');
            await this.take(inbox);
            voice.close();
            await this.session.close_async();
            this.window.showEnding('The other side closed the channel. Everything that it sent is here.', false);
        } catch (error) {
            this.session?.abort();
            this.window.showEnding(error.message, true);
        } finally {
            this.session = null;
            this.window.showWaiting(0, false);
        }
    }

    async take(inbox) {
        let paused = this.window.pause.get_active();
        for (let inARow = 1; ; inARow++) {
            const [end, message] = await Chan.select_async(paused ? [this.orders] : [this.orders, inbox]);
            if (end === this.orders)
                paused = message.unpack();
            else if (message === null)
                return;
            else
                this.window.add(message);
            if (inARow % ROWS_AT_ONCE === 0)
                await drawn();
        }
    }
}

async function run(uri, name = 'window') {
    if (!Gtk.init_check())
        throw new Error('there is no display; is DISPLAY or WAYLAND_DISPLAY set?');
    const {window} = new Watch(uri, name);
    await new Promise(resolve => window.connect('close-request', () => {
        resolve();
        return false;
    }));
}

main('URI|@NAME [YOUR-NAME]', 1, run);
