# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the programs here have in common: arguments, an exit status, serving, and looking into messages that come from
who knows whom."""

import asyncio
import os
import pathlib
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, NoReturn, TypeVar

import gi

gi.require_version('Chan', '1')
from gi.repository import Chan, GLib  # noqa: E402

EXIT_USAGE = 2
EXIT_CONFIG = 78
NAME = pathlib.Path(sys.argv[0]).stem

T = TypeVar('T')


def arguments(doc: str, n_needed: int) -> list[str]:
    """Those of the command line. --help, and too few or too many of them, end the program. How it is used is the last
    line of doc: a word for each argument, ... for any number of them."""
    given = sys.argv[1:]
    if given[:1] in (['-h'], ['--help']):
        print(doc.strip())
        sys.exit(0)
    usage = doc.strip().splitlines()[-1]
    if len(given) < n_needed or '...' not in usage and len(given) > len(usage.split()) - 2:
        print(usage, file=sys.stderr)
        sys.exit(EXIT_USAGE)
    for word in given:
        try:
            os.fsencode(word).decode()
        except UnicodeDecodeError:
            print(f'{NAME}: “{os.fsencode(word).decode(errors="replace")}” is not in UTF-8', file=sys.stderr)
            sys.exit(EXIT_USAGE)
    return given


def failed(error: GLib.Error) -> int:
    """Says what went wrong; gives the exit status for it."""
    print(f'{NAME}: {error.message}', file=sys.stderr)
    return EXIT_CONFIG if error.matches(Chan.channel_error_quark(), Chan.ChannelError.BAD_CONFIG) else 1


def debug(text: str) -> None:
    if 'G_MESSAGES_DEBUG' in os.environ:
        print(f'# {text}', file=sys.stderr)


def _leave(*_arguments: object) -> NoReturn:
    sys.exit(0)


def run(body: Callable[..., int | None], *values: object) -> NoReturn:
    """Ends with the exit status that body(*values) gives, 0 if it gives none; SIGTERM and SIGINT end it too."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    try:
        status = body(*values) or 0
    except GLib.Error as error:
        status = failed(error)
    except RuntimeError as error:
        print(f'{NAME}: {error}', file=sys.stderr)
        status = 1
    except SystemExit as end:
        status = int(end.code or 0)
    # Not sys.exit(): a thread may still wait for its input, or for a peer.
    sys.stdout.flush()
    os._exit(status)


def run_async(coroutine: Coroutine[Any, Any, object]) -> NoReturn:
    """run() for a coroutine, which is cancelled by the signals."""
    async def until_signal() -> None:
        task = asyncio.ensure_future(coroutine)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        try:
            await task
        except asyncio.CancelledError:
            debug('ended by a signal')

    def body() -> None:
        Chan.run(until_signal())

    run(body)


# --- serving -----------------------------------------------------------------------------------------------------

_tasks: set[asyncio.Task[None]] = set()     # asyncio itself does not keep them


def start(coroutine: Coroutine[Any, Any, None]) -> None:
    """Runs it beside what else runs; what it raises is printed by asyncio, and ends nothing else."""
    task = asyncio.ensure_future(coroutine)
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)


Serve = Callable[[Chan.Receiver], Awaitable[None]]


async def serve(uri: str, serve_channel: Serve) -> None:
    """Listens, prints where, and runs serve_channel(channel) for each channel that a client opens."""
    async with await Chan.listen_async(uri) as listener:
        print(listener.get_uri(), flush=True)
        async for session in listener:
            start(_serve_session(session, serve_channel))


async def _serve_session(session: Chan.Session, serve_channel: Serve) -> None:
    try:
        async for channel in session:
            start(_serve_channel(channel, serve_channel))
    except GLib.Error as error:
        debug(f'a session ended: {error.message}')


async def _serve_channel(channel: Chan.Receiver, serve_channel: Serve) -> None:
    try:
        await serve_channel(channel)
    except GLib.Error as error:
        debug(f'a channel ended: {error.message}')


# --- messages ----------------------------------------------------------------------------------------------------


def lookup(message: Chan.Message, key: str, kind: type[T]) -> T | None:
    """The value of a message {key: value, …}; None: there is none of this type."""
    value = message.unpack()
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, kind) else None
