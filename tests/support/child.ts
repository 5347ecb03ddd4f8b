/**
 * Runs one command at a time, and sees that it ends: after a silence, and with this process.
 *
 * Law: the command leads a group of processes, and the whole group is killed.
 *
 * @module
 */

let running: Deno.ChildProcess | null = null;

/**
 * Runs a command with its output passed on, and no input.
 *
 * @param command The program and its arguments.
 * @param url What it sees as DATABASE_URL. It sees none of libpq's variables: those are a test's to set.
 * @param silence_limit It is killed if it prints nothing for so long, in seconds.
 * @param variables What it sees besides.
 * @returns How it failed, or null if it ended well.
 */
export async function run_command(
  command: readonly string[],
  url: string | null,
  silence_limit: number,
  variables: Readonly<Record<string, string>> = {},
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
  running = child;
  const silence = new Silence(silence_limit);
  const [status] = await Promise.all([
    child.status,
    pass_on(child.stdout, Deno.stdout, silence),
    pass_on(child.stderr, Deno.stderr, silence),
  ]);
  running = null;
  silence.end();
  if (silence.too_long) return `hung: printed nothing for ${silence_limit} seconds`;
  return status.success ? null : `ended with ${status.signal ?? `code ${status.code}`}; see above`;
}

/** Makes the signals that end this process end the running command first. */
export function end_command_on_signals(): void {
  for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => {
      kill_running();
      Deno.exit(130);
    });
  }
}

/** Kills the running command when nobody was heard for too long. */
class Silence {
  readonly #limit: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Whether it came to that. */
  too_long = false;

  constructor(limit: number) {
    this.#limit = limit;
    this.heard();
  }

  heard(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.too_long = true;
      kill_running();
    }, this.#limit * 1000);
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

async function pass_on(
  from: ReadableStream<Uint8Array>,
  to: typeof Deno.stdout,
  silence: Silence,
): Promise<void> {
  for await (const chunk of from) {
    silence.heard();
    for (let at = 0; at < chunk.length;) at += await to.write(chunk.subarray(at));
  }
}

function kill_running(): void {
  if (running === null) return;
  try {
    Deno.kill(-running.pid, "SIGKILL");
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
