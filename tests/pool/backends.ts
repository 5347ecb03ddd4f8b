/**
 * Server sessions that a test holds in its hand, for a pool under a clock that it holds too.
 *
 * A backend understands `begin`, `commit` and `rollback`, fails at statements with `fail` in them, and
 * keeps silent at those with `hang` until it is cancelled. All else succeeds and returns its pid.
 *
 * @module
 */

import type { Adapter, Place } from "../../src/adapters/socket.ts";
import { Establisher } from "../../src/connection/login/establish.ts";
import { resolve_options } from "../../src/connection/options/options.ts";
import { TypeCatalog } from "../../src/connection/statement/type_catalog.ts";
import { InterfaceError, OperationalError } from "../../src/errors.ts";
import { pool_context } from "../../src/pool/context.ts";
import { type PoolOptions, split_pool_options } from "../../src/pool/options.ts";
import { Pool } from "../../src/pool/pool.ts";
import { FakeClock } from "../support/fake_clock.ts";
import {
  bind_complete,
  command_complete,
  concat,
  data_row,
  error_response,
  parameter_description,
  parse_complete,
  ready,
  row_description,
  trust_startup,
} from "../support/messages.ts";
import type { Peer } from "../support/peer.ts";
import { scripted, type ScriptedServer } from "../support/script.ts";

/** An attempt to connect, where the test decides how it ends. */
export interface Attempt {
  readonly signal: AbortSignal;
  /** Lets it go on to the server. */
  proceed(): void;
  /** Ends it. */
  fail(error: unknown): void;
}

/** The server's end of one session. */
export class Backend {
  readonly pid: number;
  readonly peer: Peer;
  /** Statements, in order; the pool's own reset is `reset`, or `rollback, reset`. */
  readonly statements: string[] = [];
  /** How often it was cancelled. */
  cancels = 0;
  /** Where its transaction stands. */
  state = "I";
  /** Comes before the next ReadyForQuery, once. */
  greeting: Uint8Array | null = null;
  /** A statement that is cancelled when it runs next, for whatever reason. */
  strikes: string | null = null;
  /** What a reset is answered with, before ReadyForQuery. */
  reset_answer: Uint8Array = command_complete("RESET");
  /** Whether a transaction stays open when it is rolled back. */
  sticky = false;
  #held: Uint8Array[] | null = null;
  #hanging: (() => void) | null = null;
  #over = false;
  #prepared: Map<string, string> = new Map();

  constructor(pid: number, peer: Peer) {
    this.pid = pid;
    this.peer = peer;
  }

  /** Answers nothing until `answer()`. */
  hold(): void {
    this.#held ??= [];
  }

  /** Sends the answers that were held. */
  answer(): void {
    const held = this.#held ?? [];
    this.#held = null;
    this.#send(...held);
  }

  /** Sends the first of the answers that were held, and holds the others. */
  answer_one(): void {
    this.peer.send(this.#held!.shift()!);
  }

  /** Ends the session as pg_terminate_backend() does; answers that were held come in the same chunk. */
  kill(): void {
    const held = this.#held ?? [];
    this.#held = null;
    const fatal = { S: "FATAL", V: "FATAL" };
    this.peer.send(...held, error_response("57P01", "terminating connection", fatal));
    this.peer.close();
  }

  /** A CancelRequest came. */
  cancel(): void {
    this.cancels++;
    this.#hanging?.();
  }

  /** Keeps silent at nothing any more. */
  end(): void {
    this.#over = true;
    this.answer();
    this.#hanging?.();
  }

  async run(): Promise<void> {
    let sql = "";
    let parsed = false;
    for (let m = await this.peer.next(); m !== null; m = await this.peer.next()) {
      if (m.tag === "Q") await this.#simple(m.sql);
      if (m.tag === "X") this.peer.close();
      if (m.tag === "P") {
        this.#prepared.set(m.name, m.sql);
        parsed = true;
      }
      if (m.tag === "B") sql = this.#prepared.get(m.statement)!;
      if (m.tag === "S") {
        await this.#extended(sql, parsed);
        parsed = false;
      }
    }
  }

  async #simple(sql: string): Promise<void> {
    if (sql.includes("RESET ALL")) {
      const name = sql.startsWith("ROLLBACK") ? "rollback, reset" : "reset";
      if (name !== "reset" && !this.sticky) this.state = "I";
      return this.#answer(name, this.reset_answer);
    }
    const error = await this.#execute(sql);
    this.#answer(sql, error ?? concat(command_complete("OK")));
  }

  async #extended(sql: string, parsed: boolean): Promise<void> {
    const head = parsed
      ? concat(parse_complete(), parameter_description(), row_description("pid"))
      : "";
    const rows = concat(bind_complete(), data_row(String(this.pid)), command_complete("SELECT 1"));
    this.#answer(sql, concat(head, await this.#execute(sql) ?? rows));
  }

  /** What goes wrong with it; null if nothing does. */
  async #execute(sql: string): Promise<Uint8Array | null> {
    if (sql === this.strikes) {
      this.strikes = null;
      return this.#failed(error_response("57014", "canceling statement due to user request"));
    }
    if (/\bhang\b/.test(sql) && !this.#over) {
      await new Promise<void>((resolve) => this.#hanging = resolve);
      this.#hanging = null;
      return this.#failed(error_response("57014", "canceling statement due to user request"));
    }
    if (/\bfail\b/.test(sql)) return this.#failed(error_response("22012", "division by zero"));
    if (/^begin/i.test(sql)) this.state = "T";
    if (/^(commit|rollback)/i.test(sql)) this.state = "I";
    return null;
  }

  #failed(error: Uint8Array): Uint8Array {
    if (this.state === "T") this.state = "E";
    return error;
  }

  #answer(sql: string, answer: Uint8Array): void {
    this.statements.push(sql);
    this.#send(concat(answer, this.greeting ?? "", ready(this.state)));
    this.greeting = null;
  }

  #send(...answers: readonly Uint8Array[]): void {
    for (const answer of answers) {
      if (this.#held !== null) this.#held.push(answer);
      else this.peer.send(answer);
    }
  }
}

