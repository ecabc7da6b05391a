#!/usr/bin/gjs -m
// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs the commands that clients send: {Cmd, Args, Stdin, Stdout, Stderr, StatusChan}, and answers {Status} on
// StatusChan when all output was given away. Prints its URI first.
import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import Chan from 'gi://Chan?version=1';
import {CLOSE_BOTH, debug, main, serveChannels} from './main.js';

const HANGUP = 1;

function spawn({Cmd, Args, Stdin, Stdout, Stderr}) {
    const {STDIN_PIPE, STDOUT_PIPE, STDERR_PIPE, STDOUT_SILENCE, STDERR_SILENCE} = Gio.SubprocessFlags;
    return Gio.Subprocess.new([Cmd, ...Args ?? []], (Stdin ? STDIN_PIPE : 0) |
        (Stdout ? STDOUT_PIPE : STDOUT_SILENCE) | (Stderr ? STDERR_PIPE : STDERR_SILENCE));
}

function copy(to, from, cancellable = null) {
    return to.splice_async(from, CLOSE_BOTH, GLib.PRIORITY_DEFAULT, cancellable)
        .catch(error => debug(`a stream was cut: ${error.message}`));
}

async function execute(request) {
    const {Stdin, Stdout, Stderr, StatusChan} = request;
    const process = spawn(request);
    const inputOver = new Gio.Cancellable();
    const gone = StatusChan?.connect('peer-closed', () => process.send_signal(HANGUP));
    const copies = [];
    if (Stdout)
        copies.push(copy(Stdout.get_output_stream(), process.get_stdout_pipe()));
    if (Stderr)
        copies.push(copy(Stderr.get_output_stream(), process.get_stderr_pipe()));
    if (Stdin)
        copies.push(copy(process.get_stdin_pipe(), Stdin.get_input_stream(), inputOver));
    await process.wait_async(null);
    // Nobody is left to read what the client may still type.
    inputOver.cancel();
    await Promise.all(copies);
    if (gone)
        StatusChan.disconnect(gone);
    return process.get_if_exited() ? process.get_exit_status() : 128 + process.get_term_sig();
}

// What a shell would say: 127 if it is not there, 126 if it cannot be run.
async function explain({Stdout, Stderr}, error) {
    Stdout?.close(null);
    const output = Stderr?.get_output_stream();
    await output?.write_bytes_async(new TextEncoder().encode(`rexec-server: ${error.message}\n`), GLib.PRIORITY_DEFAULT, null);
    await output?.close_async(GLib.PRIORITY_DEFAULT, null);
    return error.matches(GLib.SpawnError, GLib.SpawnError.NOENT) ? 127 : 126;
}

async function serveRequest(message) {
    const request = message.unpack();
    if (typeof request.Cmd !== 'string')
        return;
    const status = await execute(request).catch(error => explain(request, error));
    await request.StatusChan?.send_async({Status: status});
    request.StatusChan?.close();
}

async function serve(requests) {
    for await (const message of requests)
        serveRequest(message).catch(error => debug(`a command was not served: ${error.message}`));
}

main('URI|@NAME', 1, uri => serveChannels(uri, serve));
