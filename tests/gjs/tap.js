// SPDX-License-Identifier: LGPL-2.1-or-later
// What the tests in JavaScript have in common: assertions, TAP, a main loop with a watchdog.
import GLib from 'gi://GLib';
import System from 'system';
import Chan from 'gi://Chan?version=1';

export const TIMEOUT = 20;
// What is asked for beyond the usual takes that much longer.
const PATIENCE = Math.max(1, Number(GLib.getenv('CHAN_TEST_RUNS') ?? 1), Number(GLib.getenv('CHAN_TEST_MESSAGES') ?? 0) / 50000);

// A sanitizer's allocator keeps and pads what was freed.
export const SANITIZED = (GLib.getenv('LD_PRELOAD') ?? '').includes('asan');

export function assert(condition, text = 'not so') {
    if (!condition)
        throw new Error(text);
}

function same(one, two) {
    if (typeof one !== 'object' || one === null || typeof two !== 'object' || two === null)
        return Object.is(one, two);
    if (one instanceof Uint8Array || two instanceof Uint8Array) {
        return one instanceof Uint8Array && two instanceof Uint8Array && one.length === two.length &&
            one.every((byte, i) => byte === two[i]);
    }
    if (Array.isArray(one) !== Array.isArray(two))
        return false;
    const keys = Object.keys(one);
    return keys.length === Object.keys(two).length && keys.every(key => Object.hasOwn(two, key) && same(one[key], two[key]));
}

export function show(value) {
    if (typeof value === 'bigint')
        return `${value}n`;
    if (value instanceof Uint8Array)
        return `bytes(${value.join(' ').slice(0, 80)})`;
    if (Array.isArray(value))
        return `[${value.map(show).join(', ')}]`;
    if (value && Object.getPrototypeOf(value) === Object.prototype)
        return `{${Object.entries(value).map(([key, item]) => `${key}: ${show(item)}`).join(', ')}}`;
    return typeof value === 'string' ? JSON.stringify(value) : Object.is(value, -0) ? '-0' : String(value);
}

export function assertEqual(actual, expected, text = '') {
    if (!same(actual, expected))
        throw new Error(`expected ${show(expected).slice(0, 300)}, got ${show(actual).slice(0, 300)} ${text}`);
}

function check(error, kind, code) {
    const right = code === undefined ? error instanceof kind : error.matches?.(kind, code);
    assert(right, `another error: ${error}`);
    assert(error.message.length > 0, 'an error without a text');
    return error;
}

// kind: a class of errors, or an error domain and its code.
export function assertThrows(kind, code, func) {
    let result;
    try {
        result = func();
    } catch (error) {
        return check(error, kind, code);
    }
    throw new Error(`no error, but ${show(result)}`);
}

export async function assertRejects(kind, code, promise) {
    let result;
    try {
        result = await promise;
    } catch (error) {
        return check(error, kind, code);
    }
    throw new Error(`no error, but ${show(result)}`);
}

export function sleep(milliseconds) {
    return new Promise(resolve => {
        GLib.timeout_add(GLib.PRIORITY_DEFAULT, milliseconds, () => {
            resolve();
            return GLib.SOURCE_REMOVE;
        });
    });
}

// In KiB.
export function memory() {
    const status = new TextDecoder().decode(GLib.file_get_contents('/proc/self/status')[1]);
    return Number(/VmRSS:\s+(\d+)/.exec(status)[1]);
}

export const TRANSPORTS = ['memory', 'tcp', 'unix'];
let nNames = 0;

// Two connected sessions.
export async function sessions(transport) {
    const name = `chan-gjs-${GLib.get_monotonic_time()}-${nNames++}`;
    const uri = {memory: `memory:${name}`, tcp: 'tcp://127.0.0.1:0', unix: `unix:${GLib.get_tmp_dir()}/${name}`}[transport];
    const listener = await Chan.listen_async(uri);
    const client = await Chan.connect_async(listener.get_uri(), {timeout: TIMEOUT});
    const server = await listener.accept_async({timeout: TIMEOUT});
    listener.close();
    return [client, server];
}

// A channel: inside the process ('pipe'), or from one session to the other.
export async function channel(transport, capacity = 16) {
    if (transport === 'pipe')
        return Chan.pipe_new(capacity);
    const [client, server] = await sessions(transport);
    const sender = client.open_channel();
    const receiver = await server.accept_channel_async({timeout: TIMEOUT});
    // Sessions live as long as somebody has them.
    sender.session = client;
    receiver.session = server;
    return [sender, receiver];
}

async function runOne(number, name, test) {
    const watchdog = GLib.timeout_add_seconds(GLib.PRIORITY_HIGH, Math.ceil(3 * TIMEOUT * PATIENCE), () => {
        print(`Bail out! ${name} hangs`);
        System.exit(1);
        return GLib.SOURCE_REMOVE;
    });
    try {
        await test();
        print(`ok ${number} ${name}`);
        return true;
    } catch (error) {
        print(`not ok ${number} ${name}`);
        print(`# ${error}\n${error.stack ?? ''}`.trim().replaceAll('\n', '\n# '));
        return false;
    } finally {
        GLib.source_remove(watchdog);
    }
}

async function runAll(tests) {
    let failed = 0;
    let number = 0;
    print(`1..${Object.keys(tests).length}`);
    for (const [name, test] of Object.entries(tests)) {
        if (!await runOne(++number, name, test))
            failed++;
    }
    return failed;
}

// Runs the tests, and ends the process.
export function run(tests) {
    const loop = new GLib.MainLoop(null, false);
    let status = 1;
    runAll(tests).then(failed => (status = failed ? 1 : 0), error => print(`Bail out! ${error}`)).finally(() => loop.quit());
    loop.run();
    System.exit(status);
}
