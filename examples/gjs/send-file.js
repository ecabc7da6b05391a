#!/usr/bin/gjs -m
// SPDX-License-Identifier: LGPL-2.1-or-later
// Sends files, each as a stream inside a message, and shows how far the other side is.
import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import Chan from 'gi://Chan?version=1';
import {main} from './main.js';

const WIDTH = 40;

function show(name, received, size) {
    const part = size > 0 ? received / size : 1;
    const done = Math.round(part * WIDTH);
    return `${name} [${'#'.repeat(done)}${' '.repeat(WIDTH - done)}] ${Math.round(part * 100)} %`;
}

async function sendFile(files, path) {
    const file = Gio.File.new_for_commandline_arg(path);
    const size = file.query_info('standard::size', Gio.FileQueryInfoFlags.NONE, null).get_size();
    const name = GLib.path_get_basename(path);
    const [progress, progresses] = Chan.pipe_new(4);
    await files.send_async({Name: name, Size: size, Content: file.read(null), Progress: progress});
    for await (const message of progresses) {
        const {Received, Done} = message.unpack();
        print(Done ? `${name} has arrived` : show(name, Received, size));
    }
}

async function send(uri, ...paths) {
    const session = await Chan.connect_async(uri);
    const files = session.open_channel('files');
    for (const path of paths)
        await sendFile(files, path);
    files.close();
    await session.close_async();
}

main('URI|@NAME FILE…', 2, send);
