// SPDX-License-Identifier: LGPL-2.1-or-later
// libchan-glib for GJS: plain values as messages, promises, `for await`, select.
//
// The names are those of the C interface. A blocking method blocks in JavaScript too; one that ends in _async gives
// a promise, or, called with a callback, does what it does in C. docs/gjs.md is the guide. GJS loads this file when
// the namespace is imported and calls _init() with it as `this`; modules must be written like this for GJS 1.74.
/* exported _init */

// In one function, as _chanValues.js says why.
function override(Chan, {pack, unpack, double}) {
    const {Array, Math, Object, Promise} = globalThis;
    const {Gio, GLib, GObject} = imports.gi;

    // --- promises ---------------------------------------------------------------------------------------------------

    function gError(code, text) {
        return new GLib.Error(Gio.IOErrorEnum, code, text);
    }

    function deadlineAfter(timeout) {
        return timeout === undefined ? 0 : Math.max(1, GLib.get_monotonic_time() + Math.round(timeout * 1e6));
    }

    // What follows an operation's own arguments: nothing, a cancellable, an object with {timeout, cancellable, priority},
    // or what C takes: (io_priority, cancellable, callback).
    function readOptions([first, cancellable = null, callback = null]) {
        if (typeof first === 'number' || first === undefined)
            return {priority: first ?? GLib.PRIORITY_DEFAULT, cancellable, callback};
        if (first === null || first instanceof Gio.Cancellable)
            return {priority: GLib.PRIORITY_DEFAULT, cancellable: first};
        return {priority: GLib.PRIORITY_DEFAULT, cancellable: null, ...first};
    }

    // begin(cancellable, callback), then finish(result), as a promise.
    function finished(begin, finish, cancellable) {
        return new Promise((resolve, reject) => {
            begin(cancellable, (_source, result) => {
                try {
                    resolve(finish(result));
                } catch (error) {
                    reject(error);
                }
            });
        });
    }

    async function finishedInTime(begin, finish, parent, timeout) {
        const own = new Gio.Cancellable();
        let late = false;
        const timer = GLib.timeout_add(GLib.PRIORITY_DEFAULT, Math.max(0, Math.ceil(timeout * 1000)), () => {
            late = true;
            own.cancel();
            return GLib.SOURCE_CONTINUE;
        });
        // Gio.Cancellable has a method of its own called connect.
        const handler = parent ? GObject.Object.prototype.connect.call(parent, 'cancelled', () => own.cancel()) : 0;
        if (parent?.is_cancelled())
            own.cancel();
        try {
            return await finished(begin, finish, own);
        } catch (error) {
            if (late && error.matches?.(Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED))
                throw gError(Gio.IOErrorEnum.TIMED_OUT, `This took longer than ${timeout} s`);
            throw error;
        } finally {
            GLib.source_remove(timer);
            if (handler)
                GObject.Object.prototype.disconnect.call(parent, handler);
        }
    }

    function awaited(begin, finish, {cancellable, timeout}) {
        return timeout === undefined
            ? finished(begin, finish, cancellable) : finishedInTime(begin, finish, cancellable, timeout);
    }

    // Promises that are settled at once keep the main loop waiting: now and then one takes the long way.
    const HASTE_MAX = 64;
    let haste = 0;

    function mayHurry() {
        haste = (haste + 1) % HASTE_MAX;
        return haste !== 0;
    }

    // An exception costs as much as the long way; where there was no room there may be none for a while.
    const PATIENCE = 8;
    let patience = 0;

    function maySendNow() {
        if (patience > 0)
            patience--;
        return patience === 0 && mayHurry();
    }

    // object[name](...own arguments, what readOptions() reads): a promise, unless there is a callback.
    function promisify(object, name, {nOwn = 0, fill = own => own, finish = value => value} = {}) {
        const begin = object[name];
        const finishName = name.replace(/async$/, 'finish');
        object[name] = function (...args) {
            const own = fill(args.slice(0, nOwn));
            const options = readOptions(args.slice(nOwn));
            if (options.callback)
                return begin.call(this, ...own, options.priority, options.cancellable, options.callback);
            return awaited((cancellable, callback) => begin.call(this, ...own, options.priority, cancellable, callback),
                result => finish(this[finishName](result)), options);
        };
    }

    // GJS wants every argument; these may be left out. With {timeout, cancellable} at the end, the form with a deadline.
    function relax(object, name, {nOwn = 0, fill = own => own, finish = value => value} = {}) {
        const plain = object[name];
        const until = object[`${name}_until`];
        object[name] = function (...args) {
            const own = fill(args.slice(0, nOwn));
            const last = args[nOwn] ?? null;
            if (last === null || last instanceof Gio.Cancellable)
                return finish(plain.call(this, ...own, last));
            const {timeout, cancellable = null} = last;
            if (timeout === undefined)
                return finish(plain.call(this, ...own, cancellable));
            return finish(until.call(this, ...own, deadlineAfter(timeout), cancellable));
        };
    }

    // Next values of a blocking call and of a promise, until one of them is null.
    function iterate(prototype, blocking, asynchronous) {
        prototype[Symbol.iterator] = function* () {
            for (let value = blocking.call(this); value !== null; value = blocking.call(this))
                yield value;
        };
        prototype[Symbol.asyncIterator] = function () {
            return iterator(this, asynchronous, []);
        };
    }

    function iterator(source, asynchronous, args) {
        const done = {value: undefined, done: true};
        return {
            next: () => asynchronous.apply(source, args).then(value => value === null ? done : {value, done: false}),
            // Leaving a loop takes nothing and closes nothing.
            return: value => Promise.resolve({value, done: true}),
            [Symbol.asyncIterator]() {
                return this;
            },
        };
    }

    // --- channels ---------------------------------------------------------------------------------------------------

    function overrideSender(prototype) {
        const packFirst = ([value, ...rest]) => [pack(value), ...rest];
        const trySend = prototype.try_send;
        const tryRequest = prototype.try_request;
        const abort = prototype.abort;

        relax(prototype, 'send', {nOwn: 1, fill: packFirst});
        relax(prototype, 'request', {nOwn: 2, fill: packFirst});
        promisify(prototype, 'send_async', {nOwn: 1, fill: packFirst});
        promisify(prototype, 'request_async', {nOwn: 2, fill: packFirst});

        const sendAsync = prototype.send_async;
        prototype.send_async = function (...args) {
            if (args.length !== 1 || !maySendNow())
                return sendAsync.apply(this, args);
            const message = pack(args[0]);
            try {
                return Promise.resolve(trySend.call(this, message));
            } catch (error) {
                if (!error.matches(Gio.IOErrorEnum, Gio.IOErrorEnum.WOULD_BLOCK))
                    return Promise.reject(error);
                patience = PATIENCE;
                return sendAsync.call(this, message);
            }
        };
        prototype.try_send = function (value) {
            return trySend.call(this, pack(value));
        };
        prototype.try_request = function (value, replyKey) {
            return tryRequest.call(this, pack(value), replyKey);
        };
        prototype.abort = function (reason) {
            abort.call(this, reason instanceof GLib.Error
                ? reason : new GLib.Error(Chan.ChannelError, Chan.ChannelError.RESET, `${reason}`));
        };
    }

    function overrideReceiver(prototype) {
        const tryReceive = prototype.try_receive;

        relax(prototype, 'receive');
        promisify(prototype, 'receive_async');
        relax(prototype, 'splice', {nOwn: 1});
        promisify(prototype, 'splice_async', {nOwn: 1});

        const receiveAsync = prototype.receive_async;
        prototype.receive_async = function (...args) {
            if (args.length === 0 && mayHurry()) {
                try {
                    const [take, message] = tryReceive.call(this);
                    if (take !== Chan.Take.EMPTY)
                        return Promise.resolve(message);
                } catch (error) {
                    return Promise.reject(error);
                }
            }
            return receiveAsync.apply(this, args);
        };
        prototype.messages = function (...args) {
            return iterator(this, prototype.receive_async, args);
        };
        iterate(prototype, prototype.receive, prototype.receive_async);
    }

    // --- select -----------------------------------------------------------------------------------------------------

    function shuffled(items) {
        const all = [...items];
        for (let i = all.length - 1; i > 0; i--) {
            const j = Math.floor(Math.random() * (i + 1));
            [all[i], all[j]] = [all[j], all[i]];
        }
        return all;
    }

    function newSelector(cases) {
        // A receiver alone can be iterated over too, which would wait for ever.
        if (!Array.isArray(cases))
            throw new TypeError('select takes an array of receivers and of [sender, value]');
        if (cases.length === 0)
            throw new TypeError('nothing to select from');
        const selector = Chan.Selector.new();
        // A new selector begins with its first case: of several that are ready the same one would always win.
        const ends = shuffled(cases).map(item => {
            if (item instanceof Chan.Receiver) {
                selector.add_receiver(item);
                return item;
            }
            const [sender, value] = item;
            selector.add_sender(sender, pack(value));
            return sender;
        });
        return [selector, ends];
    }

    // What came of it; an error says in `end` of which channel it is.
    function selected(selector, end) {
        try {
            return [end, selector.steal_message()];
        } catch (error) {
            error.end = end;
            throw error;
        }
    }

    function select(cases, {timeout, cancellable = null} = {}) {
        const [selector, ends] = newSelector(cases);
        return selected(selector, ends[selector.wait_until(deadlineAfter(timeout), cancellable)]);
    }

    async function selectAsync(cases, options = {}) {
        const [selector, ends] = newSelector(cases);
        const index = await awaited(
            (cancellable, callback) => selector.wait_async(GLib.PRIORITY_DEFAULT, cancellable, callback),
            result => selector.wait_finish(result), {cancellable: null, ...options});
        return selected(selector, ends[index]);
    }

    // --- sessions ---------------------------------------------------------------------------------------------------

    function overrideSession(prototype) {
        const openChannel = prototype.open_channel;
        const roundTrip = {finish: ([, microseconds]) => microseconds};

        prototype.open_channel = function (name = null) {
            return openChannel.call(this, name);
        };
        relax(prototype, 'accept_channel');
        relax(prototype, 'close');
        relax(prototype, 'ping', roundTrip);
        promisify(prototype, 'accept_channel_async');
        promisify(prototype, 'close_async');
        promisify(prototype, 'ping_async', roundTrip);
        iterate(prototype, prototype.accept_channel, prototype.accept_channel_async);
    }

    function overrideListener(prototype) {
        relax(prototype, 'accept');
        promisify(prototype, 'accept_async');
        iterate(prototype, prototype.accept, prototype.accept_async);
    }

    // --- all of it ----------------------------------------------------------------------------------------------

    Chan.Message.pack = pack;
    Chan.Message.prototype.unpack = unpack;
    Chan.double = double;

    overrideSender(Chan.Sender.prototype);
    overrideReceiver(Chan.Receiver.prototype);
    overrideSession(Chan.Session.prototype);
    overrideListener(Chan.Listener.prototype);

    Chan.select = select;
    Chan.select_async = selectAsync;
    relax(Chan, 'connect', {nOwn: 1});
    promisify(Chan, 'connect_async', {nOwn: 1});
    relax(Chan, 'listen', {nOwn: 1});
    promisify(Chan, 'listen_async', {nOwn: 1});
}

function _init() {
    override(this, imports.overrides._chanValues.define(this));
}
