/**
 * Opens sessions: dial, encrypt, log in, on the first of the hosts that will do.
 * The only maker of a Session.
 *
 * Law: what belongs to one attempt (password, key, negotiated version) never
 * reaches another. A server that refuses the login ends the search, since all
 * hosts are asked as the same user; one that cannot be reached does not.
 *
 * Source: PQconnectPoll, src/interfaces/libpq/fe-connect.c
 *
 * @module
 */

import type { Adapter, Clock } from "../../adapters/socket.ts";
import { OperationalError, PgError, TimeoutError } from "../../errors.ts";
import { handshake, type HandshakeOptions, type SessionStart } from "../../protocol/handshake.ts";
import type { ScramKeyCache } from "../../protocol/scram.ts";
import { PROTOCOL_3_0 } from "../../protocol/tags.ts";
import { system_clock } from "../base/clock.ts";
import { abort_after, unless_aborted } from "../base/within.ts";
import type { SslMode } from "../options/connect_options.ts";
import { type Host, is_local } from "../options/hosts.ts";
import type { ResolvedOptions } from "../options/options.ts";
import { Session } from "../session/session.ts";
import type { TypeCatalog } from "../statement/type_catalog.ts";
import { Line } from "../wire/line.ts";
import { send_cancel } from "./cancel.ts";
import { certificate_hash } from "./certificate_hash.ts";
import { type Channel, is_optional, open_channel } from "./encrypt.ts";
import { apply_settings, settings_sql } from "./initial_settings.ts";
import { first_line, login_io, NoAnswer } from "./login_io.ts";
import { is_acceptable, passes, type Wanted } from "./target_session.ts";

/** Opens any number of sessions with the same options, as a pool does. */
export class Establisher {
  readonly #adapter: Adapter;
  readonly #options: ResolvedOptions;
  readonly #types: TypeCatalog;
  readonly #clock: Clock;
  readonly #scram_keys: ScramKeyCache = new Map();

  /** @param types Shared by all sessions. */
  constructor(adapter: Adapter, options: ResolvedOptions, types: TypeCatalog) {
    this.#adapter = adapter;
    this.#options = options;
    this.#types = types;
    this.#clock = adapter.clock ?? system_clock;
  }

  /**
   * Opens a session.
   *
   * @param timeout Seconds for all of it.
   * @param signal Abandons the attempt.
   * @throws {InterfaceError} If nothing can be dialled here.
   * @throws {OperationalError} If no host will do; its DETAIL has a line for each.
   * @throws {TimeoutError} If none was ready in time.
   */
  async open(timeout: number, signal?: AbortSignal): Promise<Session> {
    this.#adapter.place?.(); // throws at once where nothing can be dialled
    return await abort_after(
      this.#clock,
      timeout,
      () => too_slow(timeout, "timeout"),
      signal,
      this.#open,
    );
  }

  readonly #open = async (signal: AbortSignal): Promise<Session> => {
    const failures: string[] = [];
    let last: unknown;
    for (const wanted of passes(this.#options.target_session_attrs)) {
      for (const host of this.#hosts()) {
        try {
          const session = await this.#open_host(host, signal);
          if (await is_acceptable(session, wanted)) return session;
          await session.close();
          last = other_kind(wanted);
        } catch (error) {
          signal.throwIfAborted();
          if (error instanceof PasswordFault) throw error.reason;
          if (ends_search(error)) throw error;
          last = error;
        }
        failures.push(`${host.host}:${host.port}: ${first_line(last)}`);
      }
    }
    if (failures.length === 1 && last instanceof PgError) throw last;
    throw new OperationalError("cannot connect: no host could be used", {
      detail: failures.join("\n"),
      sqlstate: "08001",
      safe_to_retry: true,
      cause: last,
    });
  };

