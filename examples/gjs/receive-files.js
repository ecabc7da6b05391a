#!/usr/bin/gjs -m
// SPDX-License-Identifier: LGPL-2.1-or-later
// Takes files: {Name, Size, Content, Progress}. The content is a stream that is read here as fast as the disk takes it;
// how much has arrived is told on Progress, and at the end {Done: true}. Prints its URI first.
import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import Chan from 'gi://Chan?version=1';
import {debug, lookup, main, serveChannels} from './main.js';

const CHUNK = 256 * 1024;

async function store(file, {Content, Progress}) {
    const output = file.create(Gio.FileCreateFlags.PRIVATE, null);
    const input = Content.get_input_stream();
    let received = 0;
    for (;;) {
        const bytes = await input.read_bytes_async(CHUNK, GLib.PRIORITY_DEFAULT, null);
        const chunk = bytes.toArray();
        if (chunk.length === 0)
            break;
        output.write_all(chunk, null);
        received += chunk.length;
        await Progress.send_async({Received: received});
    }
    output.close(null);
    return received;
}

async function receive(directory, message) {
    const Name = lookup(message, 'Name', 'string');
    const Size = lookup(message, 'Size', 'number');
    const Content = lookup(message, 'Content', Gio.IOStream);
    const Progress = lookup(message, 'Progress', Chan.Sender);
    // What is no request is passed over, and its channels end with it.
    if (Name === undefined || Size === undefined || Content === undefined || Progress === undefined)
        return;
    try {
        // A name is no path: nothing outside the directory can be meant.
        if (Name !== GLib.path_get_basename(Name) || ['.', '..', '/'].includes(Name))
            throw new Error(`“${Name}” is not the name of a file`);
        const received = await store(directory.get_child(Name), {Content, Progress});
        if (received !== Size)
            throw new Error(`${Size} bytes were announced, ${received} came`);
        await Progress.send_async({Done: true});
        Progress.close();
    } catch (error) {
        debug(error.message);
        Progress.abort(error.message);
    }
}

async function serve(directory, files) {
    for await (const message of files)
        receive(directory, message);
}

main('URI|@NAME DIRECTORY', 2, (uri, directory) =>
    serveChannels(uri, files => serve(Gio.File.new_for_path(directory), files)));
