#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Gives a pool the numbers from 1 to N as jobs, all at once, and prints each square, and who computed it.

usage: ask-pool.py URI|@NAME N
"""

import asyncio
import sys

import example
from gi.repository import Chan

TIMEOUT_S = 30
MAX_COUNT = 100000


async def ask(uri: str, count: int) -> None:
    async with await Chan.connect_async(uri) as session, session.open_channel('jobs') as jobs:
        # The request puts the channel for the answer into the message.
        asked = [asyncio.ensure_future(jobs.request_async({'Number': i + 1}, 'Reply')) for i in range(count)]
        try:
            answers = await asyncio.wait_for(asyncio.gather(*asked), TIMEOUT_S)
        except TimeoutError:
            raise RuntimeError(f'there is no answer after {TIMEOUT_S} s') from None
    for answer in answers:
        number, square = (example.lookup(answer, key, int) for key in ('Number', 'Square'))
        print(number, square, example.lookup(answer, 'Worker', str))


uri, text, *_ = example.arguments(__doc__, 2)
if not text.isdecimal() or not 1 <= int(text) <= MAX_COUNT:
    print(f'{example.NAME}: “{text}” is not a number from 1 to {MAX_COUNT}', file=sys.stderr)
    sys.exit(example.EXIT_USAGE)
example.run_async(ask(uri, int(text)))
