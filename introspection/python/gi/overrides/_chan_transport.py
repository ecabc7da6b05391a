# SPDX-License-Identifier: LGPL-2.1-or-later
"""A transport whose methods may wait, and which need to know nothing of threads and of the listener's life."""

import errno
import os
import threading
import traceback

from gi.module import get_introspection_module
from gi.repository import Gio, GLib, GObject

Chan = get_introspection_module('Chan')

JOIN_SECONDS = 5
# Others have to close some first.
SHORT_OF_ROOM = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
SHORT_SECONDS = 0.1
# Who came is gone again, which is no concern of those who come next.
GONE = (errno.EPIPE, errno.ECONNRESET, errno.ECONNABORTED)
# Of who connects
UNHEARD = (errno.ENOENT, errno.ENXIO, errno.ECONNREFUSED)


def _means(error, numbers):
    if isinstance(error, OSError):
        return error.errno in numbers
    return isinstance(error, GLib.Error) and any(error.matches(Gio.io_error_quark(), Gio.io_error_from_errno(number))
                                                 for number in numbers)


def _shown(uri):
    return uri.to_string_partial(GLib.UriHideFlags.PASSWORD | GLib.UriHideFlags.QUERY)


def _make_room():
    """Fails if file descriptors are short: GLib would end the process."""
    with open(os.devnull), open(os.devnull):
        pass


def _failure(code, text):
    return GLib.Error.new_literal(Chan.channel_error_quark(), text, code)


def _as_glib_error(error, what, unheard=()):
    if isinstance(error, GLib.Error):
        return error
    if isinstance(error, OSError):
        why = 'nobody listens there' if error.errno in unheard else error.strerror or error
        text = f'{what}: {why}'
        return GLib.Error.new_literal(Gio.io_error_quark(), text, Gio.io_error_from_errno(error.errno or 0))
    traceback.print_exception(error)    # which says more to who wrote it
    return _failure(Chan.ChannelError.FAILED, f'{what}: {type(error).__name__}: {error}')


class StreamTransport(GObject.Object, Chan.Transport):
    """A transport over streams: derive from it, write open_stream(), or what listens, or both, and register the class.

    What they raise is an error for who connects or listens, an OSError as the one of Gio that means the same. Streams
    must be over file descriptors that can be polled, or sockets; they are the library's once they were returned.
    There is a new object for each listener.
    """

    # Of a class in gi.overrides PyGObject makes no type.
    __module__ = 'gi.repository.Chan'
    __qualname__ = 'StreamTransport'

    _thread = None

    def open_stream(self, uri, cancellable):
        """Connects to `uri`, and returns a Gio.IOStream. Called in a thread of its own: it may wait, but no longer
        than until `cancellable` is cancelled."""
        raise _failure(Chan.ChannelError.UNSUPPORTED, f'{type(self).__name__} cannot connect')

    def start_listening(self, uri):
        """Begins to listen at `uri`. Called in the thread of who listens: it must not wait."""
        raise _failure(Chan.ChannelError.UNSUPPORTED, f'{type(self).__name__} cannot listen')

    def accept_stream(self, cancellable):
        """Waits for somebody who connects, and returns a Gio.IOStream, or None if nothing came of it. Called again
        and again, in a thread of its own: it may wait, but no longer than until `cancellable` is cancelled.

        If it raises, nobody can come any more, and the listener fails; but after an OSError, or one of Gio, which says
        that file descriptors are short, or that who came is gone, it goes on.
        """
        raise NotImplementedError(f'{type(self).__name__}.accept_stream()')

    def stop_listening(self):
        """Cleans up after start_listening(). Called in the thread of accept_stream(), when that is over."""

    def do_open_link(self, operation):
        uri = _shown(operation.get_uri())
        threading.Thread(target=self._open, args=(operation, uri), name=f'connecting to {uri}', daemon=True).start()
        return True

    def _open(self, operation, uri):
        try:
            operation.return_stream(self.open_stream(operation.get_uri(), operation.get_cancellable() or Gio.Cancellable.new()))
        except BaseException as error:
            operation.return_error(_as_glib_error(error, f'Cannot connect to {uri}', UNHEARD))

    def do_listen(self, listener, operation):
        uri = _shown(operation.get_uri())
        self._stopped, self._lock = Gio.Cancellable.new(), threading.RLock()
        try:
            _make_room()
            self._stopped.get_fd()      # made now, not when there may be no room for it
            self.start_listening(operation.get_uri())
        except Exception as error:
            raise _as_glib_error(error, f'Cannot listen at {uri}') from error
        # Not the listener itself: dropping it is what stops listening.
        self._weak = listener.weak_ref()
        self._thread = threading.Thread(target=self._serve, args=(uri,), name=f'listening at {uri}', daemon=True)
        self._thread.start()
        operation.return_done()
        return True

    def do_unlisten(self, listener):
        # PyGObject's weak references are not made for threads: dropped now, while the listener lives.
        with self._lock:
            self._weak = lambda: None
        self._stopped.cancel()
        # What it listened at is free again when this returns. Bounded, for what does the work is not ours.
        if self._thread is not threading.current_thread():
            self._thread.join(JOIN_SECONDS)

    def _listener(self):
        with self._lock:
            return self._weak()

    def _serve(self, uri):
        try:
            while not self._stopped.is_cancelled():
                self._accept_one()
        except BaseException as error:
            if not self._stopped.is_cancelled():
                self._fail(_as_glib_error(error, f'Cannot listen at {uri} any more'))
        finally:
            self.stop_listening()

    def _accept_one(self):
        try:
            stream = self.accept_stream(self._stopped)
        except (GLib.Error, OSError) as error:
            if _means(error, SHORT_OF_ROOM):
                GLib.usleep(round(SHORT_SECONDS * 1e6))
            elif not _means(error, GONE):
                raise
        else:
            if stream is not None:
                self._deliver(stream)

    def _deliver(self, stream):
        listener = self._listener()
        if listener is None:
            stream.close()
            return
        try:
            listener.deliver_stream(stream)
        except GLib.Error as error:
            # One too many is closed; that others are, somebody should know.
            if not error.matches(Chan.channel_error_quark(), Chan.ChannelError.LIMIT):
                traceback.print_exception(error)

    def _fail(self, error):
        listener = self._listener()
        if listener is not None:
            listener.fail(error)
