#!/usr/bin/gjs -m
// SPDX-License-Identifier: LGPL-2.1-or-later
// A chat room. Who comes in sends {Name, Inbox}: a name, and a channel on which everything said is sent to them; then
// {Text} for each thing they say. Who leaves, or is cut off, is gone from the room. Prints its URI first.
import GLib from 'gi://GLib';
import Chan from 'gi://Chan?version=1';
import {lookup, main, serveChannels} from './main.js';

const guests = new Map();

// Who does not keep up misses things; the others do not wait for them.
function tell(name, inbox, said) {
    try {
        inbox.try_send(said);
    } catch (error) {
        if (error.matches?.(Chan.ChannelError, Chan.ChannelError.CLOSED))
            guests.delete(name);
    }
}

function tellAll(said) {
    for (const [name, inbox] of guests)
        tell(name, inbox, said);
}

async function serve(said) {
    const message = await said.receive_async();
    const Name = message !== null ? lookup(message, 'Name', 'string') : undefined;
    const Inbox = message !== null ? lookup(message, 'Inbox', Chan.Sender) : undefined;
    if (Name === undefined || Inbox === undefined)
        return;
    if (guests.has(Name)) {
        Inbox.abort(new GLib.Error(Chan.ChannelError, Chan.ChannelError.PERMISSION, `${Name} is here already`));
        return;
    }
    guests.set(Name, Inbox);
    tellAll({From: 'room', Text: `${Name} comes in`});
    try {
        for await (const words of said) {
            const Text = lookup(words, 'Text', 'string');
            if (Text !== undefined)
                tellAll({From: Name, Text});
        }
    } finally {
        guests.delete(Name);
        Inbox.close();
        tellAll({From: 'room', Text: `${Name} leaves`});
    }
}

main('URI|@NAME', 1, uri => serveChannels(uri, serve));
