/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* SPDY/3 frames, section 2.2: to and from bytes, without any state. */

#define CHAN_SPDY_HEAD_SIZE 8
#define CHAN_SPDY_VERSION 3
#define CHAN_SPDY_ID_MAX 0x7fffffffu
#define CHAN_SPDY_LENGTH_MAX 0xffffffu

typedef enum
{
  CHAN_SPDY_SYN_STREAM = 1,
  CHAN_SPDY_SYN_REPLY = 2,
  CHAN_SPDY_RST_STREAM = 3,
  CHAN_SPDY_SETTINGS = 4,
  CHAN_SPDY_PING = 6,
  CHAN_SPDY_GOAWAY = 7,
  CHAN_SPDY_HEADERS = 8,
  CHAN_SPDY_WINDOW_UPDATE = 9,
  /* Ours, between GLIB peers only: to others an unknown type is fatal. */
  CHAN_SPDY_TAKEN = 0x4c01, /* u32 stream id, u32 cumulative count of messages taken */
  CHAN_SPDY_ABORT = 0x4c02, /* u32 stream id, u32 ChanChannelError, UTF-8 text to the end of the frame */
  CHAN_SPDY_STOP = 0x4c03,  /* the same: the sender of this reads no more, but may write */
  CHAN_SPDY_FDS = 0x4c04,   /* u32 stream id, u32 count of file descriptors that come with its first byte */
} ChanSpdyType;

#define CHAN_SPDY_FLAG_FIN 0x01
#define CHAN_SPDY_FLAG_UNIDIRECTIONAL 0x02

#define CHAN_SPDY_SETTING_INITIAL_WINDOW_SIZE 7u
/* Ours: the value is the mask of features. Ignored by Go and Node peers. */
#define CHAN_SPDY_SETTING_FEATURES 0x4c4331u
#define CHAN_SPDY_FEATURE_BASE 1u
#define CHAN_SPDY_FEATURE_FDS 2u /* file descriptors may be sent here with SCM_RIGHTS */
/* Ours: how many of them may be here that the application has not taken. */
#define CHAN_SPDY_SETTING_SESSION_FDS 0x4c4332u

#define CHAN_SPDY_ABORT_TEXT_MAX 256
/* What can go with one byte. */
#define CHAN_SPDY_FDS_MAX 253

/* Payload before the header block. */
#define CHAN_SPDY_SYN_STREAM_FIXED 10
#define CHAN_SPDY_SYN_REPLY_FIXED 4

/* What the first eight bytes say. */
typedef struct
{
  gboolean control;
  guint16 version;   /* control frames */
  guint16 type;      /* control frames */
  guint32 stream_id; /* DATA */
  guint8 flags;
  guint32 length;    /* of the payload */
} ChanSpdyHead;

static inline guint32
chan_spdy_get_u32 (const guint8 *data)
{
  return (guint32) data[0] << 24 | (guint32) data[1] << 16 | (guint32) data[2] << 8 | data[3];
}

static inline guint8 *
chan_spdy_put_u32 (guint8 *at, guint32 value)
{
  at[0] = (guint8) (value >> 24);
  at[1] = (guint8) (value >> 16);
  at[2] = (guint8) (value >> 8);
  at[3] = (guint8) value;
  return at + 4;
}

static inline void
chan_spdy_head_unpack (ChanSpdyHead *ret, const guint8 data[CHAN_SPDY_HEAD_SIZE])
{
  guint32 first = chan_spdy_get_u32 (data);
  guint32 second = chan_spdy_get_u32 (data + 4);

  ret->control = first >> 31;
  ret->version = (guint16) ((first >> 16) & 0x7fff);
  ret->type = (guint16) first;
  ret->stream_id = first & CHAN_SPDY_ID_MAX;
  ret->flags = (guint8) (second >> 24);
  ret->length = second & CHAN_SPDY_LENGTH_MAX;
}

/* Each writes a frame, or the part of it before a variable end, and returns
 * the byte after what it wrote. */
static inline guint8 *
chan_spdy_pack_data (guint8 *at, guint32 stream_id, guint8 flags, guint32 length)
{
  at = chan_spdy_put_u32 (at, stream_id);
  return chan_spdy_put_u32 (at, (guint32) flags << 24 | length);
}

guint8  *chan_spdy_pack_control       (guint8 *at, guint16 type, guint8 flags, guint32 length);
/* PUSH, if it is associated with a stream. */
guint8  *chan_spdy_pack_syn_stream    (guint8 *at, guint32 stream_id, guint32 associated, guint32 block_length);
guint8  *chan_spdy_pack_syn_reply     (guint8 *at, guint32 stream_id, guint32 block_length);
/* RST_STREAM, GOAWAY, WINDOW_UPDATE, TAKEN, FDS: two numbers. */
#define CHAN_SPDY_PAIR_SIZE (CHAN_SPDY_HEAD_SIZE + 8)
guint8  *chan_spdy_pack_pair          (guint8 *at, guint16 type, guint32 first, guint32 second);
#define CHAN_SPDY_PING_SIZE (CHAN_SPDY_HEAD_SIZE + 4)
guint8  *chan_spdy_pack_ping          (guint8 *at, guint32 ping_id);
#define CHAN_SPDY_SETTINGS_SIZE (CHAN_SPDY_HEAD_SIZE + 4 + 3 * 8)
/* session_fds is said with CHAN_SPDY_FEATURE_FDS only */
guint8  *chan_spdy_pack_settings      (guint8 *at, guint32 initial_window, guint32 features, guint32 session_fds);

typedef struct
{
  guint32 id;
  guint8 flags;
  guint32 value;
} ChanSpdySetting;

/* Entries in the payload of SETTINGS; -1: the count it declares is a lie. */
int      chan_spdy_settings_count     (const guint8 *payload, gsize len);
void     chan_spdy_settings_get       (const guint8 *payload, guint index, ChanSpdySetting *ret);

G_END_DECLS
