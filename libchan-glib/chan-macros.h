/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Symbols are hidden unless marked with this. */
#define CHAN_API __attribute__ ((visibility ("default"))) extern
