/**
 * Runs commands, and sees that each ends: after a silence, and with this process.
 *
 * Law: the command leads a group of processes, and the whole group is killed.
 *
 * @module
 */

const running: Set<Deno.ChildProcess> = new Set();

/**
 * Runs a command with its output passed on, and no input.
 *
 * @param command The program and its arguments.
 * @param url What it sees as DATABASE_URL. It sees none of libpq's variables: those are a test's to set.
 * @param silence_limit It is killed if it prints nothing for so long, in seconds.
 * @param variables What it sees besides.
 * @param show Passes on a part of its output.
 * @returns How it failed, or null if it ended well.
 */
export async function run_command(
  command: readonly string[],
  url: string | null,
  silence_limit: number,
  variables: Readonly<Record<string, string>> = {},
  show: (part: Uint8Array, to: Output) => void | Promise<void> = write_all,
): Promise<string | null> {
  const [program, ...args] = command;
  const child = new Deno.Command(program!, {
    args,
    env: { ...environment(url), ...variables },
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    detached: true,
  }).spawn();
  running.add(child);
  const silence = new Silence(silence_limit, child);
  const pass_on = async (from: ReadableStream<Uint8Array>, to: Output) => {
    for await (const part of from) {
      silence.heard();
      await show(part, to);
    }
  };
  const [status] = await Promise.all([
    child.status,
    pass_on(child.stdout, Deno.stdout),
    pass_on(child.stderr, Deno.stderr),
  ]);
  running.delete(child);
  silence.end();
  if (silence.too_long) return `hung: printed nothing for ${silence_limit} seconds`;
  return status.success ? null : `ended with ${status.signal ?? `code ${status.code}`}; see above`;
}

/** Where a command's output goes. */
export type Output = typeof Deno.stdout;

/** Writes all of it. */
export async function write_all(part: Uint8Array, to: Output): Promise<void> {
  for (let at = 0; at < part.length;) at += await to.write(part.subarray(at));
}

/** Makes the signals that end this process end the running commands first. */
export function end_command_on_signals(): void {
  for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => {
      for (const child of running) kill(child);
      Deno.exit(130);
    });
  }
}

/** Kills a command that was not heard for too long. */
class Silence {
  readonly #limit: number;
  readonly #child: Deno.ChildProcess;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Whether it came to that. */
  too_long = false;

  constructor(limit: number, child: Deno.ChildProcess) {
    this.#limit = limit;
    this.#child = child;
    this.heard();
  }

  heard(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.too_long = true;
      kill(this.#child);
    }, this.#limit * 1000);
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

function kill(child: Deno.ChildProcess): void {
  try {
    Deno.kill(-child.pid, "SIGKILL");
  } catch (error) {
    // It may have ended by itself a moment ago.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** libpq's variables, and those of the run; not one that only begins like them. */
const NOT_PASSED_ON = /^(PG(?!BOUNCER$)|(DATABASE_URL|POOLER_URL|POOL_MODE)$)/;

function environment(url: string | null): Record<string, string> {
  const env = Deno.env.toObject();
  for (const name of Object.keys(env)) if (NOT_PASSED_ON.test(name)) delete env[name];
  if (url !== null) env["DATABASE_URL"] = url;
  // Node starts once per test file, and compiles the same modules each time unless told to keep them.
  env["NODE_COMPILE_CACHE"] ??= `${Deno.cwd()}/node_modules/.node`;
  if (!Deno.stdout.isTerminal()) env["NO_COLOR"] = "1";
  return env;
}
