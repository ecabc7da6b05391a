/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libchan-glib/chan-error.h>

#include "libchan-glib/wire/chan-codec.h"

G_BEGIN_DECLS

/* "82 a1 61": spaces are free */
GBytes  *codec_hex             (const char *text);
/* The text form of a GVariant, with its type if given; transfer full. */
GVariant *codec_parse          (const char *type, const char *text);

/* Encodes or aborts the test. */
GBytes  *codec_encode          (ChanSpdyDialect dialect, GVariant *body,
                                const ChanWireHandle *handles, gsize n_handles);
/* Encodes and expects this error. */
void     codec_encode_fails    (ChanSpdyDialect dialect, GVariant *body,
                                const ChanWireHandle *handles, gsize n_handles,
                                const ChanLimits *limits, ChanChannelError code);
/* Decodes one message in pieces of `step` bytes, and expects all bytes to be used. */
void     codec_decode          (ChanSpdyDialect dialect, GBytes *data, gsize step, ChanDecoded *ret);
/* Decodes the first message of `data` as a GVariant, whole. */
GVariant *codec_decode_variant (ChanSpdyDialect dialect, GBytes *data);
/* Decodes whole and byte by byte, and expects this error from both. */
void     codec_decode_fails    (ChanSpdyDialect dialect, GBytes *data,
                                const ChanLimits *limits, ChanChannelError code);
void     codec_decoded_clear   (ChanDecoded *self);

void     codec_assert_bytes    (GBytes *a, GBytes *b);
/* Equal, of one type, also where g_variant_equal() would compare NaN. */
void     codec_assert_same     (GVariant *a, GVariant *b);
/* A value of at most about `size` values that any dialect can carry both ways
 * unchanged (as msgpack reads), or of any type. */
GVariant *codec_random_plain   (GRand *rand, guint size);
GVariant *codec_random_typed   (GRand *rand, guint size);
/* Resident memory of this process at its highest, in bytes. */
gsize    codec_peak_memory     (void);

G_END_DECLS
