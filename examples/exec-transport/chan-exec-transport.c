/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A transport outside the library: exec:/PROGRAM starts a program and talks to
 * it over its standard input and output. The program may be a script that calls
 * ssh. docs/new-transport.md says what each part is for. */
#include <gio/gio.h>
#include <libchan-glib/chan-error.h>
#include <libchan-glib/chan-stream-io.h>
#include <libchan-glib/chan-stream-link.h>
#include <libchan-glib/chan-transport.h>

#define EXEC_TYPE_TRANSPORT (exec_transport_get_type ())
G_DECLARE_FINAL_TYPE (ExecTransport, exec_transport, EXEC, TRANSPORT, GObject)

struct _ExecTransport
{
  GObject parent_instance;
};

static void exec_transport_iface_init (ChanTransportInterface *iface);

G_DEFINE_DYNAMIC_TYPE_EXTENDED (ExecTransport, exec_transport, G_TYPE_OBJECT, G_TYPE_FLAG_FINAL,
                                G_IMPLEMENT_INTERFACE_DYNAMIC (CHAN_TYPE_TRANSPORT, exec_transport_iface_init))

/* Must not block: starting a program does not. */
static gboolean
exec_open_link (ChanTransport *transport, ChanOperation *operation, GError **error)
{
  const char *program = g_uri_get_path (chan_operation_get_uri (operation));
  g_autoptr (GSubprocess) child = NULL;
  g_autoptr (GIOStream) stream = NULL;
  g_autoptr (ChanLink) link = NULL;
  ChanByteIO *io;

  if (!g_path_is_absolute (program))
    {
      g_set_error_literal (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_BAD_CONFIG, "A program is written exec:/PATH, with the whole path");
      return FALSE;
    }
  child = g_subprocess_new (G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE, error, program, NULL);
  if (child == NULL)
    return FALSE;
  stream = g_simple_io_stream_new (g_subprocess_get_stdout_pipe (child), g_subprocess_get_stdin_pipe (child));
  io = chan_stream_io_new (stream, error);
  if (io == NULL)
    return FALSE;
  link = chan_stream_link_new (io, CHAN_SESSION_CLIENT, chan_operation_get_options (operation), error);
  if (link == NULL)
    return FALSE;
  chan_operation_return_link (operation, link);
  return TRUE;
}

static gboolean
exec_listen (ChanTransport *transport, ChanListener *listener, ChanOperation *operation, GError **error)
{
  g_set_error_literal (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_UNSUPPORTED,
                       "Nobody listens at exec: addresses; the program that is started serves its standard input and output");
  return FALSE;
}

static void
exec_unlisten (ChanTransport *transport, ChanListener *listener)
{
}

static void
exec_transport_iface_init (ChanTransportInterface *iface)
{
  iface->open_link = exec_open_link;
  iface->listen = exec_listen;
  iface->unlisten = exec_unlisten;
}

static void
exec_transport_class_init (ExecTransportClass *klass)
{
}

static void
exec_transport_class_finalize (ExecTransportClass *klass)
{
}

static void
exec_transport_init (ExecTransport *self)
{
}

/* The entry points of a GIO module: libchantransport-exec.so has g_io_chantransport_exec_*() */
G_MODULE_EXPORT void   g_io_chantransport_exec_load   (GIOModule *module);
G_MODULE_EXPORT void   g_io_chantransport_exec_unload (GIOModule *module);
G_MODULE_EXPORT char **g_io_chantransport_exec_query  (void);

void
g_io_chantransport_exec_load (GIOModule *module)
{
  g_type_module_use (G_TYPE_MODULE (module));
  exec_transport_register_type (G_TYPE_MODULE (module));
  g_io_extension_point_implement (CHAN_TRANSPORT_EXTENSION_POINT_NAME, EXEC_TYPE_TRANSPORT, "exec", 10);
}

void
g_io_chantransport_exec_unload (GIOModule *module)
{
}

char **
g_io_chantransport_exec_query (void)
{
  static const char *const points[] = { CHAN_TRANSPORT_EXTENSION_POINT_NAME, NULL };

  return g_strdupv ((char **) points);
}
