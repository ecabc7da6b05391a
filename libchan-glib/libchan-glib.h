/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libchan-glib/chan-types.h>
#include <libchan-glib/chan-byte-stream.h>
#include <libchan-glib/chan-config.h>
#include <libchan-glib/chan-enum-types.h>
#include <libchan-glib/chan-error.h>
#include <libchan-glib/chan-fd.h>
#include <libchan-glib/chan-listener.h>
#include <libchan-glib/chan-message.h>
#include <libchan-glib/chan-pipe.h>
#include <libchan-glib/chan-receiver.h>
#include <libchan-glib/chan-selector.h>
#include <libchan-glib/chan-sender.h>
#include <libchan-glib/chan-session.h>
