// SPDX-License-Identifier: LGPL-2.1-or-later
// Where the documentation of other namespaces is; nothing is fetched before somebody follows a link.
/* exported baseURLs */
var baseURLs = [
    ['GLib', 'https://docs.gtk.org/glib/'],
    ['GObject', 'https://docs.gtk.org/gobject/'],
    ['Gio', 'https://docs.gtk.org/gio/'],
    ['Json', 'https://gnome.pages.gitlab.gnome.org/json-glib/'],
];
