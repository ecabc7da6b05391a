# SPDX-License-Identifier: LGPL-2.1-or-later
"""A transport over a pair of named pipes, in 60 lines of code.

Once this module is imported, pair:/PATH is a directory that the listener makes and removes, and that only its user can
enter. In it two pipes wait for a client. Of those who have opened them, the one who takes away the name of the first has
them, and says so with a byte; the listener makes the next two, and answers. Who comes meanwhile waits.
"""

import contextlib
import errno
import os
import pathlib
import shutil

import gi

gi.require_version('Chan', '1')
from gi.repository import Chan, Gio, GLib  # noqa: E402


def room() -> None:
    """Fails if file descriptors are short: without one to spare, GLib ends the process when it makes a stream."""
    with open(os.devnull), open(os.devnull), open(os.devnull):
        pass


def open_pair(incoming: pathlib.Path, outgoing: pathlib.Path) -> Gio.SimpleIOStream:
    room()
    source = Gio.UnixInputStream.new(os.open(incoming, os.O_RDONLY | os.O_NONBLOCK), True)
    return Gio.SimpleIOStream.new(source, Gio.UnixOutputStream.new(os.open(outgoing, os.O_WRONLY | os.O_NONBLOCK), True))


def take(path: pathlib.Path) -> Gio.SimpleIOStream | None:
    info = path.lstat()
    if info.st_uid != os.geteuid() or info.st_mode & 0o077 or not path.is_dir():
        raise PermissionError(errno.EPERM, f'{path} is not a directory that only you can enter')
    with contextlib.suppress(FileNotFoundError):    # somebody was quicker
        for up in path.glob('*.up'):
            pair = open_pair(up.with_suffix('.down'), up)
            up.unlink()     # of several clients only one can
            return pair
    return None


def offer(path: pathlib.Path) -> Gio.SimpleIOStream:
    for old in path.iterdir():
        old.unlink(missing_ok=True)
    up = path / os.urandom(8).hex()
    down = up.with_suffix('.down')
    os.mkfifo(down, 0o600)
    os.mkfifo(up, 0o600)
    with open(os.open(down, os.O_RDONLY | os.O_NONBLOCK)):  # without a reader it could not be opened for writing
        pair = open_pair(up, down)
    up.rename(up.with_suffix('.up'))    # now clients may see it
    return pair


class PairTransport(Chan.StreamTransport):
    def open_stream(self, uri: GLib.Uri, cancellable: Gio.Cancellable) -> Gio.IOStream:
        while not cancellable.is_cancelled():
            if pair := take(pathlib.Path(uri.get_path())):
                pair.get_output_stream().write(b'!')
                if pair.get_input_stream().read_bytes(1, cancellable).get_size():
                    return pair
            GLib.usleep(10_000)
        raise OSError(errno.ECANCELED, 'nobody lets us in')

    def start_listening(self, uri: GLib.Uri) -> None:
        self.path = pathlib.Path(uri.get_path()).absolute()
        self.path.mkdir(0o700)
        self.pair: Gio.SimpleIOStream | None = offer(self.path)

    def accept_stream(self, cancellable: Gio.Cancellable) -> Gio.IOStream | None:
        pair, self.pair = self.pair or offer(self.path), None
        came = pair.get_input_stream().read_bytes(1, cancellable).get_size()    # 0: it was killed before it said so
        self.pair = offer(self.path)    # before the answer: who comes next may come at once
        if came:
            pair.get_output_stream().write(b'!')
        return pair if came else None

    def stop_listening(self) -> None:
        self.pair = None
        shutil.rmtree(self.path, ignore_errors=True)


Chan.Transport.register('pair', PairTransport)
