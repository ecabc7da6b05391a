// SPDX-License-Identifier: LGPL-2.1-or-later
// libchan-glib for GJS, with its overrides. The types of GLib, GObject and Gio are those of the @girs packages
// (@girs/glib-2.0, @girs/gobject-2.0, @girs/gio-2.0). docs/gjs.md explains what is said here.

declare module 'gi://Chan?version=1' {
  import type GLib from 'gi://GLib?version=2.0';
  import type GObject from 'gi://GObject?version=2.0';
  import type Gio from 'gi://Gio?version=2.0';

  namespace Chan {
    // --- values ---

    /** What can be put into a message as a channel, a stream or a file descriptor; it moves when the message is sent. */
    type Handle = Sender | Receiver | Fd | Gio.IOStream | Gio.InputStream | Gio.OutputStream;

    /** A plain value with handles anywhere in it. */
    type Value =
      | null | boolean | number | bigint | string | Uint8Array | GLib.Bytes | Double | Handle
      | readonly (Value | undefined)[] | ReadonlyMap<string, Value | undefined> | { readonly [key: string]: Value | undefined };

    /** What can be sent: a value, a message, or a GLib.Variant for exact types (GJS 1.74.2 leaks those). */
    type Sendable = Value | Message | GLib.Variant;

    /** How long to wait, and what ends the waiting. */
    interface Waiting {
      /** In seconds; after that, Gio.IOErrorEnum.TIMED_OUT. */
      timeout?: number;
      cancellable?: Gio.Cancellable | null;
    }

    /** The same for a promise. */
    interface Options extends Waiting {
      /** GLib.PRIORITY_DEFAULT. */
      priority?: number;
    }

    type Callback<T> = (source: T, result: Gio.AsyncResult) => void;

    /** What double() makes. */
    interface Double {
      readonly value: number;
    }

    /** A number that is a double also where it is whole. */
    function double(value: number): Double;

    class Message {
      private constructor();
      static new(body: GLib.Variant): Message;
      static new_with_handles(body: GLib.Variant, handles: readonly GObject.Object[]): Message;
      static new_from_bytes(bytes: GLib.Bytes | Uint8Array): Message;
      static new_from_json(text: string, handles: readonly GObject.Object[]): Message;
      /** Makes a message from a value. */
      static pack(value: Sendable): Message;
      /** The value, new each time. Whole numbers beyond 2^53 are BigInt, bytes are Uint8Array. */
      // eslint-disable-next-line @typescript-eslint/no-explicit-any
      unpack<T = any>(): T;
      get_body(): GLib.Variant;
      get_bytes(): GLib.Bytes | null;
      to_json(): string;
      get_size(): number;
      get_n_handles(): number;
      get_handle(index: number): GObject.Object | null;
      steal_handle(index: number): GObject.Object | null;
      lookup_handle(key: string): GObject.Object | null;
    }

    // --- channels ---

    enum Take { ERROR, MESSAGE, EMPTY, CLOSED }

    class Sender extends GObject.Object {
      readonly name: string | null;
      readonly capacity: number;
      readonly closed: boolean;
      readonly peer_closed: boolean;
      private constructor();
      send(value: Sendable, waiting?: Waiting | Gio.Cancellable | null): boolean;
      send_until(message: Message, deadline: number, cancellable: Gio.Cancellable | null): boolean;
      try_send(value: Sendable): boolean;
      send_async(value: Sendable, options?: Options | Gio.Cancellable | null): Promise<boolean>;
      send_async(value: Sendable, io_priority: number, cancellable?: Gio.Cancellable | null): Promise<boolean>;
      send_async(value: Sendable, io_priority: number, cancellable: Gio.Cancellable | null, callback: Callback<Sender>): void;
      send_finish(result: Gio.AsyncResult): boolean;
      /** Sends an object with a channel for the answer under `reply_key`; gives the answer. */
      request(value: Sendable, reply_key: string, waiting?: Waiting | Gio.Cancellable | null): Message;
      request_until(message: Message, reply_key: string, deadline: number, cancellable: Gio.Cancellable | null): Message;
      try_request(value: Sendable, reply_key: string): Receiver;
      request_async(value: Sendable, reply_key: string, options?: Options | Gio.Cancellable | null): Promise<Message>;
      request_async(value: Sendable, reply_key: string, io_priority: number, cancellable?: Gio.Cancellable | null): Promise<Message>;
      request_async(value: Sendable, reply_key: string, io_priority: number, cancellable: Gio.Cancellable | null,
        callback: Callback<Sender>): void;
      request_finish(result: Gio.AsyncResult): Message;
      create_source(cancellable: Gio.Cancellable | null): GLib.Source;
      close(): void;
      /** Ends the channel with an error: yours, or RESET with a text. */
      abort(reason: GLib.Error | string): void;
      reset(): void;
      get_name(): string | null;
      get_capacity(): number;
      get_closed(): boolean;
      get_peer_closed(): boolean;
      connect(signal: 'peer-closed', callback: (sender: Sender) => void): number;
      connect(signal: string, callback: (...args: never[]) => unknown): number;
    }

