/**
 * What a runtime must give the core: one function that dials, and what of the
 * host the core may see.
 *
 * Streams are the Web's own. Everything else the core needs (timers,
 * `crypto.subtle`, `TextEncoder`) is global on every runtime, so it is not here.
 *
 * @module
 */

/** Where the server listens. */
export type Address =
  | { readonly hostname: string; readonly port: number }
  | { readonly path: string };

/** How to encrypt, and how to verify the server. */
export interface TlsOptions {
  /** Name the certificate must carry; also sent as SNI. */
  readonly hostname: string;
  /** PEM roots to trust instead of the runtime's own. */
  readonly ca?: readonly string[];
  /** `full`: chain and name. `ca`: chain only. `none`: nothing is verified. */
  readonly verify: "full" | "ca" | "none";
  /** The client's certificate chain, PEM. */
  readonly cert?: string;
  /** The key of `cert`, PEM. */
  readonly key?: string;
  /** Protocols to offer by ALPN, such as `["postgresql"]`. */
  readonly alpn?: readonly string[];
  /** Whether the server must pick one of `alpn`, as where TLS begins at once; else the handshake fails. */
  readonly alpn_required?: boolean;
  /** Whether the caller will ask for `peer_certificate`, which some runtimes give at a cost. */
  readonly want_certificate?: boolean;
}

/** An open byte stream to the server, after the WinterTC Sockets API. */
export interface Socket {
  /** Bytes from the server. Ends when the server closes; errors when the connection is lost. */
  readonly readable: ReadableStream<Uint8Array>;
  /** Bytes to the server. `write()` settles when the runtime took them, and then owns them no longer. */
  readonly writable: WritableStream<Uint8Array>;
  /**
   * Runs the TLS handshake and resolves to the encrypted socket; this one is
   * dead from then on, also on failure. Both streams must be unlocked. Absent
   * where the runtime cannot.
   */
  start_tls?(options: TlsOptions): Promise<Socket>;
  /** The server's certificate, DER; null without TLS or where the runtime hides it. */
  readonly peer_certificate?: Uint8Array | null;
  /**
   * Whether nobody but the server can read what is sent, although there is no TLS here. Undefined:
   * the address tells, as Unix sockets and loopback are within the machine.
   */
  readonly is_private?: boolean;
  /** Where the socket really went: the address that a name resolved to. */
  readonly remote?: Address;
  /** Where it can be used; absent: anywhere. */
  readonly place?: Place;
  /** Lets the process live while the socket is open (the state at first). */
  ref?(): void;
  /** Lets the process end although the socket is open. */
  unref?(): void;
  /** Drops the connection now. Never throws, and may be called twice. */
  close(): void;
}

/** Where sockets can be used, on runtimes that bind them to what opened them: on workerd, one request. */
export interface Place {
  /** What it is, such as `"request"`; only for messages. */
  readonly name: string;
  /** Whether the caller runs there. False for ever once the place has ended. */
  is_here(): boolean;
}

/** Time as the core sees it, so that tests can pass their own. */
export interface Clock {
  /** Milliseconds since some fixed moment; never goes back. */
  now(): number;
  /**
   * Calls `callback` once, `delay` milliseconds from now, unless the result is
   * called first. Does not keep the process alive.
   */
  set_timer(delay: number, callback: () => void): () => void;
}

/** One runtime, as the core sees it. */
export interface Adapter {
  /** The runtime's name, such as `"deno"`; only for messages. */
  readonly name: string;
  /**
   * Opens a socket, with TCP_NODELAY where it is TCP.
   *
   * @param signal Abandons the attempt; it then rejects with the signal's reason.
   */
  dial(address: Address, signal?: AbortSignal): Promise<Socket>;
  /** Why none of its sockets can be encrypted: an `sslmode` that needs TLS is then refused before one is opened. */
  readonly no_tls?: string;
  /**
   * Whether all its sockets lead to one session of the server, which began before they did. One may
   * be open at a time, so a pool has one connection; and what the startup message sets has no effect,
   * so it is set afterwards.
   */
  readonly single_session?: boolean;
  /**
   * Where sockets that are dialled now can be used; absent where any can be used anywhere. Each call
   * makes another `Place`, also for the same request.
   *
   * @throws {InterfaceError} If nothing can be dialled here.
   */
  place?(): Place;
  /** The runtime's clock, where the global timers will not do. */
  readonly clock?: Clock;
  /** An environment variable; undefined where unset, or where the runtime forbids asking. */
  env?(name: string): string | undefined;
  /** The name of the operating system's user; undefined where unknown or forbidden. */
  user?(): string | undefined;
  /**
   * A small text file; undefined where it does not exist or may not be read.
   * `secret` refuses files that others can read, as libpq does for passfiles.
   */
  read_text?(path: string, options?: { readonly secret?: boolean }): Promise<string | undefined>;
}
