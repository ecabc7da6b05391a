// SPDX-License-Identifier: LGPL-2.1-or-later
// A GTK 4 window that shows what comes on a channel, live: what is said in a chat room, or the readings of a feed.
// It goes in as a guest of a chat room does, with {Name, Inbox}: the Inbox is a channel with room for 16 messages, and
// this window has its other end. Pause stops the window, not the sender; when the 16 are there, the sender waits.
using Chan;

const int CAPACITY = 16;
const int ROWS = 1000; // older ones go
const int ROWS_AT_ONCE = 50; // then what is there is drawn first
const int FOLLOW_FRAMES = 5; // the list needs some to know how long it is
const double LATE = 0.5; // seconds that a sender waited, which are worth to be told
const int REFRESH_MS = 200;

// One message, as it is shown.
class Row : Object {
    public string who { get; construct; }
    public string text { get; construct; }
    public string note { get; construct; }
    public string when { get; construct; }

    public Row (Message message) {
        Object (who: text_of (message, "From") ?? "", text: text_of (message, "Text") ?? message.to_json (),
                note: note_of (message), when: new DateTime.now_local ().format ("%H:%M:%S"));
    }

    static Variant? lookup (Message message, string key) {
        var body = message.get_body ();
        return body.is_of_type (VariantType.VARDICT) ? body.lookup_value (key, null) : null;
    }

    // A text, a number, …; null: there is none of these.
    static string? text_of (Message message, string key) {
        var value = lookup (message, key);
        if (value == null || !value.is_of_type (VariantType.BASIC))
            return null;
        return value.is_of_type (VariantType.STRING) ? value.get_string () : value.print (false);
    }

    static string note_of (Message message) {
        var value = lookup (message, "Waited");
        double waited = 0;
        if (value != null && value.is_of_type (VariantType.DOUBLE))
            waited = value.get_double ();
        else if (value != null && value.is_of_type (VariantType.INT64))
            waited = value.get_int64 ();
        return waited >= LATE ? "the sender waited %s s".printf (waited.format (new char[double.DTOSTR_BUF_SIZE], "%.1f")) : "";
    }
}

// What is seen.
class View : Gtk.Window {
    public signal void paused (bool paused);
    public signal void again ();

    public int64 n_shown { get; private set; default = 0; }
    ListStore rows = new ListStore (typeof (Row));
    int follow_frames = 0;
    Gtk.Label state = label ("state");
    Gtk.ToggleButton pause = new Gtk.ToggleButton.with_label ("Pause");
    Gtk.Box ending = box ("ending");
    Gtk.Label ending_text = label ("text");
    Gtk.ListView list;
    Gtk.ScrolledWindow scrolled = new Gtk.ScrolledWindow ();
    Gtk.LevelBar level = new Gtk.LevelBar ();
    Gtk.Label waiting = label ("waiting");

    public View (string uri) {
        Object (title: uri, default_width: 640, default_height: 440);
        var style = new Gtk.CssProvider ();
        style.load_from_resource ("/org/example/watch-window/watch-window.css");
        Gtk.StyleContext.add_provider_for_display (get_display (), style, Gtk.STYLE_PROVIDER_PRIORITY_APPLICATION);
        pause.toggled.connect (() => {
            pause.label = pause.active ? "Go on" : "Pause";
            paused (pause.active);
        });
        var bar = new Gtk.HeaderBar ();
        bar.pack_start (state);
        bar.pack_end (pause);
        set_titlebar (bar);
        child = make_page ();
    }

    static Gtk.Label label (string css) {
        var made = new Gtk.Label (null) { xalign = 0 };
        made.add_css_class (css);
        return made;
    }

    static Gtk.Box box (string css) {
        var made = new Gtk.Box (Gtk.Orientation.HORIZONTAL, 12);
        made.add_css_class (css);
        return made;
    }

    Gtk.Box make_page () {
        ending_text.hexpand = ending_text.wrap = true;
        var button = new Gtk.Button.with_label ("Connect again") { valign = Gtk.Align.CENTER };
        button.clicked.connect (() => again ());
        ending.visible = false;
        ending.append (ending_text);
        ending.append (button);
        list = new Gtk.ListView (new Gtk.NoSelection (rows), row_factory ());
        scrolled.vexpand = true;
        scrolled.hscrollbar_policy = Gtk.PolicyType.NEVER;
        scrolled.child = list;
        level.max_value = CAPACITY;
        level.mode = Gtk.LevelBarMode.DISCRETE;
        level.hexpand = true;
        level.valign = Gtk.Align.CENTER;
        waiting.width_chars = 38;
        var foot = box ("foot");
        foot.append (level);
        foot.append (waiting);
        var page = new Gtk.Box (Gtk.Orientation.VERTICAL, 0);
        page.append (ending);
        page.append (scrolled);
        page.append (new Gtk.Separator (Gtk.Orientation.HORIZONTAL));
        page.append (foot);
        return page;
    }

    static Gtk.ListItemFactory row_factory () {
        var factory = new Gtk.SignalListItemFactory ();
        factory.setup.connect ((item) => {
            var row = box ("row");
            foreach (var part in new string[] { "who", "text", "note", "when" })
                row.append (label (part));
            ((Gtk.Label) row.get_first_child ()).width_chars = 9;
            var text = (Gtk.Label) row.get_first_child ().get_next_sibling ();
            text.hexpand = text.wrap = true;
            text.wrap_mode = Pango.WrapMode.WORD_CHAR;
            item.child = row;
        });
        factory.bind.connect ((item) => {
            var row = (Row) item.item;
            var part = (Gtk.Label) item.child.get_first_child ();
            foreach (var text in new string[] { row.who, row.text, row.note, row.when }) {
                part.set_text (text);
                part = (Gtk.Label) part.get_next_sibling ();
            }
        });
        return factory;
    }

