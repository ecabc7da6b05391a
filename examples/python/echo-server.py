#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Answers {"P": x, "R": sender} with {"P": x} on R, for any number of clients at once. A message that is not like that is
passed over. Prints its URI first.

usage: echo-server.py [URI|@NAME]
"""

from typing import Any

import example
from gi.repository import Chan, GLib


async def answer(reply: Chan.Sender, value: Any) -> None:
    try:
        async with reply:
            await reply.send_async({'P': value})
    except GLib.Error as error:
        example.debug(f'an answer was not sent: {error.message}')


async def serve(channel: Chan.Receiver) -> None:
    async for message in channel:
        reply = example.lookup(message, 'R', Chan.Sender)
        if reply is not None:
            await answer(reply, message.get('P'))


uri, = example.arguments(__doc__, 0)[:1] or ['tcp://127.0.0.1:0']
example.run_async(example.serve(uri, serve))
