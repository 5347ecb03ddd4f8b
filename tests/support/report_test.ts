import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { count_tests, read_tests } from "./report.ts";

const deno = `<testsuite name="./a_test.ts">
  <testcase name="outer" classname="./a_test.ts"><failure message="">1 step failed</failure></testcase>
  <testcase name="outer &gt; one" classname="./a_test.ts">
  </testcase>
  <testcase name="outer &gt; two" classname="./a_test.ts"><failure>no</failure></testcase>
  <testcase name="outer &gt; three" classname="./a_test.ts"><skipped/></testcase>
  <testcase name="leaky" classname="./a_test.ts"><failure>a hook</failure></testcase>
  <testcase name="leaky &gt; one" classname="./a_test.ts">
  </testcase>
</testsuite>`;

const bun = `<testsuite name="a_test.ts"><testsuite name="outer">
  <testcase name="one" classname="outer" time="0" file="a_test.ts" />
  <testcase name="two" classname="outer" time="0"><failure message="&#10;">no</failure></testcase>
  <testcase name="three" classname="outer"><skipped /></testcase>
</testsuite></testsuite>`;

const node = `<testsuite name="outer">
  <testcase name="a > b" time="0.1" classname="outer"/>
  <testcase name="two" classname="outer" failure="no"><failure type="x">no</failure></testcase>
  <testcase name="three" classname="outer"><skipped type="skipped" message="true"/></testcase>
</testsuite>
<testcase name="alone" classname="test"><failure>no</failure></testcase>`;

const reports: [runtime: string, report: string, passed: number, failed: string[]][] = [
  ["Deno", deno, 2, ["outer > two", "leaky"]],
  ["Bun", bun, 1, ["outer > two"]],
  ["Node", node, 1, ["outer > two", "alone"]],
];

describe("count_tests()", () => {
  for (const [runtime, report, passed, failed] of reports) {
    it(`counts each test of ${runtime} once`, () => {
      assertEquals(count_tests(read_tests(report)), { passed, ignored: 1, failed });
    });
  }

  it("names the suites of a test from the outermost", () => {
    const inner = '<testcase name="a" classname="inner &gt; outer" />'; // as Bun has it
    assertEquals(read_tests(inner), [{ name: "outer > inner > a", verdict: "passed" }]);
  });

  it("finds nothing in an empty report", () => {
    assertEquals(count_tests(read_tests("")), { passed: 0, ignored: 0, failed: [] });
  });
});
