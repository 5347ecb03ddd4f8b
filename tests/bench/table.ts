/**
 * Results as a table in Markdown.
 *
 * @module
 */

import type { Table } from "../support/readme.ts";
import type { Results } from "./main.ts";
import { CPU, type Measured, P99, SERVER_CPU, TIME } from "./measure.ts";
import { WORKLOADS } from "./workloads.ts";

const OTHERS = ["postgres", "pg", "Bun.SQL", "floor"] as const;
/** What the README compares, and what a line is called for it. */
const METRICS = [[TIME, ""], [P99, ": p99"]] as const;

/**
 * The whole report.
 *
 * @param with_cpu Whether it has lines for the processor time, too.
 */
export function table(results: Results, with_cpu: boolean): string {
  const head = ["", "runtime", "edgepg", ...OTHERS.map((name) => `/ ${name}`)];
  const rows = WORKLOADS.flatMap(({ name }) => workload_rows(name, results, with_cpu));
  const align = head.map((_, i) => i < 2 ? "---" : "---:");
  return [
    "",
    ...[head, align, ...rows].map((cells) => `| ${cells.join(" | ")} |`),
    "",
    "The columns after edgepg's own say how many times as long (or as much) another client takes",
    "for the same: above 1 edgepg is better. `floor` sends the same bytes and reads the answers",
    "without looking at them. Each number is the median of " +
    `${results.rounds} rounds in which the clients took turns.`,
    "",
    provenance(results),
  ].join("\n");
}

/** The README's table: how many times as long the others take, by workload and runtime. */
export function summary(results: Results): Table {
  const head = results.findings.map(({ runtime, workloads }) =>
    `${runtime}: ${others_of(workloads).map(title_of).join(" / ")}`
  );
  const rows = WORKLOADS.filter(({ alone }) => !alone).flatMap((workload) =>
    METRICS.flatMap(([metric, suffix]) => {
      const cells = results.findings.map(({ workloads }) => {
        const found = workloads[workload.name] ?? [];
        const ratios = others_of(workloads).map((peer) => ratio_of(found, peer, metric));
        return ratios.map((ratio) => ratio.replace("x", "") || "–").join(" / ");
      });
      const is_measured = cells.some((cell) => /\d/.test(cell));
      return is_measured ? [[workload.title(results) + suffix, ...cells]] : [];
    })
  );
  return [["", ...head], ...rows];
}

/** The README's table of where edgepg's time goes, and what a bare socket takes: microseconds for a unit of work. */
export function whereabouts(results: Results): Table {
  const head = results.findings.map(({ runtime }) => runtime);
  const rows = WORKLOADS.flatMap((workload) => {
    if (workload.alone || workload.work === undefined) return [];
    const [count, unit] = workload.work(results);
    const cells = results.findings.map(({ workloads }) => {
      const of = (name: string) =>
        workloads[workload.name]?.find(({ peer }) => peer === name)?.medians ?? {};
      const ours = of("edgepg");
      const spent = [ours[TIME], of("floor")[TIME], ours[CPU], ours[SERVER_CPU]];
      return spent.map((ms) => ms === undefined ? "–" : precise(ms * 1000 / count, 2)).join(" / ");
    });
    return [[workload.title(results), unit, ...cells]];
  });
  return [["", "of", ...head], ...rows];
}

/** What was measured beside edgepg. */
function others_of(workloads: Readonly<Record<string, readonly Measured[]>>): string[] {
  const measured = Object.values(workloads).flat();
  return OTHERS.filter((name) => measured.some(({ peer }) => peer === name));
}

function title_of(client: string): string {
  if (client === "floor") return "socket";
  return client === "Bun.SQL" ? "own" : `\`${client}\``;
}

/** What was measured where, in one line. */
export function provenance({ date, machine, versions, findings }: Results): string {
  const parts = [
    ...Object.entries(versions).map(([name, version]) => `${name} ${version}`),
    ...findings.map(({ runtime }) => runtime),
  ];
  return `${date}, ${machine}; ${parts.join(", ")}.`;
}

function workload_rows(name: string, results: Results, with_cpu: boolean): string[][] {
  const workload = WORKLOADS.find((workload) => workload.name === name)!;
  const metrics = new Set(
    results.findings.flatMap(({ workloads }) =>
      (workloads[name] ?? []).flatMap(({ medians }) => Object.keys(medians))
    ),
  );
  if (workload.alone) metrics.delete(TIME);
  if (workload.alone || !with_cpu) [CPU, SERVER_CPU].forEach((metric) => metrics.delete(metric));
  return [...metrics].flatMap((metric) =>
    results.findings.flatMap(({ runtime, workloads }) => {
      const found = workloads[name] ?? [];
      const ours = found.find(({ peer }) => peer === "edgepg")?.medians[metric];
      if (ours === undefined) return [];
      const title = metric === TIME
        ? workload.title(results)
        : `${workload.title(results)}: ${metric.split(",")[0]}`;
      const rate = metric === TIME && workload.work ? rate_of(ours, workload.work(results)) : "";
      const unit = metric.split(", ")[1]!;
      return [[
        title,
        runtime,
        `${precise(ours)} ${unit}${rate}`,
        ...OTHERS.map((other) => ratio_of(found, other, metric)),
      ]];
    })
  );
}

function ratio_of(found: readonly Measured[], peer: string, metric: string): string {
  const ratio = found.find((measured) => measured.peer === peer)?.ratios[metric];
  return ratio === undefined ? "" : `${ratio.toFixed(2)}x`;
}

function rate_of(ms: number, [count, unit]: readonly [number, string]): string {
  const rate = count / ms * 1000;
  return ` (${Math.round(Number(rate.toPrecision(3))).toLocaleString("en-US")} ${unit}/s)`;
}

function precise(value: number, digits: number = 3): string {
  return Number(value.toPrecision(digits)).toLocaleString("en-US");
}
