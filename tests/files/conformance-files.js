// SPDX-License-Identifier: LGPL-2.1-or-later
// The conformance suite over a transport in JavaScript, examples/gjs/files-transport.js or pair-transport.js. It runs in a
// thread of its own; connecting, listening and closing the listener are done in this one, where JavaScript is.
//
// usage: conformance-files.js files|pair [ARGUMENT OF THE SUITE...]
import ChanConformance from 'gi://ChanConformance?version=1';
import GLib from 'gi://GLib';
import System from 'system';
import '../../examples/gjs/files-transport.js';
import '../../examples/gjs/pair-transport.js';

const [scheme, ...args] = System.programArgs;
const directory = GLib.dir_make_tmp(`chan-${scheme}-XXXXXX`);
const status = ChanConformance.run_beside(`${scheme}:${directory}`, [System.programInvocationName, ...args]);
if (GLib.rmdir(directory) !== 0) {
    print(`Bail out! Something is left in ${directory}`);
    System.exit(1);
}
System.exit(status);
