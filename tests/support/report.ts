/**
 * Reads the JUnit reports of Deno, Bun and Node.
 *
 * Law: a test counts once, a suite only if it failed by itself, as in its hooks.
 *
 * @module
 */

/** A test that was declared. */
export interface Test {
  /** The names of its suites, of Node's only the first for certain, and its own: `outer > inner > test`. */
  readonly name: string;
  readonly verdict: "passed" | "ignored" | "failed";
}

/** How many tests came to what. */
export interface Counts {
  /** How many passed. */
  readonly passed: number;
  /** How many were left out. */
  readonly ignored: number;
  /** The names of those that failed. */
  readonly failed: readonly string[];
}

/** The tests in the text of a report. */
export function read_tests(report: string): Test[] {
  return without_suites([...report.matchAll(CASE)].map(read_case));
}

/** Counts them. */
export function count_tests(tests: readonly Test[]): Counts {
  const failed = tests.filter(({ verdict }) => verdict === "failed");
  return {
    passed: tests.filter(({ verdict }) => verdict === "passed").length,
    ignored: tests.filter(({ verdict }) => verdict === "ignored").length,
    failed: failed.map(({ name }) => name),
  };
}

/** Node leaves `>` as it is within an attribute. */
const CASE = /<testcase((?:\s+[\w-]+="[^"]*")*)\s*(?:\/>|>(.*?)<\/testcase>)/gs;

function read_case([, attributes = "", body = ""]: RegExpMatchArray): Test {
  const of = (key: string) => unescape(attributes.match(`\\s${key}="([^"]*)"`)?.[1] ?? "");
  const verdict = body.includes("<failure") || body.includes("<error")
    ? "failed"
    : body.includes("<skipped")
    ? "ignored"
    : "passed";
  return { name: [...suites_of(of("classname")), of("name")].join(" > "), verdict };
}

/** Deno gives a path here, and the suites with the name; Node the word "test" where there is none. */
function suites_of(classname: string): string[] {
  if (classname === "" || classname === "test" || classname.startsWith("./")) return [];
  return classname.split(" > ").reverse(); // Bun begins with the innermost; Node has dots between them
}
/** Deno reports a suite too, as a test whose name is the beginning of those in it. */
function without_suites(cases: Test[]): Test[] {
  return cases.filter((one) => {
    const members = cases.filter(({ name }) => name.startsWith(`${one.name} > `));
    if (members.length === 0) return true;
    return one.verdict === "failed" && members.every(({ verdict }) => verdict !== "failed");
  });
}

function unescape(text: string): string {
  const plain: Record<string, string> = { lt: "<", gt: ">", quot: '"', apos: "'" };
  return text
    .replace(/&(lt|gt|quot|apos);/g, (_, name) => plain[name]!)
    .replace(/&#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)))
    .replaceAll("&amp;", "&");
}
