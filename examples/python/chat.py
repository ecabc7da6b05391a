#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Goes into a chat room: says what it reads, prints what others say. Ends with its input, after what was said came
back.

usage: chat.py URI|@NAME YOUR-NAME
"""

import sys
import threading

import example
from gi.repository import Chan, GLib


def say(voice: Chan.Sender, problems: list[str]) -> None:
    try:
        with voice:
            try:
                for line in sys.stdin:
                    voice.send({'Text': line.removesuffix('\n')})
            except UnicodeError:
                problems.append('what was read is not in UTF-8')
    except GLib.Error as error:
        # Why the room hears no more comes on the inbox too.
        example.debug(f'not said: {error.message}')


def chat(uri: str, name: str, *_more: str) -> None:
    session = Chan.connect(uri)
    voice = session.open_channel('chat')
    mailbox, inbox = Chan.pipe_new(64)
    problems: list[str] = []
    voice.send({'Name': name, 'Inbox': mailbox})
    threading.Thread(target=say, args=(voice, problems), daemon=True).start()
    for message in inbox:
        who, text = (example.lookup(message, key, str) for key in ('From', 'Text'))
        if who is not None and text is not None:
            print(f'{who}: {text}', flush=True)
    session.close(timeout=2)
    if problems:
        raise RuntimeError(problems[0])


example.run(chat, *example.arguments(__doc__, 2))
