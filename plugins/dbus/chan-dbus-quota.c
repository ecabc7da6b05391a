/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-dbus-quota.h"

/* A system bus takes 128, and others are made too. Whose peer has none unanswered may have one of the reserve, for others
 * may not be answered for long. */
#define CALLS_MAX 96
#define CALLS_RESERVE 24
/* What a peer may owe of sessions that are over: what one session may have. All together: CALLS_MAX, for who begins a
 * session after that could hardly call. */
#define OWED_MAX 32

struct _ChanDBusDebtor
{
  guint n_sessions;
  guint n_calls; /* unanswered, of all its sessions */
  guint n_owed;  /* and of these, of sessions that are over */
};

struct _ChanDBusQuota
{
  GHashTable *debtors; /* name → ChanDBusDebtor; those who have a session, or owe */
  guint n_calls, n_owed;
};

ChanDBusQuota *
chan_dbus_quota_new (void)
{
  ChanDBusQuota *self = g_new0 (ChanDBusQuota, 1);

  self->debtors = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  return self;
}

void
chan_dbus_quota_free (ChanDBusQuota *self)
{
  g_hash_table_unref (self->debtors);
  g_free (self);
}

static gboolean
is_done (gpointer name, gpointer debtor, gpointer which)
{
  return debtor == which;
}

static void
look_whether_done (ChanDBusQuota *self, ChanDBusDebtor *debtor)
{
  if (debtor->n_sessions == 0 && debtor->n_calls == 0)
    g_hash_table_foreach_remove (self->debtors, is_done, debtor);
}

ChanDBusDebtor *
chan_dbus_quota_begin (ChanDBusQuota *self, const char *name)
{
  ChanDBusDebtor *debtor = g_hash_table_lookup (self->debtors, name != NULL ? name : "");

  if (self->n_owed >= CALLS_MAX || (debtor != NULL && debtor->n_owed >= OWED_MAX))
    return NULL;
  if (debtor == NULL)
    {
      debtor = g_new0 (ChanDBusDebtor, 1);
      g_hash_table_insert (self->debtors, g_strdup (name != NULL ? name : ""), debtor);
    }
  debtor->n_sessions++;
  return debtor;
}

void
chan_dbus_quota_end (ChanDBusQuota *self, ChanDBusDebtor *debtor, guint n_calls)
{
  debtor->n_sessions--;
  debtor->n_owed += n_calls;
  self->n_owed += n_calls;
  look_whether_done (self, debtor);
}

gboolean
chan_dbus_quota_has_room (ChanDBusQuota *self)
{
  return self->n_calls < CALLS_MAX + CALLS_RESERVE;
}

gboolean
chan_dbus_quota_is_unused (ChanDBusQuota *self)
{
  return self->n_calls == 0;
}

gboolean
chan_dbus_quota_may_call (ChanDBusQuota *self, const ChanDBusDebtor *debtor, guint n_calls)
{
  /* One alone has half: who comes next finds something. */
  guint share = MAX (CALLS_MAX / MAX (g_hash_table_size (self->debtors), 2), 1);

  if (debtor->n_calls == 0)
    return chan_dbus_quota_has_room (self);
  if (self->n_calls >= CALLS_MAX || debtor->n_calls >= share)
    return FALSE;
  return n_calls == 0 || n_calls < MAX (share / debtor->n_sessions, 1);
}

void
chan_dbus_quota_call (ChanDBusQuota *self, ChanDBusDebtor *debtor)
{
  self->n_calls++;
  debtor->n_calls++;
}

void
chan_dbus_quota_answer (ChanDBusQuota *self, ChanDBusDebtor *debtor, gboolean is_over)
{
  self->n_calls--;
  debtor->n_calls--;
  if (is_over)
    {
      self->n_owed--;
      debtor->n_owed--;
    }
  look_whether_done (self, debtor);
}
