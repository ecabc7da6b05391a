// SPDX-License-Identifier: LGPL-2.1-or-later
// The conformance suite over the transport in JavaScript, examples/gjs/files-transport.js; arguments go to the suite. It
// runs in a thread of its own; connecting, listening and closing the listener are done in this one, where JavaScript is.
import ChanConformance from 'gi://ChanConformance?version=1';
import GLib from 'gi://GLib';
import System from 'system';
import '../../examples/gjs/files-transport.js';

const directory = GLib.dir_make_tmp('chan-files-XXXXXX');
const status = ChanConformance.run_beside(`files:${directory}`, [System.programInvocationName, ...System.programArgs]);
if (GLib.rmdir(directory) !== 0) {
    print(`Bail out! Something is left in ${directory}`);
    System.exit(1);
}
System.exit(status);