    /** Iterate over it: `for await (const message of receiver)`, or `for`, which blocks. */
    class Receiver extends GObject.Object implements AsyncIterable<Message>, Iterable<Message> {
      readonly name: string | null;
      readonly capacity: number;
      readonly closed: boolean;
      private constructor();
      /** null: the sender closed the channel, and everything was received. */
      receive(waiting?: Waiting | Gio.Cancellable | null): Message | null;
      receive_until(deadline: number, cancellable: Gio.Cancellable | null): Message | null;
      wait_until(deadline: number, cancellable: Gio.Cancellable | null): boolean;
      receive_async(options?: Options | Gio.Cancellable | null): Promise<Message | null>;
      receive_async(io_priority: number, cancellable?: Gio.Cancellable | null): Promise<Message | null>;
      receive_async(io_priority: number, cancellable: Gio.Cancellable | null, callback: Callback<Receiver>): void;
      receive_finish(result: Gio.AsyncResult): Message | null;
      try_receive(): [Take, Message | null];
      /** Iteration with a limit for each message. */
      messages(options?: Options | Gio.Cancellable | null): AsyncIterableIterator<Message>;
      create_source(cancellable: Gio.Cancellable | null): GLib.Source;
      set_handler(handler: ((receiver: Receiver, message: Message | null, error: GLib.Error | null) => void) | null): void;
      splice(sender: Sender, waiting?: Waiting | Gio.Cancellable | null): boolean;
      splice_until(sender: Sender, deadline: number, cancellable: Gio.Cancellable | null): boolean;
      splice_async(sender: Sender, options?: Options | Gio.Cancellable | null): Promise<boolean>;
      splice_async(sender: Sender, io_priority: number, cancellable: Gio.Cancellable | null, callback: Callback<Receiver>): void;
      splice_finish(result: Gio.AsyncResult): boolean;
      close(): void;
      get_name(): string | null;
      get_capacity(): number;
      get_closed(): boolean;
      [Symbol.asyncIterator](): AsyncIterableIterator<Message>;
      [Symbol.iterator](): IterableIterator<Message>;
    }

    function pipe_new(capacity: number): [Sender, Receiver];

    class ByteStream extends Gio.IOStream {
      private constructor();
      abort(reason: GLib.Error): void;
    }

    function byte_pipe_new(): [Gio.IOStream, Gio.IOStream];

    class Fd extends GObject.Object {
      private constructor();
      static new(fd: number): Fd;
      get(): number;
      dup(): number;
      steal(): number;
    }

    // --- select ---

    /** A receiver, or a sender and what to send. */
    type Case = Receiver | readonly [Sender, Sendable];

    /** Which channel it was, and what a receiver received: null when its channel is over. */
    type Selected = [Sender | Receiver, Message | null];

    /** Does exactly one of the cases, one that can be done. What it throws says in `end` of which channel it is. */
    function select(cases: readonly Case[], waiting?: Waiting): Selected;
    function select_async(cases: readonly Case[], waiting?: Waiting): Promise<Selected>;

