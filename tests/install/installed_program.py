#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The installed typelib and overrides: a round trip over each address given."""

import sys

import gi

gi.require_version('Chan', '1')
from gi.repository import Chan  # noqa: E402

for address in sys.argv[1:]:
    listener = Chan.listen(address, None)
    client = Chan.connect(listener.get_uri(), None)
    server = listener.accept(None)
    sender = client.open_channel('greetings')
    sender.send({'greeting': 'hello'})
    message = server.accept_channel().receive()
    print(f'{address}: {message["greeting"]}')
