/**
 * Counts tests in the JUnit reports of Deno, Bun and Node.
 *
 * Law: a test counts once, a suite only if it failed by itself, as in its hooks.
 *
 * @module
 */

/** The tests of a report. */
export interface Counts {
  /** How many passed. */
  readonly passed: number;
  /** How many were left out. */
  readonly ignored: number;
  /** The names of those that failed. */
  readonly failed: readonly string[];
}

interface Case {
  readonly name: string;
  readonly verdict: "passed" | "ignored" | "failed";
}

/** Counts the tests in the text of a report. */
export function count_tests(report: string): Counts {
  const cases = without_suites([...report.matchAll(CASE)].map(read_case));
  const failed = cases.filter(({ verdict }) => verdict === "failed");
  return {
    passed: cases.filter(({ verdict }) => verdict === "passed").length,
    ignored: cases.filter(({ verdict }) => verdict === "ignored").length,
    failed: failed.map(({ name }) => name),
  };
}

/** Node leaves `>` as it is within an attribute. */
const CASE = /<testcase((?:\s+[\w-]+="[^"]*")*)\s*(?:\/>|>(.*?)<\/testcase>)/gs;

function read_case([, attributes = "", body = ""]: RegExpMatchArray): Case {
  const of = (key: string) => attributes.match(`\\s${key}="([^"]*)"`)?.[1] ?? "";
  const verdict = body.includes("<failure") || body.includes("<error")
    ? "failed"
    : body.includes("<skipped")
    ? "ignored"
    : "passed";
  const name = unescape(of("name"));
  const suite = unescape(of("classname"));
  // Deno gives a path here, Node the word "test" where there is no suite.
  const has_suite = suite !== "" && suite !== "test" && !suite.startsWith("./");
  return { name: has_suite ? `${suite}: ${name}` : name, verdict };
}

/** Deno reports a suite too, as a test whose name is the beginning of those in it. */
function without_suites(cases: Case[]): Case[] {
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
