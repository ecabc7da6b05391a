// SPDX-License-Identifier: LGPL-2.1-or-later
// Plain values to messages and back, for Chan.js.
/* exported define */

// All of it in one function: a name that is looked up in a module like this, as the globals are too, costs forty times
// as much as one of a function.
function define(Chan) {
    const {Array, JSON, Number, Object, Uint8Array} = globalThis;
    const {Gio, GLib, GObject} = imports.gi;
    const {gc} = imports.system;

    // --- values -----------------------------------------------------------------------------------------------------
    // A whole message crosses into C as one text, the library's JSON form (chan_message_new_from_json()): one call
    // costs less than one for each value in it, and GJS 1.74.2 leaks every GLib.Variant that a script makes.

    // More than the library takes (39 objects, 59 arrays); a value that contains itself ends here.
    const DEPTH_MAX = 64;
    // Values that contain themselves, and deep ones, are for write().
    const PLAIN_DEPTH_MAX = 8;
    // From here on a body of bytes is fetched without the detour by base64.
    const LARGE_BYTES = 4096;

    const NUMBER = new Map([[Infinity, 'inf'], [-Infinity, '-inf'], [NaN, 'nan']]);

    class Double {
        constructor(value) {
            this.value = Number(value);
        }
    }

    function writeDouble(number) {
        if (!Number.isFinite(number))
            return `{"$double":"${NUMBER.get(number)}"}`;
        const text = Object.is(number, -0) ? '-0' : `${number}`;
        return /[.e]/.test(text) ? text : `${text}.0`;
    }

    function writeBigInt(number) {
        if (BigInt.asIntN(64, number) !== number && BigInt.asUintN(64, number) !== number)
            throw new RangeError(`${number} does not fit in 64 bits`);
        return `{"$int":"${number}"}`;
    }

    function writeBytes(bytes) {
        return `{"$bytes":"${bytes.length ? GLib.base64_encode(bytes) : ''}"}`;
    }

    function isHandle(value) {
        return value instanceof Chan.Sender || value instanceof Chan.Receiver || value instanceof Gio.IOStream ||
            value instanceof Gio.InputStream || value instanceof Gio.OutputStream || value instanceof Chan.Fd;
    }

    function writeHandle(value, handles) {
        if (!isHandle(value))
            throw new TypeError(`a message cannot hold a ${value.constructor?.name ?? 'GObject'}`);
        const known = handles.indexOf(value);
        return `{"$handle":${known < 0 ? handles.push(value) - 1 : known}}`;
    }

    function writeArray(array, handles, depth) {
        const items = [];
        for (const item of array)
            items.push(item === undefined ? 'null' : write(item, handles, depth));
        return `[${items.join(',')}]`;
    }

    function writeEntries(entries, handles, depth) {
        let text = '{';
        for (const [key, value] of entries) {
            if (value === undefined)
                continue;
            if (typeof key !== 'string')
                throw new TypeError(`the keys of a message are strings, not ${typeof key}`);
            text += `${text.length > 1 ? ',' : ''}${JSON.stringify(key[0] === '$' ? `$${key}` : key)}:`;
            text += write(value, handles, depth);
        }
        return `${text}}`;
    }

    function writeObject(value, handles, depth) {
        if (depth > DEPTH_MAX)
            throw new RangeError('a message cannot be nested so deep, or a value contains itself');
        if (Array.isArray(value))
            return writeArray(value, handles, depth + 1);
        const prototype = Object.getPrototypeOf(value);
        if (prototype === Object.prototype || prototype === null)
            return writeEntries(Object.entries(value), handles, depth + 1);
        if (value instanceof Map)
            return writeEntries(value, handles, depth + 1);
        if (value instanceof GObject.Object)
            return writeHandle(value, handles);
        if (value instanceof Uint8Array)
            return writeBytes(value);
        if (value instanceof GLib.Bytes)
            return writeBytes(value.toArray());
        if (value instanceof Double)
            return writeDouble(value.value);
        // An object of another global (a module's, a legacy script's) is plain too.
        if (Object.getPrototypeOf(prototype) === null && prototype.constructor?.name === 'Object')
            return writeEntries(Object.entries(value), handles, depth + 1);
        if (value instanceof GLib.Variant)
            throw new TypeError('a GLib.Variant can only be a whole message, not a part of one');
        throw new TypeError(`a message cannot hold a ${value.constructor?.name ?? 'such an object'}`);
    }

    function write(value, handles, depth) {
        switch (typeof value) {
        case 'string':
            return JSON.stringify(value);
        case 'number':
            return Number.isSafeInteger(value) && !Object.is(value, -0) ? `${value}` : writeDouble(value);
        case 'boolean':
            return value ? 'true' : 'false';
        case 'bigint':
            return writeBigInt(value);
        case 'object':
            return value === null ? 'null' : writeObject(value, handles, depth);
        default:
            throw new TypeError(`a message cannot hold ${value === undefined ? 'nothing but undefined' : `a ${typeof value}`}`);
        }
    }

    // What JSON.stringify() writes as write() does, at a tenth of the cost: the bulk of what is sent.
    function isPlain(value, depth) {
        switch (typeof value) {
        case 'string':
        case 'boolean':
            return true;
        case 'number':
            return Number.isInteger(value) ? Number.isSafeInteger(value) && !Object.is(value, -0) : Number.isFinite(value);
        case 'object':
            return value === null || depth < PLAIN_DEPTH_MAX && isPlainObject(value, depth + 1);
        default:
            return false;
        }
    }

    function isPlainObject(value, depth) {
        if (Array.isArray(value))
            return value.every(item => isPlain(item, depth));
        if (Object.getPrototypeOf(value) !== Object.prototype)
            return false;
        for (const key in value) {
            if (key[0] === '$' || !isPlain(value[key], depth))
                return false;
        }
        return true;
    }

    const READ_TAG = {
        $handle: (index, message) => message.get_handle(index),
        $bytes: text => text === '' ? new Uint8Array(0) : GLib.base64_decode(text),
        $int: text => BigInt(text),
        $double: text => Number(text.replace('inf', 'Infinity')),
    };

    function readObject(object, message) {
        const keys = Object.keys(object);
        if (keys.length === 1 && Object.hasOwn(READ_TAG, keys[0]))
            return READ_TAG[keys[0]](object[keys[0]], message);
        let escaped = false;
        for (const key of keys) {
            // Not by assignment: a key may be called __proto__.
            if (typeof object[key] === 'object' && object[key] !== null)
                Object.defineProperty(object, key, {value: read(object[key], message)});
            escaped ||= key[0] === '$';
        }
        if (!escaped)
            return object;
        return Object.fromEntries(keys.map(key => [key[0] === '$' ? key.slice(1) : key, object[key]]));
    }

    // Replaces what the JSON form says in its own way: handles, bytes, wide integers, keys with a dollar sign.
    function read(value, message) {
        if (typeof value !== 'object' || value === null)
            return value;
        if (!Array.isArray(value))
            return readObject(value, message);
        for (let i = 0; i < value.length; i++)
            value[i] = read(value[i], message);
        return value;
    }

    // --- memory -----------------------------------------------------------------------------------------------------
    // GJS does not know how much memory the objects hold that it refers to, and collects them late. And collected they
    // should be before the engine sets about it itself, at 27 MiB of objects or 38 MiB of texts and arrays: it does so
    // bit by bit, and until it has done GJS before 1.82 drops whatever callback is due.
    const COLLECT_AFTER = 16 << 20;
    const MESSAGE_COST = 1024;
    // The value, its text, pieces of that or its base64, and what it becomes
    const COPIES = 4;
    let pressure = 0;

    function account(size) {
        pressure += COPIES * size + MESSAGE_COST;
        if (pressure > COLLECT_AFTER) {
            pressure = 0;
            gc();
        }
    }

    // --- messages ---------------------------------------------------------------------------------------------------

    function holdsHandle(variant) {
        const type = variant.get_type_string();
        if (type.includes('h'))
            return true;
        if (!type.includes('v') || !variant.print(true).includes('handle '))
            return false;
        for (let i = 0; i < variant.n_children(); i++) {
            if (holdsHandle(variant.get_child_value(i)))
                return true;
        }
        return false;
    }

    function packVariant(variant) {
        // Its indices would be into a list of handles that is not there.
        if (holdsHandle(variant))
            throw new TypeError('a GLib.Variant cannot hold handles here: use Chan.Message.new_with_handles()');
        return Chan.Message.new(variant);
    }

    // The length is not asked of GLib.Bytes: each call of its get_size() leaks it in GJS 1.74.2.
    function packBytes(bytes, length) {
        account(length);
        return Chan.Message.new_from_bytes(bytes);
    }

    function pack(value) {
        if (value instanceof Chan.Message)
            return value;
        if (value instanceof Uint8Array)
            return packBytes(new GLib.Bytes(value), value.length);
        if (value instanceof GLib.Bytes)
            return packBytes(value, value.toArray().length);
        if (value instanceof GLib.Variant)
            return packVariant(value);
        const handles = [];
        const text = isPlain(value, 0) ? JSON.stringify(value) : write(value, handles, 0);
        account(text.length);
        return Chan.Message.new_from_json(text, handles);
    }

    function unpack() {
        if (this.get_size() > LARGE_BYTES) {
            const bytes = this.get_bytes();
            if (bytes !== null) {
                const array = bytes.toArray();
                account(array.length);
                return array;
            }
        }
        const text = this.to_json();
        account(text.length);
        const value = JSON.parse(text);
        return text.includes('"$') ? read(value, this) : value;
    }

    return {pack, unpack, double: value => new Double(value)};
}