/** All sessions of one test. */
export class Backends implements AsyncDisposable {
  readonly clock: FakeClock = new FakeClock();
  /** In the order in which they were opened. */
  readonly all: Backend[] = [];
  /** Attempts that wait for the test, where it said so. */
  readonly attempts: Attempt[] = [];
  /** Sees each new session first. */
  on_open: (backend: Backend) => void = () => {};
  /** Whether attempts wait for the test. */
  manual = false;
  /** What the next attempts fail with. */
  readonly failures: unknown[] = [];
  /** Whether each socket keeps the process alive, in the order of dialing. */
  readonly alive: boolean[] = [];
  /** Whether the sockets of requests to cancel are left open. */
  slow_cancels = false;
  /** Those that were. */
  readonly cancels: Peer[] = [];
  /** How many attempts there were. */
  attempted = 0;
  /** The request that is being handled, empty outside of any; null: sockets are bound to none. */
  request: string | null = null;
  /** Warnings of the pool. */
  readonly warnings: string[] = [];
  readonly #server: ScriptedServer;
  #pool: Pool | null = null;

  constructor() {
    this.#server = scripted((peer) => this.#serve(peer), { clock: this.clock });
  }

  /** The pool, with its first connections open. */
  async pool(options: PoolOptions = {}): Promise<Pool> {
    const pool = await this.closed_pool(options);
    await pool.open_minimum();
    return pool;
  }

  /** A pool that has opened nothing yet. */
  async closed_pool(options: PoolOptions = {}): Promise<Pool> {
    const on_warning = ({ message }: { message: string }) => void this.warnings.push(message);
    const given = { on_warning, ...options };
    const own = split_pool_options("postgres://me@scripted/db?sslmode=disable", given);
    const connection = await resolve_options(own.dsn, own.options, this.#server);
    const sessions = new Establisher(this.#adapter(), connection, new TypeCatalog(connection, []));
    const place = this.request === null ? undefined : () => this.#place();
    const context = {
      ...pool_context(own.pool, connection, { clock: this.clock, place }),
      random: () => 0,
    };
    this.#pool = new Pool(async (signal) => {
      await this.#gate(signal);
      return await sessions.open(Infinity, signal);
    }, context);
    return this.#pool;
  }

  /** Those that are open. */
  get open(): Backend[] {
    return this.all.filter(({ peer }) => !peer.client_closed);
  }

  /** Ends the pool, and checks that all its sessions ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#pool?.terminate();
    for (const backend of this.all) backend.end();
    if (this.request !== null) { // sessions end with their requests
      for (const { peer } of this.all) peer.close();
    }
    await this.#pool?.wait_closed();
    await this.#server.finished();
  }

  /** As on workerd. */
  #place(): Place {
    const { request } = this;
    if (request === "") throw new InterfaceError("cannot connect: no request is handled");
    return { name: "request", is_here: () => this.request === request };
  }

  #adapter(): Adapter {
    const dial = async (...args: Parameters<Adapter["dial"]>) => {
      const socket = await this.#server.dial(...args);
      const at = this.alive.push(true) - 1;
      const set = (alive: boolean) => () => void (this.alive[at] = alive);
      const place = this.request === null ? {} : { place: this.#place() };
      return { ...socket, ...place, ref: set(true), unref: set(false) };
    };
    return { name: "scripted", clock: this.clock, dial };
  }

  async #serve(peer: Peer): Promise<void> {
    const first = await peer.next();
    if (first?.tag === "cancel") {
      this.all.find(({ pid }) => pid === first.pid)?.cancel();
      if (this.slow_cancels) return void this.cancels.push(peer);
      return peer.close();
    }
    if (first === null) return;
    const backend = new Backend(1001 + this.all.length, peer);
    this.all.push(backend);
    this.on_open(backend);
    peer.send(trust_startup({ pid: backend.pid }));
    await backend.run();
  }

  async #gate(signal: AbortSignal): Promise<void> {
    this.attempted++;
    signal.throwIfAborted();
    if (this.failures.length > 0) throw this.failures.shift();
    if (!this.manual) return;
    await new Promise<void>((proceed, fail) => {
      this.attempts.push({ signal, proceed, fail });
      signal.addEventListener("abort", () => fail(signal.reason));
    });
  }
}

/** As connecting fails while no server listens. */
export function refused(): OperationalError {
  return new OperationalError("cannot connect: connection refused", { sqlstate: "08001" });
}

/** As connecting fails while the server has no room. */
export function server_full(): OperationalError {
  return new OperationalError("sorry, too many clients already", { sqlstate: "53300" });
}

/** Lets all that can happen now happen. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 300; i++) await Promise.resolve();
}
