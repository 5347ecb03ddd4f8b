/**
 * Results as a picture: speed beside the `postgres` package, a panel for each runtime.
 *
 * Law: plain SVG with colours of its own for light and for dark pages; nothing
 * is loaded and nothing runs.
 *
 * @module
 */

import type { Results } from "./main.ts";
import { type Measured, TIME } from "./measure.ts";
import { provenance } from "./table.ts";
import { type Workload, WORKLOADS } from "./workloads.ts";

/** The client whose speed is 1. */
const UNIT = "postgres";
const CLIENTS = ["edgepg", UNIT, "pg", "Bun.SQL"] as const;

/** Speed beyond which bars grow no longer; their numbers tell. */
const LONGEST = 4;

// Pixels.
const MARGIN = 16;
const TITLE = 56;
const LABELS = 340;
const PANEL = 220;
const GAP = 24;
const BAR = 11;
const GROUP_GAP = 10;
const FOOT = 40;
const ROOM = 40; // right of a bar, for its number

const STYLE = `
  text { font: 12px system-ui, sans-serif; fill: #24292f }
  .head { font-weight: 600; font-size: 14px }
  .small, .number { font-size: 10px; fill: #57606a }
  .unit { stroke: #8c959f; stroke-dasharray: 2 3 }
  .edgepg { fill: #1f6feb } .postgres { fill: #8c959f } .pg { fill: #bf8700 } .Bun-SQL { fill: #bf3989 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .small, .number { fill: #9198a1 } .unit { stroke: #656c76 }
    .edgepg { fill: #4493f8 } .postgres { fill: #656c76 } .pg { fill: #d29922 } .Bun-SQL { fill: #db61a2 }
  }`;

/** The picture. */
export function plot(results: Results): string {
  const workloads = WORKLOADS.filter((workload) => speeds_of(results, workload).length > 0);
  const fastest = Math.max(1, ...workloads.flatMap((workload) => speeds_of(results, workload)));
  const scale = (PANEL - ROOM) / Math.min(fastest, LONGEST);
  const parts: string[] = [];
  let y = MARGIN + TITLE;
  for (const workload of workloads) {
    const bars = Math.max(
      ...results.findings.map(({ workloads }) => shown(workloads, workload).length),
    );
    parts.push(text(MARGIN, y + BAR, workload.title(results)));
    results.findings.forEach(({ workloads }, panel) => {
      shown(workloads, workload).forEach(({ name, speed }, i) => {
        parts.push(bar(name, left_of(panel), y + i * BAR, speed, scale));
      });
    });
    y += bars * BAR + GROUP_GAP;
  }
  const width = left_of(results.findings.length) - GAP + MARGIN;
  const height = y + FOOT;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">`,
    `<style>${STYLE}</style>`,
    text(
      MARGIN,
      MARGIN + 14,
      `Speed beside the ${UNIT} package (dashed: 1). Longer is faster.`,
      "head",
    ),
    ...legend(),
    ...results.findings.map(({ runtime }, i) =>
      text(left_of(i), MARGIN + TITLE - 12, runtime, "head")
    ),
    ...results.findings.map((_, i) => unit_line(left_of(i) + scale, y)),
    ...parts,
    text(MARGIN, height - MARGIN, provenance(results), "small"),
    "</svg>\n",
  ].join("\n");
}

function left_of(panel: number): number {
  return MARGIN + LABELS + panel * (PANEL + GAP);
}

function speeds_of({ findings }: Results, workload: Workload): number[] {
  return findings.flatMap(({ workloads }) => shown(workloads, workload).map(({ speed }) => speed));
}

/** The clients to draw, in their order; none where there is nothing to compare. */
function shown(
  workloads: Readonly<Record<string, readonly Measured[]>>,
  { name, alone }: Workload,
): { name: string; speed: number }[] {
  const found = alone ? [] : workloads[name] ?? [];
  const ratio = (client: string) => found.find(({ peer }) => peer === client)?.ratios[TIME];
  const unit = ratio(UNIT);
  if (unit === undefined || found.length < 2) return [];
  return CLIENTS.flatMap((name) => {
    const time = ratio(name);
    return time === undefined ? [] : [{ name, speed: unit / time }];
  });
}

function legend(): string[] {
  return CLIENTS.flatMap((name, i) => {
    const x = MARGIN + i * 72;
    const y = MARGIN + TITLE - 22;
    return [
      `<rect class="${css(name)}" x="${x}" y="${y}" width="10" height="10"/>`,
      text(x + 14, y + 9, name, "small"),
    ];
  });
}

function bar(name: string, x: number, y: number, speed: number, scale: number): string {
  const width = (Math.min(speed, LONGEST) * scale).toFixed(1);
  return `<rect class="${css(name)}" x="${x}" y="${y}" width="${width}" height="${BAR - 1}"/>` +
    text(x + Number(width) + 4, y + BAR - 2, speed.toFixed(2), "number");
}

function unit_line(x: number, bottom: number): string {
  return `<line class="unit" x1="${x}" x2="${x}" y1="${MARGIN + TITLE - 4}" y2="${bottom}"/>`;
}

function text(x: number, y: number, content: string, style = ""): string {
  const escaped = content.replace(/[&<>]/g, (char) => `&#${char.charCodeAt(0)};`);
  return `<text${style && ` class="${style}"`} x="${x}" y="${y}">${escaped}</text>`;
}

function css(name: string): string {
  return name.replace(".", "-");
}
