import type { DiskTiming } from "./disk.ts";
import type { Timing } from "./measure.ts";
import type { Kind, Target } from "./operations/operation.ts";
import type { Memory } from "./servers.ts";

export interface Row {
  readonly name: string;
  /** Absent: more than a command. */
  readonly kind?: Kind;
  readonly metric: "p50" | "cpu";
  readonly target: Target | undefined;
  /** In the order of the servers. */
  readonly timings: readonly Timing[];
  /** What the disk took in the same turns, where that matters. */
  readonly disk?: DiskTiming | undefined;
}

export interface Report {
  readonly servers: readonly string[];
  readonly conditions: readonly string[];
  readonly rows: readonly Row[];
  readonly memory: readonly { readonly idle: Memory; readonly after: Memory }[];
}

function ratio(ours: number | undefined, peer: number | undefined): number | undefined {
  return ours === undefined || peer === undefined ? undefined : ours / peer;
}

const fixed = (value: number | undefined, digits: number) =>
  value === undefined || Number.isNaN(value) ? "-" : value.toFixed(digits);

function verdict(row: Row): string {
  const [ours, peer] = row.timings;
  const measured = row.metric === "cpu" ? ratio(ours?.cpuMean, peer?.cpuMean) : ratio(ours?.p50, peer?.p50);
  if (row.target === undefined || measured === undefined) return "";
  if (measured <= row.target.aim) return "aim";
  return measured <= row.target.must ? "must" : "MISSED";
}

/** A Markdown table: what each server took, ours divided by the first peer's, and the target. */
export function table(report: Report): string {
  const [ours = "", peer] = report.servers;
  const header =
    peer === undefined
      ? ["operation", `${ours} p50 µs`, "p99 µs", "CPU µs"]
      : [
          "operation",
          `${ours} p50 µs`,
          `${peer} p50 µs`,
          "p50 ratio",
          "p99 ratio",
          "CPU ratio",
          "by",
          "must",
          "aim",
          "reached",
        ];
  const rows = report.rows.map((row) => {
    const [first, second] = row.timings;
    if (peer === undefined) return [row.name, fixed(first?.p50, 0), fixed(first?.p99, 0), fixed(first?.cpuMean, 0)];
    return [
      row.name,
      fixed(first?.p50, 0),
      fixed(second?.p50, 0),
      fixed(ratio(first?.p50, second?.p50), 2),
      fixed(ratio(first?.p99, second?.p99), 2),
      fixed(ratio(first?.cpuMean, second?.cpuMean), 2),
      row.metric,
      fixed(row.target?.must, 2),
      fixed(row.target?.aim, 2),
      verdict(row),
    ];
  });
  const memory = report.servers.map((name, i) => {
    const used = report.memory[i];
    const mebibytes = (kibibytes: number | undefined) =>
      fixed(kibibytes === undefined ? undefined : kibibytes / 1024, 1);
    return `${name}: idle RSS ${mebibytes(used?.idle.rssKiB)} MiB (PSS ${mebibytes(used?.idle.pssKiB)}), after the run RSS ${mebibytes(used?.after.rssKiB)} MiB (PSS ${mebibytes(used?.after.pssKiB)})`;
  });
  const disk = report.rows.flatMap((row) => diskOf(row, peer));
  const parts = [markdown([header, ...rows]), disk, slowestOfEachKind(report.rows), memory, report.conditions];
  return parts.flatMap((lines) => (lines.length === 0 ? [] : lines.join("\n"))).join("\n\n");
}

/** What is possible on this disk: who has to wait for a sync cannot be faster than that. */
function diskOf({ name, disk, timings: [ours, theirs] }: Row, peer: string | undefined): string[] {
  if (disk === undefined || ours === undefined) return [];
  const { sync, replace } = disk;
  const taken = `${name}: in the same turns the disk took ${fixed(sync, 0)} µs for a write and its sync, ${fixed(replace, 0)} µs for a new file and its renaming, not durable.`;
  const least = `The sync alone is ${fixed(sync / ours.p50, 2)} of our answer`;
  return [
    theirs === undefined ? `${taken} ${least}.` : `${taken} ${least}, and ${fixed(sync / theirs.p50, 2)} of ${peer}'s.`,
  ];
}

/** No command but the making of RSA keys may take more than 20 ms of ours: the rows that come closest. */
function slowestOfEachKind(rows: readonly Row[]): string[] {
  const slowest = new Map<Kind, { readonly name: string; readonly p50: number }>();
  for (const { kind, name, timings } of rows) {
    const p50 = timings[0]?.p50 ?? Number.NaN;
    if (kind !== undefined && p50 > (slowest.get(kind)?.p50 ?? 0)) slowest.set(kind, { name, p50 });
  }
  const lines = [...slowest].map(([kind, { name, p50 }]) => [kind, name, fixed(p50 / 1000, 2)]);
  return markdown([["kind", "slowest row", "p50 ms"], ...lines]);
}

/** Lines of a table; the first is its header. */
export function markdown(lines: readonly (readonly string[])[]): string[] {
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const format = (line: readonly string[]) =>
    `| ${line.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join(" | ")} |`;
  const [header = [], ...rest] = lines;
  const rule = `| ${widths.map((width, column) => (column === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)).join(" | ")} |`;
  return [format(header), rule, ...rest.map(format)];
}
