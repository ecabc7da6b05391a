/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-spdy-frame.h"

guint8 *
chan_spdy_pack_control (guint8 *at, guint16 type, guint8 flags, guint32 length)
{
  at = chan_spdy_put_u32 (at, 0x80000000u | CHAN_SPDY_VERSION << 16 | type);
  return chan_spdy_put_u32 (at, (guint32) flags << 24 | length);
}

guint8 *
chan_spdy_pack_syn_stream (guint8 *at, guint32 stream_id, guint32 associated, guint32 block_length)
{
  guint8 flags = associated != 0 ? CHAN_SPDY_FLAG_UNIDIRECTIONAL : 0;

  at = chan_spdy_pack_control (at, CHAN_SPDY_SYN_STREAM, flags, CHAN_SPDY_SYN_STREAM_FIXED + block_length);
  at = chan_spdy_put_u32 (at, stream_id);
  at = chan_spdy_put_u32 (at, associated);
  *at++ = 0;                      /* priority */
  *at++ = 0;                      /* slot */
  return at;
}

guint8 *
chan_spdy_pack_syn_reply (guint8 *at, guint32 stream_id, guint32 block_length)
{
  at = chan_spdy_pack_control (at, CHAN_SPDY_SYN_REPLY, 0, CHAN_SPDY_SYN_REPLY_FIXED + block_length);
  return chan_spdy_put_u32 (at, stream_id);
}

guint8 *
chan_spdy_pack_pair (guint8 *at, guint16 type, guint32 first, guint32 second)
{
  at = chan_spdy_pack_control (at, type, 0, 8);
  at = chan_spdy_put_u32 (at, first);
  return chan_spdy_put_u32 (at, second);
}

guint8 *
chan_spdy_pack_ping (guint8 *at, guint32 ping_id)
{
  at = chan_spdy_pack_control (at, CHAN_SPDY_PING, 0, 4);
  return chan_spdy_put_u32 (at, ping_id);
}

guint8 *
chan_spdy_pack_settings (guint8 *at, guint32 initial_window, guint32 features, guint32 session_fds)
{
  guint32 n = (features & CHAN_SPDY_FEATURE_FDS) != 0 ? 3 : 2;

  at = chan_spdy_pack_control (at, CHAN_SPDY_SETTINGS, 0, 4 + n * 8);
  at = chan_spdy_put_u32 (at, n);
  /* INITIAL_WINDOW_SIZE comes first: jschan looks no further. */
  at = chan_spdy_put_u32 (at, CHAN_SPDY_SETTING_INITIAL_WINDOW_SIZE);
  at = chan_spdy_put_u32 (at, initial_window);
  at = chan_spdy_put_u32 (at, CHAN_SPDY_SETTING_FEATURES);
  at = chan_spdy_put_u32 (at, features);
  if (n == 2)
    return at;
  at = chan_spdy_put_u32 (at, CHAN_SPDY_SETTING_SESSION_FDS);
  return chan_spdy_put_u32 (at, session_fds);
}

int
chan_spdy_settings_count (const guint8 *payload, gsize len)
{
  guint32 count;

  if (len < 4 || (len - 4) % 8 != 0)
    return -1;
  count = chan_spdy_get_u32 (payload);
  return count == (len - 4) / 8 ? (int) count : -1;
}

void
chan_spdy_settings_get (const guint8 *payload, guint index, ChanSpdySetting *ret)
{
  const guint8 *entry = payload + 4 + 8 * (gsize) index;
  guint32 first = chan_spdy_get_u32 (entry);

  ret->flags = (guint8) (first >> 24);
  ret->id = first & 0xffffff;
  ret->value = chan_spdy_get_u32 (entry + 4);
}
