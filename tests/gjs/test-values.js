// SPDX-License-Identifier: LGPL-2.1-or-later
// Values as messages and back, channel ends inside, and what cannot be said.
import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import Chan from 'gi://Chan?version=1';
import {TIMEOUT, TRANSPORTS, assert, assertEqual, assertThrows, channel, run, show} from './tap.js';

const bytes = (...numbers) => Uint8Array.from(numbers);
const large = Uint8Array.from({length: 100000}, (_, i) => i * 7 & 0xff);

const EXACT = [
    null, true, false, '', 'text', 'ä€𝄞"\\\n\u2028', '$handle', '"$', [], {}, [null, [true, []]],
    0, 1, -1, 2 ** 31, -(2 ** 31) - 1, 2 ** 53 - 1, -(2 ** 53) + 1, 2 ** 53, 2 ** 60, 1e20, 1e21, -1e300, 5e-324, 0.1, -0,
    Infinity, -Infinity, NaN, Number.MAX_VALUE,
    2n ** 53n + 1n, -(2n ** 53n) - 1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 63n, 2n ** 64n - 1n,
    bytes(), bytes(0, 255), large,
    {key: 'value', $key: 1, $handle: 0, $$x: [bytes(1)]}, {$bytes: 'aGVsbG8='}, {$int: '1'}, {$double: 'nan'}, {'': {'': ''}},
    {$handle: {$handle: {$$: '$'}}}, {list: [large, large]}, {['__proto__']: {['__proto__']: 2n ** 63n}, constructor: 1, toJSON: 2},
    {a: {b: {c: [1, 2.5, 'three', bytes(4), null, 2n ** 64n - 1n, Infinity]}}},
];

const unpacked = value => Chan.Message.pack(value).unpack();

// Always the same numbers.
let seed = 17;
function random(n) {
    seed = Number((BigInt(seed) * 48271n) % 2147483647n);
    return seed % n;
}

const randomText = () => Array.from({length: random(6)}, () => [...'$abé€𝄞"\\\n{}:'][random(12)]).join('');
const RANDOM = [
    () => null,
    () => random(2) === 1,
    () => random(2000) - 1000,
    () => BigInt.asIntN(64, BigInt(random(2 ** 31)) ** 3n) | 1n << 62n,
    () => randomText(),
    () => (random(2 ** 31) - 2 ** 30) / 1000 + 0.0001,
    () => Uint8Array.from({length: random(20)}, () => random(256)),
    depth => Object.fromEntries(Array.from({length: random(5)}, () => [randomText(), randomValue(depth + 1)])),
    depth => Array.from({length: random(5)}, () => randomValue(depth + 1)),
];
const randomValue = (depth = 0) => RANDOM[random(depth > 4 ? 7 : 9)](depth);

function nested(levels, wrap) {
    let value = 0;
    for (let i = 0; i < levels; i++)
        value = wrap(value);
    return value;
}

