/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plays the scenarios of README.md in both roles, with the public API only:
 *
 *   interop-peer serve URI            prints its URI, then one line for each request and each session that is over
 *   interop-peer call URI SCENARIO    prints one line, and exits with 0 if everything was right */
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "interop-script.h"

static const Scenario *const tables[] = { value_scenarios, channel_scenarios, end_scenarios, stream_scenarios };

static const Scenario *
find_scenario (const char *name, gboolean to_call)
{
  for (gsize i = 0; i < G_N_ELEMENTS (tables); i++)
    for (const Scenario *scenario = tables[i]; scenario->name != NULL; scenario++)
      if (strcmp (scenario->name, name) == 0 && (to_call ? scenario->call : scenario->serve) != NULL)
        return scenario;
  return NULL;
}

static void
say (const char *what, const char *verdict)
{
  printf ("%s %s\n", what, verdict);
  fflush (stdout);
}

/* --- serve --- */

static gpointer
channel_thread (gpointer data)
{
  Script *self = data;
  g_autoptr (ChanReceiver) channel = self->channel;
  g_autoptr (ChanSession) session = self->session;
  g_autoptr (ChanMessage) request = NULL;
  g_autoptr (GVariant) name = NULL;
  const Scenario *scenario;

  script_name_thread ("request");
  request = self->request = receive (channel);
  name = message_value (request, "Scenario");
  script_check (g_variant_is_of_type (name, G_VARIANT_TYPE_STRING), "the name of the scenario is no string");
  scenario = find_scenario (g_variant_get_string (name, NULL), FALSE);
  script_check (scenario != NULL, "unknown scenario");
  script_name_thread (scenario->name);
  scenario->serve (self);
  expect_end (channel);
  say (scenario->name, "ok");
  g_free (self);
  return NULL;
}

static gpointer
session_thread (gpointer data)
{
  g_autoptr (ChanSession) session = data;
  g_autoptr (GError) error = NULL;
  ChanReceiver *channel;

  while ((channel = chan_session_accept_channel (session, NULL, &error)) != NULL)
    {
      Script *script = g_new0 (Script, 1);

      script->session = g_object_ref (session);
      script->channel = channel;
      g_thread_unref (g_thread_new ("channel", channel_thread, script));
    }
  if (error != NULL)
    printf ("session failed: %s\n", error->message);
  else
    printf ("session over\n");
  fflush (stdout);
  return NULL;
}

static void G_GNUC_NORETURN
serve (const char *uri)
{
  GError *error = NULL;
  ChanListener *listener = chan_listen (uri, NULL, &error);

  script_must (error);
  printf ("%s\n", chan_listener_get_uri (listener));
  fflush (stdout);
  for (;;)
    {
      ChanSession *session = chan_listener_accept (listener, NULL, &error);

      script_must (error);
      g_thread_unref (g_thread_new ("session", session_thread, session));
    }
}

/* --- call --- */

static int
call (const char *uri, const char *name)
{
  g_autoptr (GPtrArray) channels = g_ptr_array_new_with_free_func (g_object_unref);
  const Scenario *scenario = find_scenario (name, TRUE);
  Script script = { .uri = uri, .channels = channels };

  script_name_thread (name);
  script_check (scenario != NULL, "unknown scenario");
  scenario->call (&script);
  script_finish (&script);
  g_clear_object (&script.session);
  say (name, "ok");
  return 0;
}

int
main (int argc, char **argv)
{
  setlocale (LC_ALL, "");
  if (argc == 3 && strcmp (argv[1], "serve") == 0)
    serve (argv[2]);
  if (argc == 4 && strcmp (argv[1], "call") == 0)
    return call (argv[2], argv[3]);
  g_printerr ("usage: interop-peer serve URI | interop-peer call URI SCENARIO\n");
  return 2;
}
