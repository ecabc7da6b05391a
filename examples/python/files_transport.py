# SPDX-License-Identifier: LGPL-2.1-or-later
"""A transport over pairs of files: named pipes, which can be waited for and hold so much and no more.

Once this module is imported, files:/PATH is a directory that the listener makes and removes, and that only its user can
enter. Who connects makes two pipes in it, writes their name into the pipe “door”, and waits for a byte: the listener
has opened them both and taken their names away.
"""

import contextlib
import errno
import os
import re
import shutil
import stat
import threading
import time
import uuid
from typing import IO

import gi

gi.require_version('Chan', '1')
from gi.repository import Chan, Gio, GLib, GObject  # noqa: E402

UNHEARD = (errno.ENOENT, errno.ENXIO, errno.EPIPE)
KNOCK = re.compile(rb'[0-9a-f-]{36}\n')


def failure(text: str, code: int = Chan.ChannelError.BAD_CONFIG) -> GLib.Error:
    return GLib.Error.new_literal(Chan.channel_error_quark(), text, code)


def path_of(operation: Chan.Operation) -> str:
    path = operation.get_uri().get_path()
    if not os.path.isabs(path):
        raise failure(f'The whole path of a directory is expected, as in files:/tmp/greeter, not “{path}”')
    return path.rstrip('/')


def check_owner(path: str) -> None:
    info = os.lstat(path)
    if not stat.S_ISDIR(info.st_mode) or info.st_uid != os.geteuid() or info.st_mode & 0o077:
        raise failure(f'{path} is not a directory that only you can enter', Chan.ChannelError.PERMISSION)


def open_pair(pending: contextlib.ExitStack, incoming: str, outgoing: str) -> Gio.IOStream:
    """A stream over two pipes, which cannot end before `pending` is closed: the peer may not have opened them yet."""
    for path in (incoming, outgoing):
        # Opened for both, a pipe does not wait for the peer, and after that neither of its ends does.
        pending.callback(os.close, os.open(path, os.O_RDWR))
    source = Gio.File.new_for_path(incoming).read(None)
    return Gio.SimpleIOStream.new(source, Gio.File.new_for_path(outgoing).append_to(Gio.FileCreateFlags.NONE, None))


def discard(*paths: str) -> None:
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


class FilesTransport(GObject.Object, Chan.Transport):
    def do_open_link(self, operation: Chan.Operation) -> bool:
        path, name = path_of(operation), str(uuid.uuid4())
        up, down = f'{path}/{name}.up', f'{path}/{name}.down'
        with contextlib.ExitStack() as undo:
            try:
                check_owner(path)
                with open(os.open(f'{path}/door', os.O_WRONLY | os.O_NONBLOCK), 'wb', buffering=0) as door:
                    undo.callback(discard, up, down)
                    os.mkfifo(up, 0o600)
                    os.mkfifo(down, 0o600)
                    stream = open_pair(undo, down, up)
                    door.write(f'{name}\n'.encode())
            except OSError as error:
                why = 'nobody listens there' if error.errno in UNHEARD else error.strerror
                raise failure(f'Cannot connect to files:{path}: {why}') from error
            pending = undo.pop_all()

        def opened(source: Gio.InputStream, result: Gio.AsyncResult) -> None:
            with pending:
                try:
                    source.read_bytes_finish(result)
                except GLib.Error as error:
                    stream.close()
                    operation.return_error(error)
                    return
            operation.return_stream(stream)

        incoming = stream.get_input_stream()
        assert isinstance(incoming, Gio.FileDescriptorBased)
        source = Gio.UnixInputStream.new(incoming.get_fd(), False)
        source.read_bytes_async(1, GLib.PRIORITY_DEFAULT, operation.get_cancellable(), opened)
        return True

    def do_listen(self, listener: Chan.Listener, operation: Chan.Operation) -> bool:
        self.path, self.stopped, self.lock = path_of(operation), threading.Event(), threading.RLock()
        with contextlib.ExitStack() as undo:
            try:
                os.mkdir(self.path, 0o700)
                undo.callback(shutil.rmtree, self.path)
                os.mkfifo(f'{self.path}/door', 0o600)
                self.keeper = os.open(f'{self.path}/door', os.O_RDWR)
                undo.callback(os.close, self.keeper)
                door = open(f'{self.path}/door', 'rb')
            except OSError as error:
                raise failure(f'Cannot listen at files:{self.path}: {error.strerror}') from error
            undo.pop_all()
        # Not the listener itself: dropping it is what stops listening.
        self.weak = listener.weak_ref()
        threading.Thread(target=self.serve, args=(door,), daemon=True).start()
        operation.return_done()
        return True

    def do_unlisten(self, _listener: Chan.Listener) -> None:
        with self.lock:
            self.stopped.set()
            # Now, while the listener lives: not in the other thread, when this one may have gone on.
            self.weak = lambda: None
        os.close(self.keeper)
        # Nobody adds to it while it is being removed: its name is another.
        gone = f'{self.path}.{uuid.uuid4()}'
        with contextlib.suppress(FileNotFoundError):
            os.rename(self.path, gone)
            shutil.rmtree(gone)

    def serve(self, door: IO[bytes]) -> None:
        """A thread, for sessions come although the application runs no main loop; until the pipe has no writer."""
        with door:
            while knock := door.readline(64):
                while KNOCK.fullmatch(knock) and not self.accept(f'{self.path}/{knock[:-1].decode()}'):
                    time.sleep(0.1)

    def accept(self, name: str) -> bool:
        """False: file descriptors are short, and others have to close some first."""
        with contextlib.ExitStack() as pending:
            try:
                stream = open_pair(pending, f'{name}.up', f'{name}.down')
                discard(f'{name}.up', f'{name}.down')
                stream.get_output_stream().write(b'!')
            except FileNotFoundError:
                return True     # who connected has given up
            except (OSError, GLib.Error):
                return self.stopped.is_set()
        with self.lock:
            listener = self.weak()
        with contextlib.suppress(GLib.Error):   # one too many, which is closed
            stream.close() if listener is None else listener.deliver_stream(stream)
        return True


Chan.Transport.register('files', FilesTransport)
