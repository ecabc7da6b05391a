/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bench.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Two processes, pinned, and what they cost. */

double
bench_seconds (void)
{
  return (double) g_get_monotonic_time () / G_USEC_PER_SEC;
}

double
bench_value (const BenchItem *item, double seconds)
{
  double n = (double) item->n;

  if (g_str_equal (item->unit, "µs"))
    return seconds * 1e6 / n;
  if (g_str_equal (item->unit, "ns"))
    return seconds * 1e9 / n;
  if (g_str_equal (item->unit, "MB/s"))
    return n * (double) item->size / 1e6 / seconds;
  return n / 1e6 / seconds;
}

void
bench_say (int control, const char *address)
{
  g_autofree char *line = g_strconcat (address, "\n", NULL);

  if (write (control, line, strlen (line)) < 0)
    bench_fail ("write", NULL);
}

void
bench_fail (const char *what, const GError *error)
{
  fprintf (stderr, "chan-bench: %s: %s\n", what, error != NULL ? error->message : g_strerror (errno));
  _exit (1);
}

static void
pin (int cpu)
{
  cpu_set_t set;

  CPU_ZERO (&set);
  CPU_SET (cpu, &set);
  if (sysconf (_SC_NPROCESSORS_ONLN) > 1)
    sched_setaffinity (0, sizeof set, &set);
}

static double
cpu_of (int who)
{
  struct rusage usage;

  getrusage (who, &usage);
  return (double) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 + (double) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static pid_t
start_server (const BenchItem *item, int out, char *address, gsize len)
{
  int fds[2];
  gsize n = 0;
  pid_t pid;

  if (pipe (fds) < 0 || (pid = fork ()) < 0)
    bench_fail ("fork", NULL);
  if (pid == 0)
    {
      /* It must not outlive its client, nor keep its result open. */
      prctl (PR_SET_PDEATHSIG, SIGKILL);
      close (out);
      close (fds[0]);
      pin (item->one_core ? 0 : 1);
      item->serve (item, fds[1]);
      _exit (0);
    }
  close (fds[1]);
  while (n < len - 1 && read (fds[0], address + n, 1) == 1 && address[n] != '\n')
    n++;
  address[n] = '\0';
  close (fds[0]);
  if (n == 0)
    _exit (1);
  return pid;
}

static void
run_here (const BenchItem *item, int out)
{
  char address[512] = "";
  pid_t pid = item->serve != NULL ? start_server (item, out, address, sizeof address) : 0;
  BenchResult result;

  /* Two threads that are measured need two CPUs, as two processes do. */
  if (item->serve != NULL || item->one_core)
    pin (0);
  alarm (60);
  result.value = item->run (item, address);
  if (pid > 0)
    {
      kill (pid, SIGKILL);
      waitpid (pid, NULL, 0);
    }
  result.cpu_us = (cpu_of (RUSAGE_SELF) + cpu_of (RUSAGE_CHILDREN)) / (double) item->n;
  if (write (out, &result, sizeof result) != sizeof result)
    _exit (1);
  _exit (0);
}

gboolean
bench_measure (const BenchItem *item, BenchResult *ret)
{
  int fds[2];
  gssize n;
  pid_t pid;

  if (pipe (fds) < 0 || (pid = fork ()) < 0)
    bench_fail ("fork", NULL);
  if (pid == 0)
    {
      setpgid (0, 0);
      close (fds[0]);
      run_here (item, fds[1]);
    }
  close (fds[1]);
  n = read (fds[0], ret, sizeof *ret);
  close (fds[0]);
  waitpid (pid, NULL, 0);
  /* A server whose client failed */
  kill (-pid, SIGKILL);
  return n == sizeof *ret;
}
