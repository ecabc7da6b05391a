#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Answers {"P": x, "R": sender} with {"P": x} on R, for any number of clients at once. Prints its URI first.

usage: echo-server.py [URI|@NAME]
"""

import asyncio
import sys

import gi

gi.require_version('Chan', '1')
from gi.repository import Chan, GLib  # noqa: E402


async def serve_channel(channel):
    try:
        async for message in channel:
            if 'R' in message:
                async with message['R'] as reply:
                    await reply.send_async({'P': message.get('P')})
    except GLib.Error as error:
        print(f'echo-server: a channel ended: {error.message}', file=sys.stderr)


async def serve_session(session, tasks):
    try:
        async for channel in session:
            tasks.create_task(serve_channel(channel))
    except GLib.Error as error:
        print(f'echo-server: a session ended: {error.message}', file=sys.stderr)


async def main():
    uri = sys.argv[1] if len(sys.argv) > 1 else 'tcp://127.0.0.1:0'
    async with await Chan.listen_async(uri) as listener, asyncio.TaskGroup() as tasks:
        print(listener.get_uri(), flush=True)
        async for session in listener:
            tasks.create_task(serve_session(session, tasks))


Chan.run(main())
