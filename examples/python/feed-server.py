#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sends numbered readings to whoever comes in as to a chat room, with {Name, Inbox}: no faster than they are read.

Each says how long the one before had to wait for its place, in seconds: a reader that pauses stops its own feed, and
nothing is left out. Prints its URI first.

usage: feed-server.py URI|@NAME [READINGS-PER-SECOND]
"""

import asyncio
import math
import sys
import time

import example
from gi.repository import Chan


async def feed(inbox: Chan.Sender, interval: float) -> None:
    waited, number = 0.0, 0
    while True:
        number += 1
        celsius = round(20 + 3 * math.sin(number / 7), 1)
        began = time.monotonic()
        await inbox.send_async({'From': 'sensor', 'Text': f'reading {number}: {celsius} °C', 'Number': number, 'Waited': waited})
        waited = time.monotonic() - began
        await asyncio.sleep(interval)


async def serve(voice: Chan.Receiver, interval: float) -> None:
    message = await voice.receive_async()
    inbox = example.lookup(message, 'Inbox', Chan.Sender) if message is not None else None
    if inbox is not None:
        await feed(inbox, interval)


def interval_of(per_second: str) -> float:
    try:
        return 1 / float(per_second)
    except (ValueError, ZeroDivisionError):
        print(f'{example.NAME}: “{per_second}” is no number of readings', file=sys.stderr)
        sys.exit(example.EXIT_USAGE)


uri, per_second, *_ = [*example.arguments(__doc__, 1), '5']
seconds = interval_of(per_second)
example.run_async(example.serve(uri, lambda voice: serve(voice, seconds)))
