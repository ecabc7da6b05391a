#!/usr/bin/gjs -m
// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs a command where a rexec-server listens, as if it were here: its input, output and exit status are this
// program's. The server may be in any language, or libchan's original one.
import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import Chan from 'gi://Chan?version=1';
import {CLOSE_BOTH, debug, main} from './main.js';

async function rexec(uri, ...command) {
    const [cmd, ...args] = command[0] === '--' ? command.slice(1) : command;
    const session = await Chan.connect_async(uri);
    const requests = session.open_channel('rexec');
    const [statusChan, statuses] = Chan.pipe_new(1);
    const [[stdin, farStdin], [stdout, farStdout], [stderr, farStderr]] = [0, 1, 2].map(() => Chan.byte_pipe_new());

    await requests.send_async({
        Cmd: cmd,
        Args: args,
        Stdin: farStdin.get_input_stream(),
        Stdout: farStdout.get_output_stream(),
        Stderr: farStderr.get_output_stream(),
        StatusChan: statusChan,
    });
    stdin.get_output_stream().splice_async(Gio.UnixInputStream.new(0, false),
        Gio.OutputStreamSpliceFlags.CLOSE_TARGET, GLib.PRIORITY_DEFAULT, null)
        .catch(error => debug(`the input was not read to its end: ${error.message}`));
    const outputs = Promise.all([[stdout, 1], [stderr, 2]].map(([stream, fd]) =>
        Gio.UnixOutputStream.new(fd, false).splice_async(stream.get_input_stream(), CLOSE_BOTH, GLib.PRIORITY_DEFAULT, null)));
    const status = await statuses.receive_async();
    await outputs;
    if (status === null)
        throw new Error('the server sent no status');
    return status.unpack().Status & 0xff;
}

main('URI|@NAME [--] CMD [ARG…]', 2, rexec);