    /** What select() is made of. */
    class Selector {
      private constructor();
      static new(): Selector;
      add_receiver(receiver: Receiver): number;
      add_sender(sender: Sender, message: Message | null): number;
      set_message(index: number, message: Message | null): void;
      remove(index: number): void;
      wait(cancellable: Gio.Cancellable | null): number;
      wait_until(deadline: number, cancellable: Gio.Cancellable | null): number;
      wait_async(io_priority: number, cancellable: Gio.Cancellable | null, callback: (source: null, result: Gio.AsyncResult) => void): void;
      wait_finish(result: Gio.AsyncResult): number;
      steal_message(): Message | null;
    }

    // --- sessions ---

    enum SessionRole { CLIENT, SERVER }
    enum SessionState { CONNECTING, OPEN, DRAINING, CLOSED, FAILED }

    /** Iterate over the channels that the peer opens. */
    class Session extends GObject.Object implements AsyncIterable<Receiver>, Iterable<Receiver> {
      readonly uri: string | null;
      readonly state: SessionState;
      readonly rendezvous: boolean;
      private constructor();
      static new_for_stream(stream: Gio.IOStream, role: SessionRole): Session;
      open_channel(name?: string | null): Sender;
      accept_channel(waiting?: Waiting | Gio.Cancellable | null): Receiver | null;
      accept_channel_until(deadline: number, cancellable: Gio.Cancellable | null): Receiver | null;
      accept_channel_async(options?: Options | Gio.Cancellable | null): Promise<Receiver | null>;
      accept_channel_async(io_priority: number, cancellable: Gio.Cancellable | null, callback: Callback<Session>): void;
      accept_channel_finish(result: Gio.AsyncResult): Receiver | null;
      /** Ends the session when everything was delivered. */
      close(waiting?: Waiting | Gio.Cancellable | null): boolean;
      close_until(deadline: number, cancellable: Gio.Cancellable | null): boolean;
      close_async(options?: Options | Gio.Cancellable | null): Promise<boolean>;
      close_async(io_priority: number, cancellable: Gio.Cancellable | null, callback: Callback<Session>): void;
      close_finish(result: Gio.AsyncResult): boolean;
      abort(): void;
      /** The round trip in microseconds. */
      ping(waiting?: Waiting | Gio.Cancellable | null): number;
      ping_until(deadline: number, cancellable: Gio.Cancellable | null): [boolean, number];
      ping_async(options?: Options | Gio.Cancellable | null): Promise<number>;
      ping_async(io_priority: number, cancellable: Gio.Cancellable | null, callback: Callback<Session>): void;
      ping_finish(result: Gio.AsyncResult): [boolean, number];
      get_uri(): string | null;
      get_state(): SessionState;
      get_rendezvous(): boolean;
      get_dialect(): string | null;
      get_peer_credentials(): Gio.Credentials | null;
      get_peer_certificate(): GLib.Bytes | null;
      get_local_address(): Gio.SocketAddress | null;
      get_remote_address(): Gio.SocketAddress | null;
      dup_statistics(): GLib.Variant;
      connect(signal: 'closed', callback: (session: Session) => void): number;
      connect(signal: string, callback: (...args: never[]) => unknown): number;
      [Symbol.asyncIterator](): AsyncIterableIterator<Receiver>;
      [Symbol.iterator](): IterableIterator<Receiver>;
    }

    /** Iterate over the sessions that come in. */
    class Listener extends GObject.Object implements AsyncIterable<Session>, Iterable<Session> {
      private constructor();
      accept(waiting?: Waiting | Gio.Cancellable | null): Session | null;
      accept_until(deadline: number, cancellable: Gio.Cancellable | null): Session | null;
      accept_async(options?: Options | Gio.Cancellable | null): Promise<Session | null>;
      accept_async(io_priority: number, cancellable: Gio.Cancellable | null, callback: Callback<Listener>): void;
      accept_finish(result: Gio.AsyncResult): Session | null;
      close(): void;
      get_uri(): string;
      /** For transports. */
      set_uri(uri: string): void;
      /** For transports: a connected stream that came in. */
      deliver_stream(stream: Gio.IOStream): boolean;
      /** For transports: nothing can come any more. */
      fail(error: GLib.Error): void;
      connect(signal: 'incoming', callback: (listener: Listener, session: Session) => void): number;
      connect(signal: 'authorize', callback: (listener: Listener, session: Session) => boolean): number;
      connect(signal: string, callback: (...args: never[]) => unknown): number;
      [Symbol.asyncIterator](): AsyncIterableIterator<Session>;
      [Symbol.iterator](): IterableIterator<Session>;
    }

