// SPDX-License-Identifier: LGPL-2.1-or-later
// A transport in Vala, as a module: runtime:NAME is a socket in the user's runtime directory, where only the user can
// go. Whoever connects gets a session with whoever listens at that name.
using Chan;

public class RuntimeTransport : GLib.Object, Transport {
    // The socket, and the thread that accepts: sessions come although the application iterates no main context.
    class Acceptor {
        public Cancellable stopped = new Cancellable ();
        public string path;
        Socket socket;
        WeakRef listener;

        public Acceptor (string path, Listener listener) throws GLib.Error {
            this.path = path;
            this.listener = WeakRef (listener);
            socket = new Socket (SocketFamily.UNIX, SocketType.STREAM, SocketProtocol.DEFAULT);
            socket.bind (new UnixSocketAddress (path), false);
            FileUtils.chmod (path, 0600);
            socket.listen ();
        }

        public void run () {
            while (true) {
                try {
                    var connection = SocketConnection.factory_create_connection (socket.accept (stopped));
                    var listener = this.listener.get () as Listener;
                    if (listener == null)
                        return;
                    listener.deliver_stream (connection);
                } catch (ChannelError error) {
                    debug ("a connection was turned away: %s", error.message);
                } catch (IOError.CANCELLED error) {
                    return;
                } catch (GLib.Error error) {
                    // File descriptors or memory are short: others have to close some first.
                    Thread.usleep (100 * 1000);
                }
            }
        }
    }

    Acceptor? acceptor;

    static string path_of (Operation operation) throws GLib.Error {
        string name = operation.get_uri ().get_path ();
        if (name == "" || name.contains ("/") || name.has_prefix ("."))
            throw new ChannelError.BAD_CONFIG ("A name without slashes is expected, as in runtime:greeter");
        return Path.build_filename (Environment.get_user_runtime_dir (), "chan-" + name);
    }

    public bool open_link (Operation operation) throws GLib.Error {
        connect_to.begin (operation, path_of (operation));
        return true;
    }

    async void connect_to (Operation operation, string path) {
        try {
            var address = new UnixSocketAddress (path);
            operation.return_stream (yield new SocketClient ().connect_async (address, operation.get_cancellable ()));
        } catch (GLib.Error error) {
            operation.return_error (error);
        }
    }

    public bool listen (Listener listener, Operation operation) throws GLib.Error {
        var fresh = new Acceptor (path_of (operation), listener);
        acceptor = fresh;
        new Thread<void> ("chan-runtime", () => fresh.run ());
        operation.return_done ();
        return true;
    }

    public void unlisten (Listener listener) {
        acceptor.stopped.cancel ();
        FileUtils.unlink (acceptor.path);
    }
}

// The module: libchantransport-runtime.so
[CCode (cname = "g_io_chantransport_runtime_load")]
public void load (IOModule module) {
    IOExtensionPoint.implement (TRANSPORT_EXTENSION_POINT_NAME, typeof (RuntimeTransport), "runtime", 10);
}

[CCode (cname = "g_io_chantransport_runtime_unload")]
public void unload (IOModule module) {
}
