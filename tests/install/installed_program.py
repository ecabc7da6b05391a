#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The installed typelib: a round trip over each address given."""

import sys

import gi

gi.require_version('Chan', '1')
from gi.repository import Chan, GLib  # noqa: E402

for address in sys.argv[1:]:
    listener = Chan.listen(address, None)
    client = Chan.connect(listener.get_uri(), None)
    server = listener.accept(None)
    sender = client.open_channel('greetings')
    sender.send(Chan.Message.new(GLib.Variant('s', 'hello')), None)
    body = server.accept_channel(None).receive(None).get_body()
    print(f'{address}: {body.get_string()}')