    function connect(uri: string, waiting?: Waiting | Gio.Cancellable | null): Session;
    function connect_until(uri: string, deadline: number, cancellable: Gio.Cancellable | null): Session;
    function connect_async(uri: string, options?: Options | Gio.Cancellable | null): Promise<Session>;
    function connect_async(uri: string, io_priority: number, cancellable: Gio.Cancellable | null,
      callback: (source: null, result: Gio.AsyncResult) => void): void;
    function connect_finish(result: Gio.AsyncResult): Session;
    function listen(uri: string, waiting?: Waiting | Gio.Cancellable | null): Listener;
    function listen_until(uri: string, deadline: number, cancellable: Gio.Cancellable | null): Listener;
    function listen_async(uri: string, options?: Options | Gio.Cancellable | null): Promise<Listener>;
    function listen_async(uri: string, io_priority: number, cancellable: Gio.Cancellable | null,
      callback: (source: null, result: Gio.AsyncResult) => void): void;
    function listen_finish(result: Gio.AsyncResult): Listener;

    // --- errors, configuration ---

    /** `error.matches(Chan.ChannelError, Chan.ChannelError.CLOSED)` */
    enum ChannelError {
      FAILED, CLOSED, RESET, CONNECTION_LOST, TIMED_OUT, PROTOCOL, TOO_LARGE, TOO_COMPLEX, LIMIT, UNKNOWN_HANDLE, MOVED,
      NO_MEMORY, PERMISSION, NO_TRANSPORT, BAD_CONFIG, UNSUPPORTED, WOULD_DEADLOCK, BAD_IDENTITY,
    }

    function channel_error_quark(): number;

    class Config extends GObject.Object {
      private constructor();
      static new(): Config;
      load(): boolean;
      load_file(path: string): boolean;
      resolve(uri_or_name: string): string[];
      list_endpoints(): string[];
      list_sources(): string[];
      to_string(): string;
    }

    // --- transports ---

    class Operation extends GObject.Object {
      private constructor();
      get_uri(): GLib.Uri;
      get_options(): SessionOptions;
      get_cancellable(): Gio.Cancellable | null;
      return_stream(stream: Gio.IOStream): void;
      return_done(): void;
      return_error(error: GLib.Error): void;
    }

    /** `Chan.Options`: the options of a session or a listener. */
    class SessionOptions extends GObject.Object {
      private constructor();
      static new(): SessionOptions;
      static list_names(): string[];
      copy(): SessionOptions;
      get_boolean(name: string): boolean;
      get_int(name: string): number;
      get_string(name: string): string;
      is_set(name: string): boolean;
      set(name: string, value: string): boolean;
      set_from_uri(uri: GLib.Uri): boolean;
    }

    /** Implement vfunc_open_link(), vfunc_listen() and vfunc_unlisten(). */
    interface Transport extends GObject.Object {
      open_link(operation: Operation): boolean;
      listen(listener: Listener, operation: Operation): boolean;
      unlisten(listener: Listener): void;
    }

    interface TransportInterface {
      new(): Transport;
      $gtype: unknown;
      prototype: Transport;
      list_schemes(): string[];
      new_for_scheme(scheme: string): Transport;
      register(scheme: string, type: unknown): boolean;
    }

    const Transport: TransportInterface;
    const TRANSPORT_EXTENSION_POINT_NAME: string;
    function transport_list_schemes(): string[];
    function transport_new_for_scheme(scheme: string): Transport;
    function transport_register(scheme: string, type: unknown): boolean;
  }

  export default Chan;
}

declare module 'gi://Chan' {
  export { default } from 'gi://Chan?version=1';
}