  #hosts(): readonly Host[] {
    const { hosts, load_balance_hosts } = this.#options;
    return load_balance_hosts === "random" ? shuffled(hosts) : hosts;
  }

  /** Within `connect_timeout`, which is per host. */
  #open_host(host: Host, signal: AbortSignal): Promise<Session> {
    const { connect_timeout } = this.#options;
    const late = () => too_slow(connect_timeout, "connect_timeout");
    return abort_after(
      this.#clock,
      connect_timeout,
      late,
      signal,
      (signal) => this.#try_ways(host, signal),
    );
  }

  /** `allow` tries without TLS first; `prefer` with, where the server then refuses the login. */
  async #try_ways(host: Host, signal: AbortSignal): Promise<Session> {
    const { sslmode } = this.#options;
    const tls_first = sslmode !== "disable" && sslmode !== "allow";
    try {
      return await this.#try_versions(host, tls_first, signal);
    } catch (error) {
      const other_way = sslmode === "allow" || sslmode === "prefer";
      if (!other_way || "path" in host.address || !is_refusal(error)) throw error;
      return await this.#try_versions(host, !tls_first, signal).catch(() => {
        throw error;
      });
    }
  }

  /** Some poolers and old servers refuse, or drop, who asks for 3.2 instead of negotiating. */
  async #try_versions(host: Host, use_tls: boolean, signal: AbortSignal): Promise<Session> {
    const { max_protocol_version, min_protocol_version } = this.#options;
    try {
      return await this.#log_in(host, use_tls, max_protocol_version, signal);
    } catch (error) {
      const older = max_protocol_version > PROTOCOL_3_0 && min_protocol_version <= PROTOCOL_3_0;
      if (!older || signal.aborted || !is_too_new(error)) throw error;
      return await this.#log_in(host, use_tls, PROTOCOL_3_0, signal);
    }
  }

  async #log_in(
    host: Host,
    use_tls: boolean,
    version: number,
    signal: AbortSignal,
  ): Promise<Session> {
    const channel = await this.#channel(host, use_tls, signal);
    const { socket, encrypted } = channel;
    const close = () => socket.close();
    signal.addEventListener("abort", close);
    try {
      signal.throwIfAborted();
      const line = new Line(socket);
      const start = await handshake(login_io(line), {
        ...await this.#auth(host, channel, signal),
        parameters: this.#options.startup,
        max_protocol_version: version,
        min_protocol_version: this.#options.min_protocol_version,
      });
      line.frames.authenticated = true;
      const session = this.#session(host, line, start, encrypted);
      await apply_settings(session, signal);
      return session;
    } catch (error) {
      socket.close();
      throw signal.aborted ? signal.reason : error;
    } finally {
      signal.removeEventListener("abort", close);
    }
  }

  async #channel(
    host: Host,
    use_tls: boolean,
    signal: AbortSignal,
    sslmode: SslMode = this.#options.sslmode,
  ): Promise<Channel> {
    const { sslnegotiation, tls_for } = this.#options;
    const options = { sslmode, sslnegotiation, tls: tls_for(host) };
    return await open_channel(this.#adapter, host.address, options, use_tls, signal);
  }

  async #auth(
    host: Host,
    { socket, encrypted }: Channel,
    signal: AbortSignal,
  ): Promise<Omit<HandshakeOptions, "parameters">> {
    const { require_auth, channel_binding, scram_max_iterations } = this.#options;
    const certificate = encrypted ? socket.peer_certificate : null;
    return {
      password: () => this.#password(host, signal),
      secret_allowed: encrypted || (socket.is_private ?? is_local(host)),
      encrypted,
      require_auth,
      channel_binding,
      channel_binding_data: certificate ? await certificate_hash(certificate) : null,
      max_scram_iterations: scram_max_iterations,
      scram_keys: this.#scram_keys,
    };
  }

  async #password(host: Host, signal: AbortSignal): Promise<string | null> {
    try {
      return await unless_aborted(() => this.#options.password_for(host), signal);
    } catch (error) {
      throw new PasswordFault(error);
    }
  }

  #session(host: Host, line: Line, start: SessionStart, encrypted: boolean): Session {
    const { statement_cache_size, pooler, sslmode } = this.#options;
    const same_mode = encrypted && is_optional(sslmode) ? "require" : sslmode;
    // Not the name again: it may resolve to another server.
    const same = { ...host, address: line.socket.remote ?? host.address };
    const session = new Session(line, start, {
      clock: this.#clock,
      types: this.#types,
      statement_cache_size,
      transaction_pooler: pooler === "transaction",
      initial_settings: this.#adapter.single_session ? settings_sql(this.#options.startup) : "",
      send_cancel: ({ backend_pid, secret_key }, signal) =>
        send_cancel(
          (signal) => this.#channel(same, encrypted, signal, same_mode),
          backend_pid,
          secret_key,
          signal,
        ),
    });
    for (const [name, value] of this.#options.startup) session.text_form.note(`${name} = ${value}`);
    return session;
  }
}

/** There is no password to be had, which is no fault of the host. */
class PasswordFault extends Error {
  /** What its caller is to be told. */
  readonly reason: unknown;

  constructor(reason: unknown) {
    super();
    this.reason = reason;
  }
}

/** A login that the server refused: the next host would ask the same user the same. */
function ends_search(error: unknown): boolean {
  if (!(error instanceof OperationalError)) return error instanceof PgError;
  const { sqlstate } = error;
  return sqlstate !== null &&
    (sqlstate.startsWith("28") || sqlstate === "3D000" || sqlstate === "42501");
}

/** It may be the version that the server did not like: PgBouncer before 1.23 calls it a bad packet. */
function is_too_new(error: unknown): boolean {
  if (error instanceof NoAnswer) return true;
  return error instanceof OperationalError && TOO_NEW.includes(error.diag?.sqlstate ?? "");
}

/** protocol_violation, feature_not_supported. */
const TOO_NEW: readonly string[] = ["08P01", "0A000"];

/** The server said no to this way of connecting, rather than not being there. */
function is_refusal(error: unknown): boolean {
  return error instanceof OperationalError && error.diag?.sqlstate?.startsWith("28") === true;
}

function other_kind(wanted: Wanted): OperationalError {
  return new OperationalError(
    `cannot connect: the session must be ${wanted} (target_session_attrs), but is not`,
    { sqlstate: "08001", safe_to_retry: true },
  );
}

function too_slow(seconds: number, option: string): TimeoutError {
  return new TimeoutError(
    `cannot connect: the server must be ready within ${seconds} s (${option}), but was not`,
    { safe_to_retry: true },
  );
}

function shuffled<T>(items: readonly T[]): T[] {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [result[i], result[j]] = [result[j]!, result[i]!];
  }
  return result;
}
