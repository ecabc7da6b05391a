// SPDX-License-Identifier: LGPL-2.1-or-later
// A transport over pairs of files: named pipes, which can be waited for and hold so much and no more. It speaks with the
// one in Python, ../python/files_transport.py, which tells how. Importing this module registers it.
//
// JavaScript runs in the main thread only. So files: is for programs that connect, listen and close their listeners
// there, with methods that end in _async; sessions and channels may be used as any others.
import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import GObject from 'gi://GObject';
import Chan from 'gi://Chan?version=1';

const KNOCK = /^[0-9a-f-]{36}$/;
const KNOCK_BYTES = 37;
const RETRY_MS = 100;

function failure(text, code = Chan.ChannelError.BAD_CONFIG) {
    return new GLib.Error(Chan.ChannelError, code, text);
}

function pathOf(operation) {
    const path = operation.get_uri().get_path();
    if (!GLib.path_is_absolute(path))
        throw failure(`The whole path of a directory is expected, as in files:/tmp/greeter, not “${path}”`);
    return path.replace(/\/+$/, '');
}

function unheard(path, complaint) {
    return failure(`Cannot connect to files:${path}: nobody listens there (${complaint})`);
}

function statusOf(path) {
    try {
        return Gio.File.new_for_path(path).query_info('standard::type,unix::*', Gio.FileQueryInfoFlags.NOFOLLOW_SYMLINKS, null);
    } catch (error) {
        throw unheard(path, error.message);
    }
}

function checkOwner(path) {
    const info = statusOf(path);
    const own = info.get_attribute_uint32('unix::uid') === new Gio.Credentials().get_unix_user();
    if (!own || info.get_file_type() !== Gio.FileType.DIRECTORY || info.get_attribute_uint32('unix::mode') & 0o077)
        throw failure(`${path} is not a directory that only you can enter`, Chan.ChannelError.PERMISSION);
}

// The shell makes what GLib cannot: pipes with names, and files opened without waiting. then(what it complained of)
function run(script, args, then) {
    const process = Gio.Subprocess.new(['sh', '-c', script, ...args], Gio.SubprocessFlags.STDERR_PIPE);
    process.communicate_utf8_async(null, null, (_process, result) => {
        const [, , complaint] = process.communicate_utf8_finish(result);
        then(process.get_successful() ? null : complaint.trim());
    });
}

// The four ways in and out of two pipes. These cannot end before the keepers are closed: the peer may not have opened
// them yet. Opened for both, a pipe does not wait for the peer, and after that neither of its ends does.
function openPair(incoming, outgoing) {
    const [source, sink] = [incoming, outgoing].map(path => Gio.File.new_for_path(path));
    const open = [() => source.open_readwrite(null), () => sink.open_readwrite(null),
        () => source.read(null), () => sink.append_to(Gio.FileCreateFlags.NONE, null)];
    const opened = [];
    try {
        open.forEach(way => opened.push(way()));
    } catch (error) {
        close(opened);
        throw error;
    }
    return {keepers: opened.slice(0, 2), stream: Gio.SimpleIOStream.new(...opened.slice(2))};
}

function discard(paths) {
    paths.forEach(path => GLib.unlink(path));
}

function close(streams) {
    streams.forEach(stream => stream.close(null));
}

function pollable(stream) {
    return new Gio.UnixInputStream({fd: stream.get_input_stream().get_fd(), close_fd: false});
}

const FilesTransport = GObject.registerClass({Implements: [Chan.Transport]}, class FilesTransport extends GObject.Object {
    vfunc_open_link(operation) {
        const path = pathOf(operation);
        const name = GLib.uuid_string_random();
        const names = [`${path}/${name}.up`, `${path}/${name}.down`];
        let pair = null;

        const end = error => {
            discard(names);
            close(pair?.keepers ?? []);
            if (error === null)
                return operation.return_stream(pair.stream);
            close(pair === null ? [] : [pair.stream]);
            return operation.return_error(error);
        };
        // What follows a program; an error ends it all.
        const step = action => complaint => {
            try {
                if (complaint !== null)
                    throw unheard(path, complaint);
                action();
            } catch (error) {
                end(error);
            }
        };
        const answered = (answer, result) => {
            try {
                answer.read_bytes_finish(result);
                end(null);
            } catch (error) {
                end(error);
            }
        };
        const knocked = () => pollable(pair.stream).read_bytes_async(1, GLib.PRIORITY_DEFAULT, operation.get_cancellable(), answered);

        checkOwner(path);
        run('mkfifo -m 600 "$0" "$1"', names, step(() => {
            pair = openPair(names[1], names[0]);
            run('echo "$0" | dd bs=4096 "of=$1/door" oflag=nonblock conv=nocreat,notrunc status=none', [name, path], step(knocked));
        }));
        return true;
    }

    vfunc_listen(listener, operation) {
        this.path = pathOf(operation);
        run('mkdir -m 700 "$0" && mkfifo -m 600 "$0/door"', [this.path], complaint => {
            try {
                if (complaint !== null)
                    throw failure(`Cannot listen at files:${this.path}: ${complaint}`);
                this.watch(listener);
                operation.return_done();
            } catch (error) {
                operation.return_error(error);
            }
        });
        return true;
    }

    // In the default main context, whatever that of the caller is.
    watch(listener) {
        this.door = Gio.File.new_for_path(`${this.path}/door`).open_readwrite(null);
        const knocks = pollable(this.door);
        this.source = GLib.unix_fd_add_full(GLib.PRIORITY_DEFAULT, knocks.fd, GLib.IOCondition.IN, () => {
            const text = new TextDecoder().decode(knocks.read_bytes(100 * KNOCK_BYTES, null).toArray());
            text.split('\n').filter(name => KNOCK.test(name)).forEach(name => this.accept(`${this.path}/${name}`, listener));
            return GLib.SOURCE_CONTINUE;
        });
    }

    vfunc_unlisten(_listener) {
        GLib.source_remove(this.source);
        this.source = 0;
        this.door.close(null);
        // Nobody adds to it while it is being removed: its name is another.
        const gone = Gio.File.new_for_path(`${this.path}.${GLib.uuid_string_random()}`);
        Gio.File.new_for_path(this.path).move(gone, Gio.FileCopyFlags.NO_FALLBACK_FOR_MOVE, null, null);
        for (const info of gone.enumerate_children('standard::name', Gio.FileQueryInfoFlags.NONE, null))
            gone.get_child(info.get_name()).delete(null);
        gone.delete(null);
    }

    accept(name, listener) {
        const names = [`${name}.up`, `${name}.down`];
        try {
            const {keepers, stream} = openPair(...names);
            discard(names);
            stream.get_output_stream().write('!', null);
            close(keepers);
            listener.deliver_stream(stream);
        } catch (error) {
            // Who connected has given up, or was one too many; or file descriptors are short, and others must close some.
            if (error.matches(Gio.IOErrorEnum, Gio.IOErrorEnum.TOO_MANY_OPEN_FILES)) {
                GLib.timeout_add(GLib.PRIORITY_DEFAULT, RETRY_MS, () => {
                    if (this.source !== 0)
                        this.accept(name, listener);
                    return GLib.SOURCE_REMOVE;
                });
            }
        }
    }
});

Chan.Transport.register('files', FilesTransport);
