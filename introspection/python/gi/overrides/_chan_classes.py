# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes the classes of what the library gives, before there are threads.

PyGObject makes a class when it is first asked for. Of two threads that ask at once each gets one, and what one of them is
given is no object of the other's: “Expected GLib.Bytes, but got gi.repository.GLib.Bytes”. For a class that is in no
typelib an object has to be asked for it.
"""

from gi.repository import Gio, GLib

OF_GLIB = ('Bytes', 'Error', 'MainContext', 'MainLoop', 'Source', 'Variant', 'VariantType')
OF_GIO = ('AsyncResult', 'Cancellable', 'File', 'FileInputStream', 'FileOutputStream', 'FilterInputStream', 'FilterOutputStream',
          'InputStream', 'IOStream', 'OutputStream', 'PollableInputStream', 'PollableOutputStream', 'SimpleIOStream', 'Task',
          'UnixInputStream', 'UnixOutputStream')


def make(chan):
    for module, names in ((GLib, OF_GLIB), (Gio, OF_GIO), (chan, dir(chan))):
        for name in names:
            getattr(module, name)
    for stream in chan.byte_pipe_new():
        stream.get_input_stream()
        stream.get_output_stream()
