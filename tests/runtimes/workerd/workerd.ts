/**
 * Starts workerd with a worker made of this repository's own files, whichever runtime drives it.
 *
 * The program is the toolchain's, or what the variable `WORKERD` names.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import * as node_module from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { temporary } from "../../adapters/peer.ts";
import { specifiers } from "../../support/specifiers.ts";
import { tool_path } from "../../support/toolchain.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

/** Before Node's modules were there by default: what must work with the least. */
export const OLD_DATE = "2025-01-01";
/** With Node's modules, `process` and `Buffer`, which change nothing. */
export const NEW_DATE = "2026-11-01";

/** What a worker is to have, beside its modules. */
export interface Surroundings {
  /** The roots that TLS trusts, PEM. Default: none. */
  readonly roots?: string;
  /** The compatibility date. Default: `OLD_DATE`. */
  readonly date?: string;
  /** Compatibility flags that the worker needs. */
  readonly flags?: readonly string[];
  /** Texts that the worker finds in its `env`. */
  readonly env?: Readonly<Record<string, string>>;
  /** Classes of Durable Objects; `env` has the namespace of each under its name. */
  readonly objects?: readonly string[];
}

/** What to start. */
export interface WorkerdOptions extends Surroundings {
  /** The worker's module, from the repository's root. */
  readonly worker: string;
}

/** A running workerd. */
export interface Workerd extends AsyncDisposable {
  /** Where it answers. */
  readonly url: string;
  /** What it has logged so far. */
  log(): string;
}

/** Starts workerd; resolves when it answers, and rejects if the worker cannot be loaded. */
export function start_workerd({ worker, ...surroundings }: WorkerdOptions): Promise<Workerd> {
  return serve((directory) => copy_modules(join(ROOT, worker), directory), surroundings);
}

/**
 * Starts workerd with modules of one's own.
 *
 * @param write Writes them into a directory; returns their names, the worker's first.
 */
export async function serve(
  write: (directory: string) => readonly string[],
  surroundings: Surroundings = {},
): Promise<Workerd> {
  const directory = temporary();
  const config = join(directory.path, "config.capnp");
  writeFileSync(config, configuration(write(directory.path), surroundings));
  const child = spawn(program(), ["serve", config, "--control-fd=1"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let log = "";
  child.stderr.on("data", (data) => log += data);
  const ended = new Promise((resolve) => child.once("close", resolve));
  const dispose = async () => {
    child.kill("SIGKILL"); // SIGTERM waits for requests to end
    await ended;
    directory[Symbol.dispose]();
  };
  let output = "";
  const port = await new Promise<number>((resolve, reject) => {
    child.stdout.on("data", (data) => {
      output += data;
      const match = /"port":(\d+)/.exec(output);
      if (match) resolve(Number(match[1]));
    });
    ended.then(() => reject(new Error(`workerd did not start:\n${log}`)));
  }).catch(async (error) => {
    await dispose();
    throw error;
  });
  return { url: `http://127.0.0.1:${port}`, log: () => log, [Symbol.asyncDispose]: dispose };
}

/** The part of Bun's transpiler that is used; its own types are not installed. */
interface Transpiler {
  new (options: { loader: "ts"; target: "bun" }): { transformSync(code: string): string };
}

/** Removes types from a program. */
function strip_types(code: string): string {
  if ("stripTypeScriptTypes" in node_module) return node_module.stripTypeScriptTypes(code);
  const { Transpiler } = Reflect.get(globalThis, "Bun") as { Transpiler: Transpiler };
  return new Transpiler({ loader: "ts", target: "bun" }).transformSync(code);
}

/** Copies the worker and what it imports, without types; returns the names, the worker's first. */
function copy_modules(worker: string, directory: string): string[] {
  const names: string[] = [];
  const copy = (path: string) => {
    const name = relative(ROOT, path);
    if (names.includes(name)) return;
    names.push(name);
    const imports: string[] = [];
    const code = strip_types(readFileSync(path, "utf8")).replaceAll(IMPORT, (_, specifier) => {
      const target = target_of(specifier, path);
      imports.push(target);
      return `from "./${relative(dirname(path), target)}"`;
    });
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), code);
    for (const target of imports) copy(target);
  };
  copy(worker);
  return names;
}

/** What workerd does not have itself: files, and what deno.json maps to files. */
const IMPORT = /\bfrom "(\.[^"]+|@[^"]+)"/g;

function target_of(specifier: string, importer: string): string {
  const mapped = specifiers[specifier];
  return mapped === undefined ? resolve(dirname(importer), specifier) : fileURLToPath(mapped);
}

function configuration(
  modules: readonly string[],
  { roots, date = OLD_DATE, flags = [], env = {}, objects = [] }: Surroundings,
): string {
  const text = (value: string) => JSON.stringify(value);
  const embedded = modules.map((name) => `(name = "${name}", esModule = embed "${name}")`);
  const bindings = [
    ...Object.entries(env).map(([name, value]) => `(name = ${text(name)}, text = ${text(value)})`),
    ...objects.map((name) => `(name = "${name}", durableObjectNamespace = "${name}")`),
  ];
  const namespaces = objects.map((name) => `(className = "${name}", uniqueKey = "${name}")`);
  const all_flags = date < FLAG_BECAME_DEFAULT ? [FLAG, ...flags] : flags;
  const trusted = roots === undefined ? "" : text(roots);
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      modules = [${embedded.join(", ")}],
      bindings = [${bindings.join(", ")}],
      durableObjectNamespaces = [${namespaces.join(", ")}],
      durableObjectStorage = (inMemory = void),
      compatibilityDate = "${date}",
      compatibilityFlags = [${all_flags.map(text).join(", ")}],
      globalOutbound = "net")),
    (name = "net", network = (
      allow = ["private", "local"],
      tlsOptions = (trustBrowserCas = false, trustedCertificates = [${trusted}]))),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")]);
`;
}

/** Without it a rejection that is handled in the same turn counts as unhandled. */
const FLAG = "unhandled_rejection_after_microtask_checkpoint";
const FLAG_BECAME_DEFAULT = "2026-03-03";

function program(): string {
  const path = process.env.WORKERD ?? tool_path("workerd");
  if (path === null) throw new Error("cannot find workerd: run deno install");
  return path;
}
