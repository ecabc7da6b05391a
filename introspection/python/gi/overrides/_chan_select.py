# SPDX-License-Identifier: LGPL-2.1-or-later
"""What select() chooses from: a list of (end, message), in which the message of a receiver is None."""

import random

from gi.module import get_introspection_module
from gi.repository import Gio, GLib

Chan = get_introspection_module('Chan')

_try_send = Chan.Sender.try_send
_try_receive = Chan.Receiver.try_receive
_TAKEN = (Chan.Take.MESSAGE, Chan.Take.CLOSED)


def is_full(error):
    return error.matches(Gio.io_error_quark(), Gio.IOErrorEnum.WOULD_BLOCK)


def try_cases(listed):
    """(end, message) of the first that can be done, beginning anywhere, so that none starves; None if none can."""
    first = random.randrange(len(listed))
    for end, message in listed[first:] + listed[:first]:
        try:
            if message is None:
                take, received = _try_receive(end)
                if take in _TAKEN:
                    return end, received
            elif _try_send(end, message):
                return end, None
        except GLib.Error as error:
            if not is_full(error):
                error.end = end
                raise
    return None


def selector_for(listed):
    selector = Chan.Selector.new()
    for end, message in listed:
        if message is None:
            selector.add_receiver(end)
        else:
            selector.add_sender(end, message)

    def selected(index):
        end, message = listed[index]
        try:
            received = selector.steal_message()
        except GLib.Error as error:
            error.end = end
            raise
        return end, received if message is None else None

    return selector, selected
