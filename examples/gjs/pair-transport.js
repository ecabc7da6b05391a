// SPDX-License-Identifier: LGPL-2.1-or-later
// A transport over a pair of named pipes, as short as it can be. It speaks with the one in Python,
// ../python/pair_transport.py, which tells how. Importing this module registers it.
//
// JavaScript runs in the main thread only. So pair: is for programs that connect, listen and close their listeners there,
// with methods that end in _async; sessions and channels may be used as any others.
import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import GObject from 'gi://GObject';
import Chan from 'gi://Chan?version=1';

function failure(text) {
    return new GLib.Error(Chan.ChannelError, Chan.ChannelError.BAD_CONFIG, text);
}

// Programs make what GLib cannot: pipes with names, and a directory that is one's own from the start.
function run(...command) {
    const [, , complaint, status] = GLib.spawn_sync(null, command, null, GLib.SpawnFlags.SEARCH_PATH, null);
    if (status !== 0)
        throw failure(new TextDecoder().decode(complaint).trim());
}

// Opened for both, as the keepers are, a pipe does not wait for the peer, and after that neither of its ends does.
function openPair(incoming, outgoing) {
    const [source, sink] = [incoming, outgoing].map(path => Gio.File.new_for_path(path));
    const keepers = [source, sink].map(file => file.open_readwrite(null));
    return {keepers, pair: Gio.SimpleIOStream.new(source.read(null), sink.append_to(Gio.FileCreateFlags.NONE, null))};
}

function close(...streams) {
    streams.forEach(stream => stream.close(null));
}

// Says that we are there. While the keepers are open: to write where nobody reads would end the program.
function greet({keepers, pair}) {
    pair.get_output_stream().write('!', null);
    close(...keepers);
}

// null: another client came first, and the next pair is not there yet.
function take(path) {
    const directory = Gio.File.new_for_path(path);
    const info = directory.query_info('unix::*', Gio.FileQueryInfoFlags.NOFOLLOW_SYMLINKS, null);
    const own = info.get_attribute_uint32('unix::uid') === new Gio.Credentials().get_unix_user();
    if (!own || info.get_attribute_uint32('unix::mode') & 0o077)
        throw failure(`${path} is not a directory that only you can enter`);
    const children = directory.enumerate_children('standard::name', 0, null);
    const name = [...children].map(child => child.get_name()).find(each => each.endsWith('.up'));
    children.close(null);
    if (name === undefined)
        return null;
    const up = `${path}/${name}`;
    const taken = openPair(up.replace(/up$/, 'down'), up);
    if (GLib.unlink(up) === 0)
        return taken;
    close(taken.pair, ...taken.keepers);
    return null;
}

const PairTransport = GObject.registerClass({Implements: [Chan.Transport]}, class PairTransport extends GObject.Object {
    vfunc_open_link(operation) {
        const path = operation.get_uri().get_path();
        const failed = error => error.matches?.(Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED) ? error
            : failure(`Cannot connect to pair:${path}: nobody listens there, or it cannot be opened: ${error.message}`);
        const attempt = () => {
            try {
                operation.get_cancellable()?.set_error_if_cancelled();
                const taken = take(path);
                if (!taken)
                    return GLib.SOURCE_CONTINUE;
                this.greeted(taken, operation, failed);
            } catch (error) {
                operation.return_error(failed(error));
            }
            return GLib.SOURCE_REMOVE;
        };
        const later = GLib.timeout_source_new(10);
        later.set_callback(attempt);
        if (attempt() === GLib.SOURCE_CONTINUE)
            later.attach(GLib.MainContext.ref_thread_default());
        return true;
    }

    greeted(taken, operation, failed) {
        greet(taken);
        const answer = new Gio.UnixInputStream({fd: taken.pair.get_input_stream().get_fd(), close_fd: false});
        answer.read_bytes_async(1, GLib.PRIORITY_DEFAULT, operation.get_cancellable(), (_answer, result) => {
            try {
                if (answer.read_bytes_finish(result).get_size() === 0)
                    throw failure('there was no answer');
                operation.return_stream(taken.pair);
            } catch (error) {
                close(taken.pair);
                operation.return_error(failed(error));
            }
        });
    }

    vfunc_listen(listener, operation) {
        this.path = operation.get_uri().get_path();
        run('mkdir', '-m', '700', this.path);
        this.offer(listener);
        operation.return_done();
        return true;
    }

    // In the default main context, whatever that of the caller is.
    offer(listener) {
        const up = `${this.path}/${GLib.uuid_string_random()}.up`;
        this.names = [up.replace(/up$/, 'down'), up];
        run('mkfifo', '-m', '600', ...this.names);
        this.offered = openPair(up, this.names[0]);
        const fd = this.offered.pair.get_input_stream().get_fd();
        this.source = GLib.unix_fd_add_full(GLib.PRIORITY_DEFAULT, fd, GLib.IOCondition.IN, () => this.accept(listener));
    }

    accept(listener) {
        const taken = this.offered;
        this.names.forEach(name => GLib.unlink(name));
        try {
            this.offer(listener);
        } catch {
            // File descriptors are short, and others must close some first. The client waits.
            this.source = GLib.timeout_add(GLib.PRIORITY_DEFAULT, 100, () => this.accept(listener));
            return GLib.SOURCE_REMOVE;
        }
        taken.pair.get_input_stream().read_bytes(1, null);
        greet(taken);
        try {
            listener.deliver_stream(taken.pair);
        } catch { /* One too many, which is closed. */ }
        return GLib.SOURCE_REMOVE;
    }

    vfunc_unlisten(_listener) {
        GLib.source_remove(this.source);
        close(this.offered.pair, ...this.offered.keepers);
        this.names.forEach(name => GLib.unlink(name));
        GLib.rmdir(this.path);
    }
});

Chan.Transport.register('pair', PairTransport);
