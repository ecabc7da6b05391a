// SPDX-License-Identifier: LGPL-2.1-or-later
// What the programs here have in common: arguments, a main loop, the end by a signal, an exit status.
import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import System from 'system';
import Chan from 'gi://Chan?version=1';

Gio._promisify(Gio.OutputStream.prototype, 'splice_async', 'splice_finish');
Gio._promisify(Gio.OutputStream.prototype, 'close_async', 'close_finish');
Gio._promisify(Gio.OutputStream.prototype, 'write_bytes_async', 'write_bytes_finish');
Gio._promisify(Gio.InputStream.prototype, 'read_bytes_async', 'read_bytes_finish');
Gio._promisify(Gio.DataInputStream.prototype, 'read_line_async', 'read_line_finish_utf8');
Gio._promisify(Gio.Subprocess.prototype, 'wait_async', 'wait_finish');

export const CLOSE_BOTH = Gio.OutputStreamSpliceFlags.CLOSE_SOURCE | Gio.OutputStreamSpliceFlags.CLOSE_TARGET;

const EXIT_USAGE = 2;
const EXIT_CONFIG = 78;
const SIGINT = 2;
const SIGTERM = 15;

// Says what went wrong; returns the exit status for it.
function failed(error) {
    printerr(`${GLib.path_get_basename(System.programInvocationName)}: ${error.message}`);
    return error.matches?.(Chan.ChannelError, Chan.ChannelError.BAD_CONFIG) ? EXIT_CONFIG : 1;
}

// usage has a word for each argument, … for any number of them.
// Runs body(...arguments) and ends with the exit status that it gives, 0 if it gives none; SIGTERM and SIGINT end it too.
export function main(usage, nArguments, body) {
    const args = System.programArgs;
    if (args.length < nArguments || !usage.includes('…') && args.length > usage.split(' ').length) {
        printerr(`usage: ${System.programInvocationName} ${usage}`);
        System.exit(EXIT_USAGE);
    }
    const loop = new GLib.MainLoop(null, false);
    let status = 0;
    for (const number of [SIGTERM, SIGINT]) {
        GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, number, () => {
            loop.quit();
            return GLib.SOURCE_CONTINUE;
        });
    }
    body(...args).then(result => (status = result ?? 0), error => (status = failed(error))).finally(() => loop.quit());
    loop.run();
    System.exit(status);
}

// The lines of a stream of bytes.
export async function* lines(stream) {
    const input = new Gio.DataInputStream({base_stream: stream});
    for (;;) {
        const [line] = await input.read_line_async(GLib.PRIORITY_DEFAULT, null);
        if (line === null)
            return;
        yield line;
    }
}

// Listens at a URI, prints where, and calls serve(receiver, session) for each channel that a client opens.
export async function serveChannels(uri, serve) {
    const listener = await Chan.listen_async(uri);
    print(listener.get_uri());
    for await (const session of listener)
        serveSession(session, serve).catch(error => debug(`a session ended: ${error.message}`));
}

async function serveSession(session, serve) {
    for await (const receiver of session)
        serve(receiver, session).catch(error => debug(`a channel ended: ${error.message}`));
}

export function debug(text) {
    if (GLib.getenv('G_MESSAGES_DEBUG'))
        printerr(`# ${text}`);
}

// The value of a message {key: value, …}; undefined: there is none of this kind, a class or what typeof gives.
export function lookup(message, key, kind) {
    const value = message.unpack();
    const isDict = typeof value === 'object' && value !== null && Object.hasOwn(value, key);
    const found = isDict ? value[key] : undefined;
    const isKind = typeof kind === 'string' ? typeof found === kind : found instanceof kind;
    return isKind ? found : undefined;
}
