/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <systemd/sd-bus.h>

#include "bench-dbus.h"

/* The same calls with sd-bus, which has no thread of its own. Built where libsystemd is. */

#define NAME "org.libchan.Bench"
#define IN_FLIGHT 64

static void
check (int result, const char *what)
{
  if (result < 0)
    {
      errno = -result;
      bench_fail (what, NULL);
    }
}

static sd_bus *
connect_to (const char *address)
{
  sd_bus *bus = NULL;

  check (sd_bus_new (&bus), "sd_bus_new");
  check (sd_bus_set_address (bus, address), "address");
  check (sd_bus_set_bus_client (bus, 1), "client");
  check (sd_bus_start (bus), "connect");
  return bus;
}

static int
called (sd_bus_message *message, void *data, sd_bus_error *error)
{
  sd_bus_message *reply = NULL;
  const void *bytes;
  size_t len;

  check (sd_bus_message_read_array (message, 'y', &bytes, &len), "read");
  check (sd_bus_message_new_method_return (message, &reply), "reply");
  check (sd_bus_message_append_array (reply, 'y', bytes, len), "append");
  check (sd_bus_send (NULL, reply, NULL), "send");
  sd_bus_message_unref (reply);
  return 1;
}

static void
serve (const BenchItem *item, int control)
{
  g_autofree char *address = bench_dbus_start ();
  sd_bus *bus = connect_to (address);

  check (sd_bus_add_object (bus, NULL, "/", called, NULL), "object");
  check (sd_bus_request_name (bus, NAME, 0), "name");
  bench_say (control, address);
  for (;;)
    {
      int done = sd_bus_process (bus, NULL);

      check (done, "process");
      if (done == 0)
        check (sd_bus_wait (bus, UINT64_MAX), "wait");
    }
}

static sd_bus_message *
new_call (const BenchItem *item, sd_bus *bus)
{
  g_autofree char *bytes = g_malloc0 (item->size);
  sd_bus_message *message = NULL;

  check (sd_bus_message_new_method_call (bus, &message, NAME, "/", NAME, "Echo"), "call");
  check (sd_bus_message_append_array (message, 'y', bytes, item->size), "append");
  return message;
}

static double
call (const BenchItem *item, const char *address)
{
  sd_bus *bus = connect_to (address);
  double start = bench_seconds ();

  for (guint64 i = 0; i < item->n; i++)
    {
      sd_bus_message *message = new_call (item, bus), *reply = NULL;

      check (sd_bus_call (bus, message, 0, NULL, &reply), "call");
      sd_bus_message_unref (reply);
      sd_bus_message_unref (message);
    }
  return bench_value (item, bench_seconds () - start);
}

static int
answered (sd_bus_message *message, void *data, sd_bus_error *error)
{
  --*(guint64 *) data;
  return 1;
}

static void
turn (sd_bus *bus)
{
  int done = sd_bus_process (bus, NULL);

  check (done, "process");
  if (done == 0)
    check (sd_bus_wait (bus, UINT64_MAX), "wait");
}

static double
calls (const BenchItem *item, const char *address)
{
  sd_bus *bus = connect_to (address);
  double start = bench_seconds ();
  guint64 waiting = 0;

  for (guint64 i = 0; i < item->n; i++)
    {
      sd_bus_message *message = new_call (item, bus);

      waiting++;
      check (sd_bus_call_async (bus, NULL, message, answered, &waiting, 0), "call");
      sd_bus_message_unref (message);
      while (waiting >= IN_FLIGHT)
        turn (bus);
    }
  while (waiting > 0)
    turn (bus);
  return bench_value (item, bench_seconds () - start);
}

static const BenchItem items[] = {
  { "sdbus-call", "gdbus-call", "µs", "bus", TRUE, TRUE, 3000, 64, "", serve, call },
  { "sdbus-calls", "gdbus-calls", "M/s", "bus", FALSE, FALSE, 20000, 64, "", serve, calls },
};

const BenchItem *
bench_sdbus_items (guint *n)
{
  *n = G_N_ELEMENTS (items);
  return items;
}
