#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A chat room. Who comes in sends {Name, Inbox}: a name, and a channel on which everything said is sent to them; then
{Text} for each thing they say. Who leaves, or is cut off, is gone from the room. Prints its URI first.

usage: chat-server.py URI|@NAME
"""

import example
from gi.repository import Chan, GLib

room: dict[str, Chan.Sender] = {}


def tell_all(who: str, text: str) -> None:
    """Who does not keep up misses things; the others do not wait for them."""
    said = Chan.Message({'From': who, 'Text': text})
    for name, inbox in room.items():
        try:
            inbox.try_send(said)
        except GLib.Error as error:
            example.debug(f'{name} missed something: {error.message}')


async def listen_to(voice: Chan.Receiver, name: str) -> None:
    async for message in voice:
        text = example.lookup(message, 'Text', str)
        if text is not None:
            tell_all(name, text)


async def serve(voice: Chan.Receiver) -> None:
    message = await voice.receive_async()
    name = example.lookup(message, 'Name', str) if message is not None else None
    inbox = example.lookup(message, 'Inbox', Chan.Sender) if message is not None else None
    if name is None or inbox is None:
        return
    if name in room:
        inbox.abort(GLib.Error.new_literal(Chan.channel_error_quark(), f'{name} is here already', Chan.ChannelError.PERMISSION))
        return
    room[name] = inbox
    tell_all('room', f'{name} comes in')
    try:
        await listen_to(voice, name)
    finally:
        del room[name]
        inbox.close()
        tell_all('room', f'{name} leaves')


uri, *_ = example.arguments(__doc__, 1)
example.run_async(example.serve(uri, serve))