const tests = {
    async eachKindComesBack() {
        for (const transport of ['pipe', ...TRANSPORTS]) {
            const [sender, receiver] = await channel(transport);
            for (const value of EXACT) {
                await sender.send_async(value, {timeout: TIMEOUT});
                const received = await receiver.receive_async({timeout: TIMEOUT});
                assertEqual(received.unpack(), value, transport);
            }
        }
    },

    randomValues() {
        for (let i = 0; i < 2000; i++) {
            const value = randomValue();
            assertEqual(unpacked(value), value, `number ${i}`);
        }
    },

    whatArrivesAsSomethingElse() {
        assertEqual(unpacked(5n), 5);
        assertEqual(unpacked(2n ** 53n), 2 ** 53);
        assertEqual(unpacked(1.0), 1);
        assertEqual(unpacked({a: undefined, b: 1}), {b: 1});
        assertEqual(unpacked([undefined, , 1]), [null, null, 1]);    // eslint-disable-line no-sparse-arrays
        assertEqual(unpacked(new Map([['a', new Map([['$b', 1]])]])), {a: {$b: 1}});
        assertEqual(unpacked(Object.assign(Object.create(null), {a: 1})), {a: 1});
        assertEqual(unpacked({b: new GLib.Bytes(bytes(1, 2))}), {b: bytes(1, 2)});
        assertEqual(unpacked(new GLib.Bytes(large)), large);
    },

    typesOfTheBody() {
        const type = value => Chan.Message.pack(value).get_body().get_type_string();
        const types = [[1, 'x'], [2 ** 53, 'd'], [1.5, 'd'], [-0, 'd'], [Chan.double(1), 'd'], [5n, 'x'], [2n ** 63n, 't'], ['', 's'],
            [true, 'b'], [null, 'mv'], [bytes(1), 'ay'], [[], 'av'], [{}, 'a{sv}']];
        for (const [value, expected] of types)
            assertEqual(type(value), expected, show(value));
        assertEqual(Chan.Message.pack({d: Chan.double(3), e: Chan.double(NaN)}).to_json(), '{"d":3.0,"e":{"$double":"nan"}}');
    },

    variantsKeepTheirType() {
        const message = Chan.Message.pack(new GLib.Variant('(sut)', ['a', 7, 2n ** 63n]));
        assertEqual(message.get_body().get_type_string(), '(sut)');
        assertEqual(message.unpack(), ['a', 7, 2n ** 63n]);
        assertEqual(unpacked(new GLib.Variant('a{sv}', {t: new GLib.Variant('s', 'a handle 0')})), {t: 'a handle 0'});
        assertThrows(TypeError, undefined, () => Chan.Message.pack({v: new GLib.Variant('s', 'x')}));
        assertThrows(TypeError, undefined, () => Chan.Message.pack(new GLib.Variant('h', 0)));
        assertThrows(TypeError, undefined, () => Chan.Message.pack(new GLib.Variant('av', [new GLib.Variant('h', 0)])));
    },

    channelsInside() {
        const [sender, receiver] = Chan.pipe_new(1);
        const [replySender, replyReceiver] = Chan.pipe_new(1);
        sender.send({Cmd: 'ls', $Cmd: 1, Deep: [{Reply: replySender}], Again: replySender});
        const value = receiver.receive().unpack();
        assert(value.Deep[0].Reply instanceof Chan.Sender && value.Deep[0].Reply === value.Again, 'not one channel');
        assertEqual(value.$Cmd, 1);
        value.Again.send('answer');
        assertEqual(replyReceiver.receive().unpack(), 'answer');
    },

    eachKindOfHandle() {
        const [near, far] = Chan.byte_pipe_new();
        const [replySender, replyReceiver] = Chan.pipe_new(1);
        const [number, path] = GLib.file_open_tmp('chan-values-XXXXXX');
        const input = Gio.MemoryInputStream.new_from_bytes(new GLib.Bytes(bytes(1)));
        const output = Gio.File.new_for_path(path).append_to(Gio.FileCreateFlags.NONE, null);
        const [sender, receiver] = Chan.pipe_new(1);
        sender.send([far, replySender, replyReceiver, Chan.Fd.new(number), input, output]);
        const value = receiver.receive().unpack();
        const kinds = [Chan.ByteStream, Chan.Sender, Chan.Receiver, Chan.Fd, Chan.ByteStream, Chan.ByteStream];
        kinds.forEach((kind, i) => assert(value[i] instanceof kind, `${i} is a ${value[i]}`));
        near.close(null);
        GLib.unlink(path);
    },

    aMessageKeepsItsValue() {
        const message = Chan.Message.pack({a: 1});
        message.unpack().a = 2;
        assertEqual(message.unpack(), {a: 1});
        assert(Chan.Message.pack(message) === message, 'another message');
        const [sender, receiver] = Chan.pipe_new(2);
        sender.send(message);
        sender.send(message);
        assertEqual([receiver.receive().unpack(), receiver.receive().unpack()], [{a: 1}, {a: 1}]);
    },

    aHandleThatIsGone() {
        const message = Chan.Message.pack([Chan.pipe_new(1)[0]]);
        assert(message.steal_handle(0) instanceof Chan.Sender);
        assertEqual(message.unpack(), [null]);
    },

    wrongTypes() {
        class Point {}
        const values = [undefined, () => 1, Symbol('x'), new Date(), /x/, new Point(), new Set(), new Gio.Cancellable(),
            new Float64Array(1), new ArrayBuffer(1), new Map([[1, 2]]), {a: [Symbol('x')]}, {f() {}}, Chan.Message.pack(1).get_body];
        for (const value of values)
            assertThrows(TypeError, undefined, () => Chan.Message.pack(value));
        assertThrows(TypeError, undefined, () => Chan.Message.pack([Chan.Message.pack(1)]));
    },

    wrongNumbersAndTexts() {
        for (const value of [2n ** 64n, -(2n ** 63n) - 1n, [2n ** 64n]])
            assertThrows(RangeError, undefined, () => Chan.Message.pack(value));
        for (const value of ['a\0b', {'a\0b': 1}, '\ud800', {a: '\udfff'}])
            assertThrows(Gio.IOErrorEnum, Gio.IOErrorEnum.INVALID_DATA, () => Chan.Message.pack(value));
    },

    depth() {
        const object = value => ({a: value});
        const array = value => [value];
        for (const [levels, wrap] of [[39, object], [59, array]]) {
            assertEqual(unpacked(nested(levels, wrap)), nested(levels, wrap));
            assertThrows(Chan.ChannelError, Chan.ChannelError.TOO_COMPLEX, () => Chan.Message.pack(nested(levels + 1, wrap)));
        }
        for (const wrap of [object, array])
            assertThrows(RangeError, undefined, () => Chan.Message.pack(nested(100000, wrap)));
        const endless = {};
        endless.self = [endless];
        assertThrows(RangeError, undefined, () => Chan.Message.pack(endless));
    },

    tooLarge() {
        assertThrows(Chan.ChannelError, Chan.ChannelError.TOO_LARGE, () => Chan.Message.pack('x'.repeat(64 << 20)));
    },

    // What other languages may send and JSON.parse() would round or lose.
    whatOthersSend() {
        const read = text => Chan.Message.new_from_json(text, []).unpack();
        assertEqual(read('9007199254740993'), 2n ** 53n + 1n);
        assertEqual(read('{"$$$x": {"$$bytes": "x"}}'), {$$x: {$bytes: 'x'}});
        assertEqual(read('1e2'), 100);
        assertEqual(read('{"__proto__": {"$int": "9223372036854775807"}}'), {['__proto__']: 2n ** 63n - 1n});
    },
};

run(tests);