    public bool is_paused () {
        return pause.active;
    }

    public void add (Message message) {
        rows.append (new Row (message));
        n_shown++;
        if (rows.get_n_items () > ROWS)
            rows.remove (0);
        if (follow_frames == 0)
            list.add_tick_callback (follow);
        follow_frames = FOLLOW_FRAMES;
    }

    // What is new comes into sight; who wants to look at what is old pauses.
    bool follow () {
        var place = scrolled.vadjustment;
        place.value = place.upper - place.page_size;
        follow_frames--;
        return follow_frames > 0 ? Source.CONTINUE : Source.REMOVE;
    }

    public void clear () {
        ending.visible = false;
        rows.remove_all ();
        n_shown = 0;
    }

    public void show_state (string text, string css) {
        state.set_text ("● " + text);
        state.css_classes = { "state", css };
    }

    public void show_ending (string text, bool failed) {
        show_state ("Not connected", failed ? "failed" : "over");
        ending_text.set_text (text);
        ending.css_classes = failed ? new string[] { "ending", "failed" } : new string[] { "ending" };
        ending.visible = true;
    }

    public void show_waiting (int64 n_waiting, bool connected) {
        level.value = n_waiting;
        if (n_waiting > 0) {
            var sender = !connected ? "is gone" : n_waiting >= CAPACITY ? "waits" : "goes on";
            waiting.set_text (@"$n_waiting of $CAPACITY wait here; the sender $sender");
        } else {
            waiting.set_text (@"$n_shown message" + (n_shown == 1 ? "" : "s"));
        }
    }
}

// A window, and what fills it.
class Watch {
    string uri;
    string name;
    View view;
    Session? session = null;
    Sender commands; // true: pause, false: go on
    Receiver orders;

    // Until the window is closed.
    public async void run (string[] args) throws GLib.Error {
        if (!Gtk.init_check ())
            throw new IOError.FAILED ("there is no display; is DISPLAY or WAYLAND_DISPLAY set?");
        uri = args[0];
        name = args.length > 1 ? args[1] : "window";
        pipe_new (CAPACITY, out commands, out orders);
        view = new View (uri);
        view.paused.connect (order);
        view.again.connect (start);
        view.close_request.connect (() => {
            Idle.add (run.callback);
            return true;
        });
        view.present ();
        Timeout.add (REFRESH_MS, refresh);
        start ();
        yield;
    }

    void order (bool paused) {
        try {
            commands.try_send (new Message (paused));
        } catch (GLib.Error failure) {
            error ("%s", failure.message); // both ends are here
        }
    }

    bool refresh () {
        if (session != null) {
            uint64 n_arrived = 0;
            session.dup_statistics ().lookup ("messages-in", "t", out n_arrived);
            view.show_waiting (int64.max (0, (int64) n_arrived - view.n_shown), session.get_state () == SessionState.OPEN);
        }
        return Source.CONTINUE;
    }

    void start () {
        view.clear ();
        watch.begin ();
    }

    // From the connection to its end, which is told in words.
    async void watch () {
        view.show_state ("Connecting", "between");
        try {
            session = yield connect_async (uri, Priority.DEFAULT, null);
            session.closed.connect (() => view.show_state ("Not connected", "failed"));
            Sender inbox_for_them;
            Receiver inbox;
            var voice = session.open_channel ("watch");
            pipe_new (CAPACITY, out inbox_for_them, out inbox);
            var me = new VariantDict ();
            me.insert ("Name", "s", name);
            me.insert ("Inbox", "h", 0);
            yield voice.send_async (new Message.with_handles (me.end (), { inbox_for_them }), Priority.DEFAULT, null);
            view.show_state ("Connected", "good");
            yield take (inbox);
            voice.close ();
            yield session.close_async (Priority.DEFAULT, null);
            view.show_ending ("The other side closed the channel. Everything that it sent is here.", false);
        } catch (GLib.Error error) {
            if (session != null)
                session.abort ();
            view.show_ending (error.message, true);
        }
        session = null;
        view.show_waiting (0, false);
    }

    async void take (Receiver inbox) throws GLib.Error {
        var paused = view.is_paused ();
        for (int in_a_row = 1; ; in_a_row++) {
            var selector = new Selector ();
            selector.add_receiver (orders);
            if (!paused)
                selector.add_receiver (inbox);
            int index = yield selector.wait_async (Priority.DEFAULT, null);
            var message = selector.steal_message ();
            if (index == 0)
                paused = message.get_body ().get_boolean ();
            else if (message == null)
                return;
            else
                view.add (message);
            if (in_a_row % ROWS_AT_ONCE == 0)
                yield drawn ();
        }
    }

    // Drawing comes before what has a low priority: messages are taken no faster than they can be shown.
    async void drawn () {
        Idle.add (drawn.callback, Priority.LOW);
        yield;
    }
}

int main (string[] args) {
    var watch = new Watch ();
    return Example.run (args, "URI|@NAME [YOUR-NAME]", 1, (args, ready) => watch.run.begin (args, (owned) ready),
                        (result) => watch.run.end (result));
}
