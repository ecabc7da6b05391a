# SPDX-License-Identifier: LGPL-2.1-or-later
"""A transport over a pair of named pipes, as short as it can be.

Once this module is imported, pair:/PATH is a directory that the listener makes and removes, and that only its user can
enter. In it two pipes wait for a client. Of those who have opened them, the one who takes away the name of the first has
them, and says so with a byte; the listener makes the next two, and answers. Who comes meanwhile is refused, and may try
again.
"""

import os
import pathlib
import shutil
import threading

import gi

gi.require_version('Chan', '1')
from gi.repository import Chan, Gio, GLib, GObject  # noqa: E402


def failure(text: str, code: int = Chan.ChannelError.BAD_CONFIG) -> GLib.Error:
    return GLib.Error.new_literal(Chan.channel_error_quark(), text, code)


def room() -> None:
    """Fails if file descriptors are short: without one to spare, GLib ends the process when it makes a stream."""
    for fd in os.pipe():
        os.close(fd)


def open_pair(incoming: pathlib.Path, outgoing: pathlib.Path) -> Gio.SimpleIOStream:
    room()
    source = Gio.UnixInputStream.new(os.open(incoming, os.O_RDONLY | os.O_NONBLOCK), True)
    room()
    return Gio.SimpleIOStream.new(source, Gio.UnixOutputStream.new(os.open(outgoing, os.O_WRONLY | os.O_NONBLOCK), True))


class PairTransport(GObject.Object, Chan.Transport):
    def do_open_link(self, operation: Chan.Operation) -> bool:
        path = pathlib.Path(operation.get_uri().get_path())
        try:
            info = path.lstat()
            if info.st_uid != os.geteuid() or info.st_mode & 0o077:
                raise failure(f'{path} is not a directory that only you can enter', Chan.ChannelError.PERMISSION)
            up = next(path.glob('*.up'), path / 'up')
            pair = open_pair(up.with_suffix('.down'), up)
            up.unlink()     # of several clients only one can
        except OSError as error:
            raise failure(f'Nobody listens at pair:{path}, or it cannot be opened: {error.strerror}') from error

        def answered(source: Gio.InputStream, result: Gio.AsyncResult) -> None:
            try:
                source.read_bytes_finish(result)
                operation.return_stream(pair)
            except GLib.Error as error:
                operation.return_error(error)

        pair.get_output_stream().write(b'!')
        pair.get_input_stream().read_bytes_async(1, GLib.PRIORITY_DEFAULT, operation.get_cancellable(), answered)
        return True

    def do_listen(self, listener: Chan.Listener, operation: Chan.Operation) -> bool:
        self.path, self.lock = pathlib.Path(operation.get_uri().get_path()).absolute(), threading.RLock()
        try:
            self.path.mkdir(0o700)
        except OSError as error:
            raise failure(f'Cannot listen at pair:{self.path}: {error.strerror}') from error
        self.stopped, self.weak = Gio.Cancellable.new(), listener.weak_ref()    # dropping the listener stops listening
        self.stopped.get_fd()   # made now, for later it might be one too many
        self.pair = self.accept(None)
        threading.Thread(target=self.serve, daemon=True).start()
        operation.return_done()
        return True

    def do_unlisten(self, _listener: Chan.Listener) -> None:
        with self.lock:
            self.weak = lambda: None    # and not later, in another thread than drops the listener
            self.stopped.cancel()
            shutil.rmtree(self.path, ignore_errors=True)

    def serve(self) -> None:
        """A thread, for sessions come although the application runs no main loop."""
        while not self.stopped.is_cancelled():
            self.pair = self.accept(self.pair)

    def accept(self, pair: Gio.SimpleIOStream | None) -> Gio.SimpleIOStream | None:
        """Waits for a client, and returns the pair for the next."""
        try:
            came = pair and pair.get_input_stream().read_bytes(1, self.stopped).get_size()    # 0: it was killed before that
            with self.lock:
                listener = self.weak()
                offered = self.offer() if listener else None
            if listener and pair and came:
                pair.get_output_stream().write(b'!')
                listener.deliver_stream(pair)
            return offered
        except (GLib.Error, OSError):   # stopped; one too many, which is closed; or file descriptors are short
            GLib.usleep(100_000)
            return None

    def offer(self) -> Gio.SimpleIOStream:
        for old in self.path.iterdir():
            old.unlink(missing_ok=True)
        up = self.path / f'{os.urandom(8).hex()}.up'
        down = up.with_suffix('.down')
        os.mkfifo(down, 0o600)
        os.mkfifo(up, 0o600)
        with open(os.open(down, os.O_RDONLY | os.O_NONBLOCK)):  # without a reader it could not be opened for writing
            return open_pair(up, down)


Chan.Transport.register('pair', PairTransport)
