// SPDX-License-Identifier: LGPL-2.1-or-later
// What a small object costs in JavaScript: over a channel, through Gio.DBusConnection, and in a bare C call.
//
// usage: ./dev run gjs -m tests/bench/bench-gjs.js [--messages=N] [--soak=N] [--check]
//
// All are measured in turn, ROUNDS times, and the best of each counts: what else runs on the machine only adds. D-Bus is
// peer to peer, over a socket as the sessions are: no bus daemon. --soak sends N messages, and N once more while calls are
// cancelled at random, and prints the memory as it goes. --check fails if a message costs more than a third of what it
// costs over D-Bus, if memory grows, or if one is lost.
import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import System from 'system';
import Chan from 'gi://Chan?version=1';

const ROUNDS = 9;
const STEPS = 10;
const WARM_UP = 10000; // messages: the heap grows to its working size over as many
const VALUE = {name: 'sensor', value: 21.5, count: 7};
const TYPES = {name: 's', value: 'd', count: 'i'};
const [PATH, INTERFACE] = ['/org/libchan/Bench', 'org.libchan.Bench'];
const NODE = '<node><interface name="org.libchan.Bench"><method name="Send"><arg type="a{sv}" direction="in"/></method></interface></node>';

Gio._promisify(Gio.DBusConnection, 'new', 'new_finish');
Gio._promisify(Gio.DBusConnection.prototype, 'call', 'call_finish');

function expect(condition, text) {
    if (!condition)
        throw new Error(text);
}

// Two ends of a connection
function connections() {
    const path = `${GLib.get_tmp_dir()}/chan-bench-${GLib.uuid_string_random()}`;
    const listener = new Gio.SocketListener();
    const address = new Gio.UnixSocketAddress({path});
    listener.add_address(address, Gio.SocketType.STREAM, Gio.SocketProtocol.DEFAULT, null);
    const here = new Gio.SocketClient().connect(address, null);
    const [there] = listener.accept(null);
    listener.close();
    GLib.unlink(path);
    return [here, there];
}

// Each message is sent and taken as an object.
class Channel {
    async open() {
        const [here, there] = connections();
        this.sessions = [Chan.Session.new_for_stream(here, Chan.SessionRole.CLIENT),
            Chan.Session.new_for_stream(there, Chan.SessionRole.SERVER)];
        this.sender = this.sessions[0].open_channel('bench');
        this.receiver = await this.sessions[1].accept_channel_async();
    }

    async send(count) {
        for (let i = 0; i < count; i++)
            await this.sender.send_async(VALUE);
    }

    async take(count) {
        for (let i = 0; i < count; i++)
            expect((await this.receiver.receive_async()).unpack().count === 7, 'another message');
    }

    run(count) {
        return Promise.all([this.send(count), this.take(count)]);
    }
}

// Each is answered.
class Request extends Channel {
    async send(count) {
        for (let i = 0; i < count; i++)
            expect((await this.sender.request_async(VALUE, 'R')).unpack().ok, 'another answer');
    }

    async take(count) {
        for (let i = 0; i < count; i++) {
            const {R} = (await this.receiver.receive_async()).unpack();
            await R.send_async({ok: true});
            R.close();
        }
    }
}

// A method call with the object, without and with waiting for its answer; the same variants, built and unpacked.
class DBus {
    async open() {
        const [here, there] = connections();
        const flags = Gio.DBusConnectionFlags;
        [this.client, this.server] = await Promise.all([
            Gio.DBusConnection.new(here, null, flags.AUTHENTICATION_CLIENT, null, null),
            Gio.DBusConnection.new(there, Gio.dbus_generate_guid(), flags.AUTHENTICATION_SERVER, null, null)]);
        this.taken = 0;
        this.serve = (...call) => this.called(...call);
        this.server.register_object(PATH, Gio.DBusNodeInfo.new_for_xml(NODE).interfaces[0], this.serve, null, null);
    }

    called(_connection, _sender, _path, _interface, _method, parameters, invocation) {
        expect(parameters.recursiveUnpack()[0].count === 7, 'another message');
        invocation.return_value(null);
        if (++this.taken === this.awaited)
            this.done();
    }

    parameters() {
        const dict = Object.entries(VALUE).map(([key, value]) => [key, new GLib.Variant(TYPES[key], value)]);
        return new GLib.Variant('(a{sv})', [Object.fromEntries(dict)]);
    }

    run(count) {
        this.awaited = this.taken + count;
        return new Promise(resolve => {
            this.done = resolve;
            for (let i = 0; i < count; i++) {
                this.client.call(null, PATH, INTERFACE, 'Send', this.parameters(), null, Gio.DBusCallFlags.NONE, -1, null)
                    .catch(logError);
            }
        });
    }
}

class DBusCall extends DBus {
    async run(count) {
        for (let i = 0; i < count; i++)
            await this.client.call(null, PATH, INTERFACE, 'Send', this.parameters(), null, Gio.DBusCallFlags.NONE, -1, null);
    }
}

// An object inside the process
class Pipe {
    open() {
        [this.sender, this.receiver] = Chan.pipe_new(64);
    }

    run(count) {
        for (let i = 0; i < count; i++) {
            this.sender.send(VALUE);
            expect(this.receiver.receive().unpack().count === 7, 'another message');
        }
    }
}

