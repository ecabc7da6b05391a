# SPDX-License-Identifier: LGPL-2.1-or-later
"""Asking and waiting for the answer in the main thread, where a signal may end each wait and then it goes on.

A request is therefore two steps: it is sent, which does not wait, or not until the channel was ready; and the channel
of the answer is waited for, which takes nothing, before the answer is taken.
"""

from gi.module import get_introspection_module
from gi.overrides import _chan_select as cases
from gi.overrides import _chan_wait as wait
from gi.repository import GLib

Chan = get_introspection_module('Chan')

_try_request = Chan.Sender.try_request
_try_receive = Chan.Receiver.try_receive
_wait_until = Chan.Receiver.wait_until
_TAKE_MESSAGE, _TAKE_EMPTY = Chan.Take.MESSAGE, Chan.Take.EMPTY


def _no_answer():
    return GLib.Error.new_literal(Chan.channel_error_quark(), 'The request was not answered: its return channel was closed',
                                  Chan.ChannelError.CLOSED)


def _ask(sender, message, reply_key, deadline, cancellable):
    """Where the answer will come, when there is room for the request."""
    while True:
        wait.until_ready([sender.create_source(cancellable)], deadline)
        wait.raise_if_cancelled(cancellable)
        try:
            return _try_request(sender, message, reply_key)
        except GLib.Error as error:
            if not cases.is_full(error):
                raise


def _answer(answers, deadline, cancellable):
    take = _TAKE_EMPTY
    try:
        while take == _TAKE_EMPTY:
            wait.until_readable(_wait_until, answers, deadline, cancellable)
            take, message = _try_receive(answers)
    except BaseException:
        # What was raised may keep the receiver for long.
        answers.close()
        raise
    if take == _TAKE_MESSAGE:
        return message
    raise _no_answer()


def request(sender, message, reply_key, deadline, cancellable):
    wait.raise_if_cancelled(cancellable)
    try:
        answers = _try_request(sender, message, reply_key)
    except GLib.Error as error:
        if not cases.is_full(error):
            raise
        if sender.get_capacity() == 0:
            # A rendezvous is made by the receiver, so that there is nothing to be ready for.
            return wait.until_finished(
                lambda own, done: Chan.Sender.request_async(sender, message, reply_key, GLib.PRIORITY_DEFAULT, own, done),
                sender.request_finish, cancellable, deadline)
        answers = _ask(sender, message, reply_key, deadline, cancellable)
    return _answer(answers, deadline, cancellable)
