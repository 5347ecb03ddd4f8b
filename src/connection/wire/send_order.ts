/**
 * Which exchanges are on the wire, and which wait behind them.
 *
 * Law: first come, first sent, also where it is sent once more. Behind an exclusive exchange, or a
 * hold, nothing is; and what would wait for the caller of another is refused, for that one may wait
 * for this in turn.
 *
 * @module
 */

import type { Place } from "../../adapters/socket.ts";
import type { OperationalError } from "../../errors.ts";
import { Fifo } from "../base/fifo.ts";
import { elsewhere, is_here } from "../base/place.ts";
import type { Exchange } from "./exchange.ts";
import { also_lost, occupied, too_late } from "./wire_errors.ts";

/** Two queues, sent and held; and those that are through both, but not done. */
export class SendOrder {
  /** What waits for answers, in the order in which they come. */
  readonly sent: Fifo<Exchange<unknown>> = new Fifo();
  /** What is not sent yet. */
  readonly held: Fifo<Exchange<unknown>> = new Fifo();
  /** What has all its answers, but whose caller still waits. */
  readonly detached: Set<Exchange<unknown>> = new Set();
  readonly #encode: (exchange: Exchange<unknown>) => boolean;
  readonly #one_at_a_time: boolean;
  readonly #place: Place | undefined;
  #holds = 0; // reasons to send nothing more
  #tenant: Exchange<unknown> | null = null; // the last sent that occupies the wire

  /**
   * @param encode Writes a request; false, with the exchange rejected, if it cannot be.
   * @param one_at_a_time Every exchange is exclusive, as transaction poolers need.
   * @param place Where anything can be sent.
   */
  constructor(
    encode: (exchange: Exchange<unknown>) => boolean,
    one_at_a_time: boolean,
    place?: Place,
  ) {
    this.#encode = encode;
    this.#one_at_a_time = one_at_a_time;
    this.#place = place;
  }

  /** Whether what comes waits for more than the answers to what is sent: for an exclusive exchange, or a cancel. */
  get is_held(): boolean {
    return this.#holds > 0;
  }

  /** Whether nothing waits for answers, or to be sent. */
  get is_empty(): boolean {
    return this.sent.size + this.held.size === 0;
  }

  /** What was submitted and is not done. */
  *all(): IterableIterator<Exchange<unknown>> {
    yield* this.sent;
    yield* this.held;
    yield* this.detached;
  }

  /** Whether the head would not run after what was submitted later if it was sent once more. */
  get may_repeat(): boolean {
    return this.sent.size === 1 || this.sent.peek()!.goes_first;
  }

  /** Why `exchange` cannot be sent: not here, or it would wait for the caller of another; null if it can. */
  refusal(exchange: Exchange<unknown>): Error | null {
    if (!is_here(this.#place)) return elsewhere(this.#place!, "run a statement");
    const tenant = this.#tenant;
    if (tenant === null || tenant === exchange || tenant.settled) return null;
    return tenant.occupies === null ? null : occupied(tenant.occupies);
  }

  /** Sends `exchange` when its turn comes. */
  push(exchange: Exchange<unknown>): void {
    if (this.held.size === 0 && this.#may_send(exchange)) this.send(exchange);
    else this.held.push(exchange);
  }

  /** Sends `exchange` now. */
  send(exchange: Exchange<unknown>): void {
    if (!this.#encode(exchange)) return exchange.end();
    this.sent.push(exchange);
    if (exchange.occupies !== null) this.#give_to(exchange);
    if (exchange.exclusive || this.#one_at_a_time) {
      exchange.exclusive = true;
      this.#holds++;
    }
  }

  /** Sends `exchange` now, and expects its answers before those to the head. */
  send_first(exchange: Exchange<unknown>): void {
    exchange.goes_first = true;
    if (this.#encode(exchange)) this.sent.unshift(exchange);
  }

  /** The head has all its answers; its caller may still wait for something else. */
  shift(is_awaited: boolean): void {
    const head = this.#take_head();
    if (is_awaited && !head.settled) {
      this.detached.add(head);
      head.on_settle = () => this.detached.delete(head);
    }
    this.#send_held();
  }

  /** Sends the head once more: in its place if it may be there, else after all that was submitted since. */
  repeat(): void {
    const in_place = this.may_repeat;
    const head = this.#take_head();
    if (head.goes_first) return this.send_first(head);
    if (in_place) this.held.unshift(head);
    else this.held.push(head);
    this.#send_held();
  }

  /** The wire is lost: nothing is sent any more. */
  lose(error: OperationalError): void {
    const [head, ...others] = this.sent.take();
    head?.drop(error, true);
    for (const exchange of others) exchange.drop(also_lost(error), true);
    for (const exchange of this.detached) exchange.lose(also_lost(error), true);
    for (const exchange of this.held.take()) exchange.drop(too_late(error), false);
  }

  /** Holds what comes, by 1; lets it go, by -1. */
  hold(change: 1 | -1): void {
    this.#holds += change;
    this.#send_held();
  }

  #take_head(): Exchange<unknown> {
    const head = this.sent.shift()!;
    if (this.#tenant === head) this.#tenant = null;
    if (head.exclusive) this.#holds--;
    return head;
  }

  /** Gives the wire to an exchange; what waits behind it would wait for its caller. */
  #give_to(tenant: Exchange<unknown>): void {
    this.#tenant = tenant;
    tenant.exclusive = true;
    for (const exchange of this.held.take()) {
      exchange.reject(occupied(tenant.occupies!));
      exchange.end();
    }
  }

  #send_held(): void {
    while (this.held.size > 0 && this.#may_send(this.held.peek()!)) this.send(this.held.shift()!);
  }

  #may_send(exchange: Exchange<unknown>): boolean {
    return this.#holds === 0 && (!exchange.alone || this.sent.size === 0);
  }
}
