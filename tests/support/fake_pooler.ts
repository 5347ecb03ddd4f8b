/**
 * A transaction pooler in this process, stricter than any real one, in front of a real server.
 *
 * ```text
 * client ──▶ whole Sync group ──▶ some server connection, until its ReadyForQuery says I
 * ```
 *
 * Law: a client that asks for more than a transaction pooler has to give is cut off, and `complaints`
 * says why: a startup parameter that poolers do not know, a named statement, a Flush, anything
 * sent behind a Sync that is not answered, or data of a COPY whose transaction is over. Every group outside a transaction goes to another server
 * connection than the one before.
 *
 * Source: https://www.pgbouncer.org/features.html
 *
 * @module
 */

import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import {
  auth_ok,
  backend_key,
  concat,
  error_response,
  i32,
  negotiate,
  parameter_status,
  ready,
} from "./messages.ts";

/** Startup parameters that every pooler knows. */
const KNOWN = ["user", "database", "client_encoding", "application_name"];
const SSL_REQUEST = 80877103;
const CANCEL_REQUEST = 80877102;
const PROTOCOL_3_0 = 0x30000;
/** Key of every client; their numbers tell them apart. */
const KEY = Uint8Array.of(1, 2, 3, 4);

/** Where the server is. It must trust the user. */
export interface PooledServer {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
}

/** A message with its tag and length, as it lay on the wire. */
interface Message {
  readonly tag: string;
  readonly bytes: Uint8Array;
}

/** Cuts a stream of messages; the first one has no tag where `untagged`. */
class Messages {
  #bytes: Uint8Array = new Uint8Array(0);
  #untagged: boolean;

  constructor(untagged: boolean) {
    this.#untagged = untagged;
  }

  /** What comes next has no tag, again: it was a question for TLS. */
  again(): void {
    this.#untagged = true;
  }

  push(chunk: Uint8Array): void {
    this.#bytes = concat(this.#bytes, chunk);
  }

