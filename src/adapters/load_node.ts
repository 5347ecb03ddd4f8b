/**
 * Loads Node's modules where there are any.
 *
 * Each import is dynamic, so that every runtime may load the files that need
 * one; literal, so that tools can follow it; and inside `try`, so that bundlers
 * for runtimes without Node's modules let it pass.
 *
 * @module
 */

import { NotSupportedError } from "../errors.ts";

/** `node:net`. */
export async function load_net(): Promise<typeof import("node:net")> {
  try {
    return await import("node:net");
  } catch (cause) {
    throw lacking("node:net", cause);
  }
}

/** `node:tls`. */
export async function load_tls(): Promise<typeof import("node:tls")> {
  try {
    return await import("node:tls");
  } catch (cause) {
    throw lacking("node:tls", cause);
  }
}

/** The `Duplex` of `node:stream`. */
export async function load_duplex(): Promise<typeof import("node:stream").Duplex> {
  try {
    return (await import("node:stream")).Duplex;
  } catch (cause) {
    throw lacking("node:stream", cause);
  }
}

function lacking(name: string, cause: unknown): NotSupportedError {
  return new NotSupportedError(`cannot connect: this runtime has no ${name}`, { cause });
}
