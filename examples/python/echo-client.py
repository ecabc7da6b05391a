#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sends each word to an echo-server and prints what comes back.

usage: echo-client.py URI|@NAME WORD...
"""

import example
from gi.repository import Chan


def echo(uri: str, *words: str) -> None:
    with Chan.connect(uri) as session, session.open_channel('echo') as requests:
        for word in words:
            print(requests.request({'P': word}, 'R')['P'], flush=True)


example.run(echo, *example.arguments(__doc__, 2))
