/** The layers of src/, as its import lines have them. */

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** What each layer may import besides itself. */
const LAYERS: Readonly<Record<string, readonly string[]>> = {
  "src/sqlstate.ts": [],
  "src/errors.ts": ["src/sqlstate.ts"],
  "src/server_error.ts": ["src/errors.ts"],
  "src/bytes": ["src/errors.ts"],
  "src/protocol": ["src/bytes", "src/errors.ts", "src/server_error.ts"],
  "src/codecs": ["src/bytes", "src/errors.ts"],
  "src/sql": ["src/errors.ts", "src/protocol"],
  "src/rows": ["src/bytes", "src/codecs", "src/protocol", "src/errors.ts"],
  "src/adapters": ["src/errors.ts", "src/bytes", "src/protocol", "src/sql"],
  "src/connection": [
    "src/adapters/socket.ts",
    "src/bytes",
    "src/codecs",
    "src/errors.ts",
    "src/protocol",
    "src/rows",
    "src/server_error.ts",
    "src/sql",
  ],
  "src/pool": [
    "src/adapters/socket.ts",
    "src/bytes",
    "src/server_error.ts",
    "src/codecs",
    "src/connection",
    "src/errors.ts",
    "src/protocol",
    "src/rows",
    "src/sql",
  ],
  "src/entries": ["src"],
  "mod.ts": ["src/adapters", "src/entries"],
};

/** The folders of src/connection; each imports only from itself and those before it. */
const CONNECTION = [
  "base", // what all of it uses: deadlines, queues, checks, stacks
  "options", // from a dsn, options and the environment to what a connection is made with
  "wire", // the socket, and requests in order
  "statement", // one statement: parameters, preparation, rows
  "session", // one backend session, and its open transaction
  "login", // from an address to a session; cancels
  "copy",
  "calls", // statements in one call
  "transaction",
  "handle", // connections and cursors, as users hold them
];
/** Where users' classes are named, from below, as types only: by options, and by what belongs to one. */
const NAMES_HANDLES = /^src\/connection\/(options|transaction)\//;

/** What only a runtime has, and who may name it although it is no adapter. */
const HOST_NAMES = /\b(Deno|Bun|process|Buffer)\b|["'`](node|bun|cloudflare):/;
const HOST_EXCEPTIONS = new Set(["src/bytes/utf8.ts"]);

interface Import {
  readonly from: string;
  readonly to: string;
  readonly is_type: boolean;
}

const files = ["mod.ts", ...list("src")];
const imports = files.flatMap(imports_of);

describe("the layers of src/", () => {
  it("import only downwards", () => {
    const wrong = imports.filter(({ from, to }) => {
      const layer = layer_of(from);
      return layer_of(to) !== layer && !LAYERS[layer]!.some((allowed) => is_in(to, allowed));
    });
    assertEquals(wrong, []);
  });

  it("import only downwards inside src/connection", () => {
    const wrong = imports.filter(({ from, to, is_type }) => {
      const [above, below] = [rank(from), rank(to)];
      const names_handle = is_type && NAMES_HANDLES.test(from) && below === CONNECTION.length - 1;
      return above >= 0 && below > above && !names_handle;
    });
    assertEquals(wrong, []);
  });

  it("have no cycle of files at run time", () => {
    const targets = new Map<string, string[]>();
    for (const { from, to, is_type } of imports) {
      if (!is_type) targets.set(from, [...targets.get(from) ?? [], to]);
    }
    const cycle = files.map((file) => find_cycle(file, targets)).find((path) => path !== null);
    assertEquals(cycle, undefined);
  });

  it("import nothing from outside", () => {
    const bare = files.flatMap((file) => specifiers(file).map((to) => ({ file, to })))
      .filter(({ file, to }) => !to.startsWith(".") && !is_in(file, "src/adapters"));
    assertEquals(bare, []);
  });

  it("name a runtime only in adapters", () => {
    for (const file of files) {
      if (is_in(file, "src/adapters") || HOST_EXCEPTIONS.has(file)) continue;
      const code = without_comments(read(file)).replace('"Deno" in', "").replace('"Bun" in', "");
      const found = HOST_NAMES.exec(code);
      assert(found === null || file === "mod.ts", `${file} names ${found?.[0]}`);
    }
  });

  it("have files of at most 300 lines, tables of data aside", () => {
    const tables = new Set(["src/sqlstate.ts", "src/protocol/saslprep_tables.ts"]);
    const long = files.filter((file) => !tables.has(file) && read(file).split("\n").length > 301);
    assertEquals(long, []);
  });
});

function list(directory: string): string[] {
  return readdirSync(join(ROOT, directory), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length))
    .sort();
}

function read(file: string): string {
  return readFileSync(join(ROOT, file), "utf8");
}

function without_comments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/(^|\s)\/\/.*$/gm, "");
}

function imports_of(from: string): Import[] {
  const pattern = /^(import|export)( type)?\b[^;]*?\bfrom "(\.[^"]+)";/gm;
  return [...without_comments(read(from)).matchAll(pattern)].map((match) => ({
    from,
    to: normalize(join(dirname(from), match[3]!)),
    is_type: match[2] !== undefined,
  }));
}

function specifiers(file: string): string[] {
  const code = without_comments(read(file));
  return [...code.matchAll(/\b(?:from|import\()\s*"([^"]+)"/g)].map((match) => match[1]!);
}

function layer_of(file: string): string {
  const layer = Object.keys(LAYERS).find((name) => is_in(file, name));
  assert(layer !== undefined, `${file} is in no layer`);
  return layer;
}

/** Of a file's folder in src/connection; -1: it is in none. */
function rank(file: string): number {
  const [, folder] = /^src\/connection\/([^/]+)/.exec(file) ?? [];
  if (folder === undefined) return -1;
  const found = CONNECTION.indexOf(folder);
  assert(found >= 0, `${file} is in no known folder`);
  return found;
}

function is_in(file: string, place: string): boolean {
  return file === place || file.startsWith(`${place}/`);
}

function find_cycle(
  start: string,
  targets: ReadonlyMap<string, readonly string[]>,
  path: readonly string[] = [],
  done: Set<string> = new Set(),
): string[] | null {
  if (path.includes(start)) return [...path.slice(path.indexOf(start)), start];
  if (done.has(start)) return null;
  done.add(start);
  for (const target of targets.get(start) ?? []) {
    const cycle = find_cycle(target, targets, [...path, start], done);
    if (cycle !== null) return cycle;
  }
  return null;
}
