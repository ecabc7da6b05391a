# SPDX-License-Identifier: LGPL-2.1-or-later
"""A transport whose methods may wait, and which need to know nothing of threads and of the listener's life."""

import contextlib
import errno
import os
import threading
import traceback

from gi.module import get_introspection_module
from gi.repository import Gio, GLib, GObject

Chan = get_introspection_module('Chan')

JOIN_SECONDS = 5
# What is looked for before GLib needs it: without it, it would end the process.
DESCRIPTORS_NEEDED = 8
# Others have to close some first.
SHORT = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
SHORT_OF_GIO = (Gio.IOErrorEnum.TOO_MANY_OPEN_FILES,)
# Who came is gone again, which is no concern of those who come next.
GONE = (errno.EPIPE, errno.ECONNRESET, errno.ECONNABORTED)
GONE_OF_GIO = (Gio.IOErrorEnum.BROKEN_PIPE,)
# Before the next is accepted: doubled each time, up to the second.
FIRST_PAUSE, LONGEST_PAUSE = 0.001, 0.1
# Of who connects
UNHEARD = (errno.ENOENT, errno.ENXIO, errno.ECONNREFUSED)


def _is_passing(error):
    if isinstance(error, OSError):
        return error.errno in SHORT + GONE
    return any(error.matches(Gio.io_error_quark(), code) for code in SHORT_OF_GIO + GONE_OF_GIO)


def _shown(uri):
    return uri.to_string_partial(GLib.UriHideFlags.PASSWORD | GLib.UriHideFlags.QUERY)


def _make_room(cancellable):
    with contextlib.ExitStack() as opened:
        for _ in range(DESCRIPTORS_NEEDED):
            opened.enter_context(open(os.devnull))
    cancellable.get_fd()    # made now, not when there may be no room for it


def _print(error):
    """For who wrote it."""
    with contextlib.suppress(Exception):
        traceback.print_exception(error)


def _failure(code, text):
    return GLib.Error.new_literal(Chan.channel_error_quark(), text, code)


def _errno_of(error):
    if isinstance(error, TimeoutError):
        return errno.ETIMEDOUT
    # What ssl calls so is none.
    return 0 if type(error).__module__ == 'ssl' else error.errno or 0


def _as_glib_error(error, what, unheard=()):
    if isinstance(error, GLib.Error):
        return error
    if not isinstance(error, OSError):
        _print(error)
        return _failure(Chan.ChannelError.FAILED, f'{what}: {type(error).__name__}: {error}')
    number, why = _errno_of(error), error.strerror or str(error)
    if error.filename:
        why += f': {os.fsdecode(error.filename)}'
    if number in unheard:
        why = f'nobody listens there ({why})'
    return GLib.Error.new_literal(Gio.io_error_quark(), f'{what}: {why}', Gio.io_error_from_errno(number))


def wait_for_end(listener):
    """Until the thread that accepts has cleaned up; bounded, for what it does is not ours."""
    thread = getattr(listener, '_accepting', None)
    if thread is not None and thread is not threading.current_thread():
        thread.join(JOIN_SECONDS)


class StreamTransport(GObject.Object, Chan.Transport):
    """A transport over streams: derive from it, write open_stream(), or what listens, or both, and register the class.

    What they raise is an error for who connects or listens, an OSError as the one of Gio that means the same. Streams
    must be over file descriptors that can be polled, or sockets; they are the library's once they were returned.
    There is a new object for each listener.
    """

    # Of a class in gi.overrides PyGObject makes no type.
    __module__ = 'gi.repository.Chan'
    __qualname__ = 'StreamTransport'

    def open_stream(self, uri, cancellable):
        """Connects to `uri`, and returns a Gio.IOStream. Called in a thread of its own: it may wait, but no longer
        than until `cancellable` is cancelled."""
        raise _failure(Chan.ChannelError.UNSUPPORTED, f'{type(self).__name__} cannot connect')

    def start_listening(self, uri):
        """Begins to listen at `uri`. Called in the thread of who listens: it must not wait. If it raises, nothing is
        left of it: stop_listening() is not called."""
        raise _failure(Chan.ChannelError.UNSUPPORTED, f'{type(self).__name__} cannot listen')

    def accept_stream(self, cancellable):
        """Waits for somebody who connects, and returns a Gio.IOStream, or None if nothing came of it. Called again
        and again, in a thread of its own: it may wait, but no longer than until `cancellable` is cancelled.

        If it raises, nobody can come any more, and the listener fails; but after an OSError, or one of Gio, which says
        that file descriptors are short, or that who came is gone, it is called again, 0.1 s later at most.
        """
        raise NotImplementedError(f'{type(self).__name__}.accept_stream()')

    def stop_listening(self):
        """Cleans up after start_listening(). Called in the thread of accept_stream(), when that is over."""

    def do_open_link(self, operation):
        uri = _shown(operation.get_uri())
        try:
            threading.Thread(target=self._open, args=(operation, uri), name=f'connecting to {uri}', daemon=True).start()
        except RuntimeError as error:   # there are too many
            raise _as_glib_error(error, f'Cannot connect to {uri}') from error
        return True

    def _open(self, operation, uri):
        cancellable = operation.get_cancellable() or Gio.Cancellable.new()
        try:
            _make_room(cancellable)
            operation.return_stream(self.open_stream(operation.get_uri(), cancellable))
        except BaseException as error:
            operation.return_error(_as_glib_error(error, f'Cannot connect to {uri}', UNHEARD))

    def do_listen(self, listener, operation):
        uri = _shown(operation.get_uri())
        self._pid, self._stopped, self._lock = os.getpid(), Gio.Cancellable.new(), threading.RLock()
        # Not the listener itself: dropping it is what stops listening.
        self._weak = listener.weak_ref()
        try:
            _make_room(self._stopped)
            self.start_listening(operation.get_uri())
            self._start(listener, uri)
        except Exception as error:
            raise _as_glib_error(error, f'Cannot listen at {uri}') from error
        operation.return_done()
        return True

    def _start(self, listener, uri):
        thread = threading.Thread(target=self._serve, args=(uri,), name=f'listening at {uri}', daemon=True)
        try:
            thread.start()
        except RuntimeError:    # there are too many
            self.stop_listening()
            raise
        listener._accepting = thread

    def do_unlisten(self, listener):
        if os.getpid() != self._pid:
            return      # the listener is that of the process which forked this one
        # PyGObject's weak references are not made for threads: dropped now, while the listener lives.
        with self._lock:
            self._weak = lambda: None
        self._stopped.cancel()

    def _listener(self):
        with self._lock:
            return self._weak()

    def _serve(self, uri):
        failed = None
        try:
            self._accept_all()
        except BaseException as error:
            if not self._stopped.is_cancelled():
                failed = _as_glib_error(error, f'Cannot listen at {uri} any more')
        try:
            self.stop_listening()
        except BaseException as error:
            _print(error)
        # Now, for who hears of it may listen there again.
        listener = self._listener() if failed else None
        if listener is not None:
            listener.fail(failed)

    def _accept_all(self):
        pause = FIRST_PAUSE
        while not self._stopped.is_cancelled():
            try:
                stream = self.accept_stream(self._stopped)
            except (GLib.Error, OSError) as error:
                if not _is_passing(error):
                    raise
                GLib.usleep(round(pause * 1e6))
                pause = min(2 * pause, LONGEST_PAUSE)
                continue
            pause = FIRST_PAUSE
            if stream is not None:
                self._deliver(stream)
            del stream      # nothing is kept while the next is waited for

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
                _print(error)
