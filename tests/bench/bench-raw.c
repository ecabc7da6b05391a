/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bench.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bench-socket.h"

/* What the sockets themselves can do: blocking read() and write(). */

#define BLOCK 65536

int
bench_socket_listen (const BenchItem *item, char *address, gsize len)
{
  struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  struct sockaddr_un un = { .sun_family = AF_UNIX };
  gboolean local = g_str_equal (item->transport, "unix");
  int fd = socket (local ? AF_UNIX : AF_INET, SOCK_STREAM, 0);
  socklen_t in_len = sizeof in;

  g_snprintf (un.sun_path, sizeof un.sun_path, "%s/raw-%d", bench_directory, getpid ());
  if (bind (fd, local ? (struct sockaddr *) &un : (struct sockaddr *) &in, local ? sizeof un : sizeof in) < 0 || listen (fd, 1) < 0)
    bench_fail ("listen", NULL);
  if (local)
    g_strlcpy (address, un.sun_path, len);
  else
    {
      getsockname (fd, (struct sockaddr *) &in, &in_len);
      g_snprintf (address, (gulong) len, "%d", ntohs (in.sin_port));
    }
  return fd;
}

static void
prepare (int fd)
{
  int one = 1, buffer = 200 * 1024;

  setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  setsockopt (fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
}

int
bench_socket_accept (int fd)
{
  int peer = accept (fd, NULL, NULL);

  prepare (peer);
  return peer;
}

int
bench_socket_connect (const BenchItem *item, const char *address)
{
  struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK), .sin_port = htons ((guint16) atoi (address)) };
  struct sockaddr_un un = { .sun_family = AF_UNIX };
  gboolean local = g_str_equal (item->transport, "unix");
  int fd = socket (local ? AF_UNIX : AF_INET, SOCK_STREAM, 0);

  g_strlcpy (un.sun_path, address, sizeof un.sun_path);
  if (connect (fd, local ? (struct sockaddr *) &un : (struct sockaddr *) &in, local ? sizeof un : sizeof in) < 0)
    bench_fail ("connect", NULL);
  prepare (fd);
  return fd;
}

static gboolean
read_all (int fd, char *buffer, gsize len)
{
  for (gsize done = 0; done < len;)
    {
      gssize n = read (fd, buffer + done, len - done);

      if (n <= 0)
        return FALSE;
      done += (gsize) n;
    }
  return TRUE;
}

static void
write_all (int fd, const char *buffer, gsize len)
{
  for (gsize done = 0; done < len;)
    {
      gssize n = write (fd, buffer + done, len - done);

      if (n < 0)
        bench_fail ("write", NULL);
      done += (gsize) n;
    }
}

static void
serve (const BenchItem *item, int control)
{
  static char buffer[BLOCK];
  char address[256];
  int listener = bench_socket_listen (item, address, sizeof address), fd;

  bench_say (control, address);
  fd = bench_socket_accept (listener);
  if (g_str_equal (item->mode, "echo"))
    while (read_all (fd, buffer, item->size))
      write_all (fd, buffer, item->size);
  for (guint64 left = item->n * item->size; left > 0;)
    {
      gssize n = read (fd, buffer, sizeof buffer);

      if (n <= 0)
        return;
      left -= (guint64) n;
    }
  write_all (fd, "!", 1);
  pause ();
}

static double
ping_pong (const BenchItem *item, const char *address)
{
  char buffer[64] = "";
  int fd = bench_socket_connect (item, address);
  double start = bench_seconds ();

  for (guint64 i = 0; i < item->n; i++)
    {
      write_all (fd, buffer, item->size);
      if (!read_all (fd, buffer, item->size))
        bench_fail ("read", NULL);
    }
  return bench_value (item, bench_seconds () - start);
}

/* Small ones are copied into blocks first, as any good program would. */
static double
one_way (const BenchItem *item, const char *address)
{
  static char block[BLOCK], one[BLOCK];
  int fd = bench_socket_connect (item, address);
  double start = bench_seconds ();
  gsize used = 0;

  for (guint64 i = 0; i < item->n; i++)
    {
      if (item->size == BLOCK)
        {
          write_all (fd, one, BLOCK);
          continue;
        }
      memcpy (block + used, one, item->size);
      used += item->size;
      if (used + item->size > BLOCK || i == item->n - 1)
        {
          write_all (fd, block, used);
          used = 0;
        }
    }
  if (!read_all (fd, block, 1))
    bench_fail ("read", NULL);
  return bench_value (item, bench_seconds () - start);
}

#define RAW(NAME, TRANSPORT, UNIT, ONE, LESS, N, SIZE, MODE, RUN) \
  { NAME, NULL, UNIT, TRANSPORT, ONE, LESS, N, SIZE, MODE, serve, RUN }

static const BenchItem items[] = {
  RAW ("raw-tcp-ping-pong", "tcp", "µs", TRUE, TRUE, 30000, 64, "echo", ping_pong),
  RAW ("raw-unix-ping-pong", "unix", "µs", TRUE, TRUE, 30000, 64, "echo", ping_pong),
  RAW ("raw-tcp-one-way", "tcp", "M/s", FALSE, FALSE, 30000000, 64, "sink", one_way),
  RAW ("raw-unix-one-way", "unix", "M/s", FALSE, FALSE, 30000000, 64, "sink", one_way),
  RAW ("raw-tcp-bulk", "tcp", "MB/s", FALSE, FALSE, 40000, BLOCK, "sink", one_way),
  RAW ("raw-unix-bulk", "unix", "MB/s", FALSE, FALSE, 40000, BLOCK, "sink", one_way),
};

const BenchItem *
bench_raw_items (guint *n)
{
  *n = G_N_ELEMENTS (items);
  return items;
}