// The same two calls of C, with a message that is there: what is left is GJS's cost of two calls.
class Bare extends Pipe {
    run(count) {
        const message = Chan.Message.pack(VALUE);
        for (let i = 0; i < count; i++) {
            this.sender.try_send(message);
            this.receiver.try_receive();
        }
    }
}

// Here, for GJS does not know that a D-Bus connection holds the method that it calls: it would be collected.
const jobs = {channel: new Channel(), 'D-Bus': new DBus(), request: new Request(), 'D-Bus call': new DBusCall(),
    pipe: new Pipe(), 'bare calls': new Bare()};

async function measure(count) {
    const times = {};
    for (const [name, job] of Object.entries(jobs)) {
        await job.open();
        times[name] = [];
    }
    for (let round = 0; round < ROUNDS; round++) {
        for (const [name, job] of Object.entries(jobs)) {
            const started = GLib.get_monotonic_time();
            await job.run(count);
            times[name].push((GLib.get_monotonic_time() - started) / count);
        }
    }
    return Object.fromEntries(Object.entries(times).map(([name, values]) => [name, Math.min(...values)]));
}

function residentKib() {
    const status = new TextDecoder().decode(GLib.file_get_contents('/proc/self/status')[1]);
    return Number(/VmRSS:\s+(\d+)/.exec(status)[1]);
}

// --- many ---------------------------------------------------------------------------------------------------------

async function sendAll(sender, count, call) {
    for (let i = 0; i < count;) {
        if (await call(cancellable => sender.send_async({...VALUE, i}, {cancellable})) !== undefined)
            i++;
    }
    sender.close();
}

// KiB resident after each tenth
async function takeAll(receiver, count, call) {
    const curve = [];
    for (let expected = 0; ;) {
        const message = await call(cancellable => receiver.receive_async({cancellable}));
        if (message === undefined)
            continue;
        if (message === null) {
            expect(expected === count, `${expected} of ${count} came`);
            return curve;
        }
        expect(message.unpack().i === expected++, 'lost, doubled or out of order');
        if (expected % (count / STEPS) === 0) {
            System.gc(); // garbage is no growth
            curve.push(residentKib());
        }
    }
}

// Some calls are cancelled before they begin, some in the middle: undefined.
function cancelling(counter) {
    return async begin => {
        const chance = Math.random();
        const cancellable = new Gio.Cancellable();
        if (chance < 0.1)
            cancellable.cancel();
        const promise = begin(cancellable);
        if (chance > 0.8)
            GLib.idle_add(GLib.PRIORITY_HIGH, () => cancellable.cancel() ?? GLib.SOURCE_REMOVE);
        try {
            return await promise;
        } catch (error) {
            expect(error.matches?.(Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED), error);
            counter.cancelled++;
            return undefined;
        }
    };
}

async function soak(count, call) {
    const channel = new Channel();
    await channel.open();
    const [curve] = await Promise.all([takeAll(channel.receiver, count, call), sendAll(channel.sender, count, call)]);
    return curve;
}

// One measurement may be some MiB above or below the next: three at the end beside three near the beginning. Messages
// that stay cost half a KiB each: at the end of 30000 they are 9 MiB more.
function isFlat(curve) {
    const mean = values => values.reduce((sum, value) => sum + value) / values.length;
    return mean(curve.slice(-3)) <= 1.05 * mean(curve.slice(1, 4)) + 4096;
}

async function compare(messages) {
    const micros = await measure(messages);
    for (const [name, value] of Object.entries(micros))
        print(`${name.padEnd(12)} ${value.toFixed(1).padStart(8)} µs a message`);
    const ratios = {channel: micros.channel / micros['D-Bus'], request: micros.request / micros['D-Bus call']};
    for (const [name, ratio] of Object.entries(ratios))
        print(`${name} / D-Bus: ${ratio.toFixed(2)}`);
    return ratios.channel <= 1 / 3;
}

async function main({messages = 3000, soak: soaked = 0, check = false}) {
    let good = messages === 0 || await compare(messages);
    if (soaked) {
        const counter = {cancelled: 0};
        await soak(Math.min(soaked, WARM_UP), begin => begin(null));
        const plain = await soak(soaked, begin => begin(null));
        print(`${soaked} messages, KiB resident after each tenth: ${plain.join(' ')}`);
        const curve = await soak(soaked, cancelling(counter));
        print(`${soaked} messages, ${counter.cancelled} calls cancelled: ${curve.join(' ')}`);
        good = good && isFlat(plain) && isFlat(curve) && counter.cancelled > 0;
    }
    return check && !good ? 1 : 0;
}

const options = {};
for (const argument of System.programArgs) {
    const [, name, value] = /^--(messages|soak|check)(?:=(\d+))?$/.exec(argument) ?? [];
    if (name === undefined) {
        printerr(`usage: ${System.programInvocationName} [--messages=N] [--soak=N] [--check]`);
        System.exit(2);
    }
    options[name] = value === undefined ? true : Number(value);
}
const loop = new GLib.MainLoop(null, false);
let status = 1;
main(options).then(result => (status = result), logError).finally(() => loop.quit());
loop.run();
System.exit(status);
