/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-body.h"

G_BEGIN_DECLS

/* The head of a message in the GLIB dialect (docs/wire-messages.md, "GLIB"):
 *
 *   msgpack ext head, code 0x4C    payload length
 *   u8 version (1)
 *   u8 length, type string         one complete, definite GVariant type
 *   u8 n, then n times: u8 kind, u64 ref (big endian)
 *   serialised GVariant            little endian, normal form, to the ext's end
 */

#define CHAN_GLIB_EXT 0x4c
#define CHAN_GLIB_VERSION 1
#define CHAN_GLIB_HANDLE_SIZE 9
/* ext32 head, version, type, handles */
#define CHAN_GLIB_HEAD_MAX (6 + 1 + 1 + 255 + 1 + 255 * CHAN_GLIB_HANDLE_SIZE)

typedef struct
{
  gsize head_len;        /* bytes before the body */
  gsize body_len;
  const char *type;      /* borrowed, not NUL-terminated */
  gsize type_len;
  const guint8 *handles; /* borrowed: the table */
  guint n_handles;
} ChanGlibHead;

typedef enum
{
  CHAN_GLIB_HEAD_MORE, /* *need bytes must be there to go on */
  CHAN_GLIB_HEAD_DONE,
  CHAN_GLIB_HEAD_ERROR,
} ChanGlibHeadResult;

ChanGlibHeadResult chan_glib_head_read         (ChanGlibHead     *ret,
                                                const guint8     *data,
                                                gsize             len,
                                                const ChanLimits *limits,
                                                gsize            *need,
                                                GError          **error);
/* The table as an array to g_free(); NULL if there are none. */
ChanWireHandle    *chan_glib_head_dup_handles  (const ChanGlibHead *self);
gsize              chan_glib_head_length       (gsize type_len, gsize n_handles, gsize body_len);
/* Returns that length, for which `data` must have room. */
gsize              chan_glib_head_write        (guint8               *data,
                                                const char           *type,
                                                gsize                 type_len,
                                                const ChanWireHandle *handles,
                                                gsize                 n_handles,
                                                gsize                 body_len);

G_END_DECLS