  next(): Message | null {
    const head = this.#untagged ? 0 : 1;
    if (this.#bytes.length < head + 4) return null;
    const size = head + new DataView(this.#bytes.buffer, this.#bytes.byteOffset).getInt32(head);
    if (this.#bytes.length < size) return null;
    const bytes = this.#bytes.slice(0, size);
    this.#bytes = this.#bytes.subarray(size);
    this.#untagged = false;
    return { tag: head === 0 ? "" : String.fromCharCode(bytes[0]!), bytes };
  }
}

/** A session of the server, lent to one client at a time. */
class Backend {
  readonly socket: Socket;
  client: Client | null = null;
  pid = 0;
  key: Uint8Array = new Uint8Array(0);
  parameters: [name: string, value: string][] = [];
  readonly #messages = new Messages(false);
  readonly #pooler: FakePooler;
  #started: () => void = () => {};

  constructor(pooler: FakePooler, socket: Socket) {
    this.#pooler = pooler;
    this.socket = socket;
    socket.on("data", (chunk) => this.#receive(chunk));
    socket.on("close", () => pooler.lost(this));
  }

  /** Logs in; resolves when it can be lent. */
  start(user: string, database: string): Promise<void> {
    const fields = ["user", user, "database", database, "client_encoding", "UTF8"];
    const body = concat(i32(PROTOCOL_3_0), `${fields.join("\0")}\0\0`);
    this.socket.write(concat(i32(body.length + 4), body));
    return new Promise((resolve) => this.#started = resolve);
  }

  #receive(chunk: Uint8Array): void {
    this.#messages.push(new Uint8Array(chunk));
    for (let m = this.#messages.next(); m !== null; m = this.#messages.next()) this.#message(m);
  }

  #message({ tag, bytes }: Message): void {
    const { client } = this;
    if (client !== null) client.send(bytes);
    else if (tag === "K") this.#remember_key(bytes);
    else if (tag === "S") {
      this.parameters.push(text(bytes).slice(5).split("\0") as [string, string]);
    }
    if (tag === "G" && client !== null) client.copying = true;
    if (tag !== "Z") return;
    if (client === null) return this.#started();
    client.answered(text(bytes).slice(5));
  }

  #remember_key(bytes: Uint8Array): void {
    this.pid = new DataView(bytes.buffer).getInt32(5);
    this.key = bytes.slice(9);
  }
}

/** A connection of a client. */
class Client {
  /** Sync groups that it has sent. */
  groups = 0;
  /** Whether it may send data now. */
  copying = false;
  readonly number: number;
  readonly #pooler: FakePooler;
  readonly #socket: Socket;
  readonly #messages = new Messages(true);
  #group: Uint8Array[] = [];
  #waiting = false; // for a ReadyForQuery
  #backend: Backend | null = null;

  constructor(pooler: FakePooler, socket: Socket, number: number) {
    this.#pooler = pooler;
    this.#socket = socket;
    this.number = number;
    socket.on("error", () => {}); // "close" follows
    socket.on("close", () => pooler.left(this, this.#backend));
    socket.on("data", (chunk) => {
      this.#messages.push(new Uint8Array(chunk));
      for (let m = this.#messages.next(); m !== null; m = this.#messages.next()) this.#message(m);
    });
  }

  get backend(): Backend | null {
    return this.#backend;
  }

  send(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  /** Takes over a server connection, for the group that waits. */
  serve(backend: Backend): void {
    this.#backend = backend;
    backend.client = this;
    this.#forward();
  }

  /** ReadyForQuery came. */
  answered(state: string): void {
    this.#waiting = this.copying = false;
    if (state !== "I") return;
    const backend = this.#backend!;
    backend.client = this.#backend = null;
    this.#pooler.give_back(backend);
  }

  #message({ tag, bytes }: Message): void {
    if (tag === "") return this.#begin(bytes);
    if (tag === "X") return void this.#socket.end();
    if (this.copying && "dcfS".includes(tag)) return void this.#backend!.socket.write(bytes);
    if ("dcf".includes(tag)) return this.#late_data(tag);
    if (this.#waiting) return this.#complain("08P01", `${tag} behind a Sync that is not answered`);
    if (tag === "H") return this.#complain("08P01", "Flush");
    if ((tag === "P" || tag === "C" && bytes[5] === 0x53) && this.#names_statement(tag, bytes)) {
      return this.#complain("0A000", "a named statement");
    }
    this.#group.push(bytes);
    if (tag !== "S" && tag !== "Q") return;
    this.groups++;
    this.#waiting = true;
    if (this.#backend !== null) this.#forward();
    else this.#pooler.wait(this);
  }

  /** Of a COPY that has failed: the server that it was for must still be there to ignore it. */
  #late_data(tag: string): void {
    if (this.#backend === null) this.#complain("08P01", `${tag} behind the end of its transaction`);
  }

  #names_statement(tag: string, bytes: Uint8Array): boolean {
    return bytes[tag === "P" ? 5 : 6] !== 0;
  }

  #forward(): void {
    this.#backend!.socket.write(concat(...this.#group));
    this.#group = [];
  }

  #begin(bytes: Uint8Array): void {
    const code = new DataView(bytes.buffer).getInt32(4);
    if (code === SSL_REQUEST) {
      this.#messages.again();
      return this.send(new TextEncoder().encode("N"));
    }
    if (code === CANCEL_REQUEST) {
      const pid = new DataView(bytes.buffer).getInt32(8);
      return this.#pooler.cancel(pid, () => this.#socket.end());
    }
    const fields = text(bytes).slice(8).split("\0");
    const names = fields.filter((name, at) => at % 2 === 0 && name !== "");
    const unknown = names.find((name) => !KNOWN.includes(name));
    if (unknown !== undefined) {
      return this.#complain("08P01", `unsupported startup parameter: ${unknown}`);
    }
    const settings = this.#pooler.parameters.map(([name, value]) => parameter_status(name, value));
    this.send(concat(
      code > PROTOCOL_3_0 ? negotiate(PROTOCOL_3_0) : "",
      auth_ok(),
      ...settings,
      backend_key(this.number, KEY),
      ready(),
    ));
  }

  #complain(sqlstate: string, complaint: string): void {
    this.#pooler.complaints.push(complaint);
    this.#socket.end(error_response(sqlstate, complaint, { S: "FATAL", V: "FATAL" }));
  }
}

/** Listens on a free port of 127.0.0.1. */
export class FakePooler implements AsyncDisposable {
  /** What clients did that they must not. */
  readonly complaints: string[] = [];
  readonly #server: PooledServer;
  readonly #listener: Server;
  readonly #backends: Backend[] = [];
  readonly #free: Backend[] = [];
  readonly #waiting: Client[] = [];
  readonly #clients: Map<Client, Socket> = new Map();
  #numbers = 0;
  #groups = 0; // of clients that have left

  private constructor(server: PooledServer) {
    this.#server = server;
    this.#listener = createServer({ noDelay: true }, (socket) => {
      this.#clients.set(new Client(this, socket, ++this.#numbers), socket);
    });
  }

  /** Starts one with so many server connections. */
  static async start(server: PooledServer, size: number): Promise<FakePooler> {
    const pooler = new FakePooler(server);
    for (let i = 0; i < size; i++) {
      const { host, port, user, database } = server;
      const socket = connect({ host, port, noDelay: true });
      socket.on("error", () => {}); // "close" follows
      const backend = new Backend(pooler, socket);
      pooler.#backends.push(backend);
      await backend.start(user, database);
      pooler.#free.push(backend);
    }
    await new Promise<void>((resolve) => pooler.#listener.listen(0, "127.0.0.1", resolve));
    return pooler;
  }

  /** Where it listens. */
  get port(): number {
    return (this.#listener.address() as AddressInfo).port;
  }

  /** Round trips of all clients so far, logins apart. */
  get round_trips(): number {
    return [...this.#clients.keys()].reduce((sum, { groups }) => sum + groups, this.#groups);
  }

  /** For its clients: the settings of the server. */
  get parameters(): readonly [name: string, value: string][] {
    return this.#backends[0]!.parameters;
  }

  /** For its clients: has a group, and no server connection. */
  wait(client: Client): void {
    const backend = this.#free.shift();
    if (backend === undefined) this.#waiting.push(client);
    else client.serve(backend);
  }

  /** For its clients: a transaction is over. The one that was used longest ago goes next. */
  give_back(backend: Backend): void {
    const client = this.#waiting.shift();
    if (client === undefined) this.#free.push(backend);
    else client.serve(backend);
  }

  /** For its clients: one wants another's statement cancelled. */
  cancel(number: number, done: () => void): void {
    const client = [...this.#clients.keys()].find((client) => client.number === number);
    const backend = client?.backend;
    if (!backend) return done();
    const { host, port } = this.#server;
    const socket = connect({ host, port });
    socket.on("error", () => {});
    socket.on("close", done);
    socket.resume();
    socket.write(
      concat(i32(12 + backend.key.length), i32(CANCEL_REQUEST), i32(backend.pid), backend.key),
    );
  }

  /** For its clients: one has left; what it leaves behind on the server goes with it. */
  left(client: Client, backend: Backend | null): void {
    this.#groups += client.groups;
    this.#clients.delete(client);
    const at = this.#waiting.indexOf(client);
    if (at >= 0) this.#waiting.splice(at, 1);
    backend?.socket.destroy();
  }

  /** For server connections: one is gone. */
  lost(backend: Backend): void {
    if (backend.client !== null) this.#clients.get(backend.client)?.destroy();
    const at = this.#free.indexOf(backend);
    if (at >= 0) this.#free.splice(at, 1);
  }

  /** Closes all connections. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#listener.close(resolve));
    for (const socket of this.#clients.values()) socket.destroy();
    for (const { socket } of this.#backends) socket.destroy();
    await closed;
  }
}

/** One character a byte. */
function text(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
