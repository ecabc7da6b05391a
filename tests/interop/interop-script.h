/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libchan-glib/libchan-glib.h>

G_BEGIN_DECLS

/* What the scripts of both roles are written with. Whatever goes wrong ends the program: script_fail() prints the
 * verdict. Handles are transferred to what they are put into. */

typedef struct
{
  const char *uri;          /* of the other side */
  ChanSession *session;
  GPtrArray *channels;      /* that the caller opened, with their sessions */
  ChanReceiver *channel;    /* of the request that is served */
  ChanMessage *request;
} Script;

typedef void (*ScriptFunc) (Script *self);

typedef struct
{
  const char *name;
  ScriptFunc call;          /* nullable */
  ScriptFunc serve;         /* nullable */
} Scenario;

extern const Scenario value_scenarios[];      /* all end with a name that is NULL */
extern const Scenario channel_scenarios[];
extern const Scenario end_scenarios[];
extern const Scenario stream_scenarios[];

void          script_fail         (const char *format, ...) G_GNUC_PRINTF (1, 2) G_GNUC_NORETURN;
void          script_check        (gboolean good, const char *format, ...) G_GNUC_PRINTF (2, 3);
void          script_must         (GError *error);
void          script_name_thread  (const char *name);
gint64        script_deadline     (void);

/* A message that is being made: values by key, handles by number. */
typedef struct
{
  GVariantDict dict;
  GPtrArray *handles;
} Draft;

void          draft_init          (Draft *self);
void          draft_put           (Draft *self, const char *key, GVariant *value);
gint32        draft_add           (Draft *self, gpointer handle);
void          draft_put_handle    (Draft *self, const char *key, gpointer handle);
void          draft_send          (Draft *self, ChanSender *to);

void          send_value          (ChanSender *to, GVariant *body);
void          send_parsed         (ChanSender *to, const char *format, ...);
void          close_sender        (ChanSender *sender);
ChanMessage  *receive             (ChanReceiver *from);
void          expect              (ChanReceiver *from, GVariant *want);
void          expect_parsed       (ChanReceiver *from, const char *format, ...);
void          expect_end          (ChanReceiver *from);
void          expect_body         (const char *what, GVariant *got, GVariant *want);

GVariant     *message_value       (ChanMessage *message, const char *key);
void          message_expect      (ChanMessage *message, const char *key, GVariant *want);
gpointer      message_take        (ChanMessage *message, const char *key, GType type);
gpointer      message_take_value  (ChanMessage *message, GVariant *value, GType type);

ChanSender   *script_ask          (Script *self, const char *scenario, Draft *draft, ChanReceiver **answers);
ChanSender   *script_ask_over     (Script *self, ChanSession *session, const char *scenario, Draft *draft, ChanReceiver **answers);
ChanSender   *script_reply_sender (Script *self);
void          script_finish       (Script *self);

GThread      *script_start        (GThreadFunc function, gpointer data);

G_END_DECLS
