#!/usr/bin/gjs -m
// SPDX-License-Identifier: LGPL-2.1-or-later
// Goes into a chat room: says what it reads, prints what others say. Ends with its input, after what was said came back.
import Gio from 'gi://Gio';
import Chan from 'gi://Chan?version=1';
import {debug, lines, main} from './main.js';

async function listen(inbox) {
    for await (const message of inbox) {
        const {From, Text} = message.unpack();
        print(`${From}: ${Text}`);
    }
}

async function say(voice) {
    for await (const line of lines(Gio.UnixInputStream.new(0, false)))
        await voice.send_async({Text: line});
}

async function chat(uri, name) {
    const session = await Chan.connect_async(uri);
    const voice = session.open_channel('chat');
    const [mailbox, inbox] = Chan.pipe_new(64);
    await voice.send_async({Name: name, Inbox: mailbox});
    let problem = null;
    say(voice).catch(error => {
        // Why the room hears no more comes on the inbox too.
        if (error instanceof Chan.ChannelError)
            debug(`not said: ${error.message}`);
        else
            problem = error;
    }).finally(() => voice.close());
    await listen(inbox);
    if (problem !== null)
        throw problem;
}

main('URI|@NAME YOUR-NAME', 2, chat);
