// SPDX-License-Identifier: LGPL-2.1-or-later
// What Chan.d.ts needs of the @girs packages, which are not in Debian.
declare module 'gi://GObject?version=2.0' {
  namespace GObject {
    class Object {
      private readonly isObject: true;
      connect(signal: string, callback: (...args: never[]) => unknown): number;
      disconnect(handler: number): void;
    }
  }
  export default GObject;
}

declare module 'gi://GLib?version=2.0' {
  namespace GLib {
    class Variant { private readonly isVariant: true; constructor(type: string, value: unknown); }
    class Bytes { private readonly isBytes: true; constructor(data: Uint8Array); }
    class Uri { to_string(): string; }
    class Source { attach(context: null): number; }
    class Error { readonly code: number; readonly message: string; matches(domain: unknown, code: number): boolean; }
  }
  export default GLib;
}

declare module 'gi://Gio?version=2.0' {
  import type GObject from 'gi://GObject?version=2.0';
  namespace Gio {
    class Cancellable extends GObject.Object { private readonly isCancellable: true; cancel(): void; }
    class IOStream extends GObject.Object { private readonly isStream: true; get_input_stream(): InputStream; }
    class InputStream extends GObject.Object { private readonly isInput: true; }
    class OutputStream extends GObject.Object { private readonly isOutput: true; }
    class Credentials extends GObject.Object { private readonly isCredentials: true; }
    class SocketAddress extends GObject.Object { private readonly isAddress: true; }
    interface AsyncResult { get_source_object(): GObject.Object | null; }
  }
  export default Gio;
}
