/**
 * A transaction, or a savepoint in one: where it stands.
 *
 *     opening ──▶ open ──▶ ending ──▶ committed, or failed to be
 *        │          ▲         │
 *        │          └─ failed ┼─────▶ rolled_back
 *        └────────────────────┘
 *
 * @module
 */

/** Where a scope stands. */
export type ScopeState = "opening" | "open" | "ending" | "committed" | "failed" | "rolled_back";

/** A transaction, or a savepoint in one. */
export class Scope {
  /** What it is in; null: it is the transaction itself. */
  readonly outer: Scope | null;
  /** How many it is in. */
  readonly depth: number;
  /** Where it stands. */
  state: ScopeState = "opening";
  /** Its beginning, or its end if that is under way. Rejections are handled. */
  pending: Promise<void> = Promise.resolve();
  /** The wire's, when it began. */
  idle_count = 0;

  /** Made by `Scopes`. */
  constructor(outer: Scope | null) {
    this.outer = outer;
    this.depth = outer === null ? 0 : outer.depth + 1;
  }

  /** Whether it was committed, failed to be, or was rolled back. */
  get ended(): boolean {
    return this.state === "committed" || this.state === "failed" || this.state === "rolled_back";
  }

  /** The savepoint's name. By depth, so that there are few texts, and each hides an older one. */
  get savepoint(): string {
    return `edgepg_${this.depth}`;
  }
}
