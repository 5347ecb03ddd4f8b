/** A host with an environment and files in memory, and no network. */

import type { Adapter } from "../../src/adapters/socket.ts";

/** What the host has. */
export interface FakeHost {
  readonly env?: Readonly<Record<string, string>>;
  readonly user?: string;
  /** Texts by path; those whose path has "open" in it can be read by others. */
  readonly files?: Readonly<Record<string, string>>;
}

/** The adapter of such a host; a host without anything by default. */
export function fake_adapter(host: FakeHost = {}): Adapter {
  return {
    name: "fake",
    dial: () => Promise.reject(new Error("there is no network here")),
    env: (name) => host.env?.[name],
    user: () => host.user,
    read_text: (path, { secret = false } = {}) => {
      const readable = !secret || !path.includes("open");
      return Promise.resolve(readable ? host.files?.[path] : undefined);
    },
  };
}
