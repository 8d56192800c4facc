/** Figures of many runs as medians, and as a plain table. */
import type { Figures } from './measure.js';

export interface Result {
  workload: string;
  ours: Figures[];
  theirs: Figures[];
  /** Why there are no (more) figures. */
  failure?: string;
}

const COLUMNS: ReadonlyArray<[keyof Figures, string]> = [
  ['gapMs', 'gap ms'],
  ['dumpMs', 'dump ms'],
  ['restoreMs', 'restore ms'],
  ['imagesMiB', 'images MiB'],
  ['dumpToolMiB', 'dump peak MiB'],
  ['restoreToolMiB', 'restore peak MiB'],
];

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const high = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? high : ((sorted[middle - 1] ?? Number.NaN) + high) / 2;
}

export interface Summary {
  workload: string;
  runs: number;
  ours: Partial<Figures>;
  theirs?: Partial<Figures>;
  /** Median of ours / theirs, run by run. */
  ratio?: Partial<Figures>;
  failure?: string;
}

const medians = (runs: readonly Figures[]): Partial<Figures> =>
  Object.fromEntries(COLUMNS.map(([key]) => [key, median(runs.map((run) => run[key]))]));

export function summarize({ workload, ours, theirs, failure }: Result): Summary {
  const summary: Summary = { workload, runs: ours.length, ours: medians(ours) };
  if (theirs.length > 0) {
    summary.theirs = medians(theirs);
    summary.ratio = Object.fromEntries(
      COLUMNS.map(([key]) => {
        const pairs = ours
          .slice(0, theirs.length)
          .map((run, i) => run[key] / (theirs[i]?.[key] ?? 0));
        return [key, median(pairs)];
      }),
    );
  }
  if (failure !== undefined) summary.failure = failure;
  return summary;
}

const figure = (value: number | undefined): string =>
  value === undefined || Number.isNaN(value)
    ? '-'
    : value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);

/** One line per workload and tool; the ratio in a line of its own. */
export function table(summaries: readonly Summary[]): string {
  const rows = [['workload', '', ...COLUMNS.map(([, title]) => title)]];
  for (const { workload, ours, theirs, ratio, failure } of summaries) {
    const line = (name: string, who: string, figures: Partial<Figures>): void => {
      rows.push([name, who, ...COLUMNS.map(([key]) => figure(figures[key]))]);
    };
    line(workload, 'ours', ours);
    if (theirs !== undefined) line('', 'theirs', theirs);
    if (ratio !== undefined) line('', 'ratio', ratio);
    if (failure !== undefined) rows.push(['', `failed: ${failure.split('\n')[0]}`]);
  }
  const widths =
    rows[0]?.map((_, column) => Math.max(...rows.map((row) => cellWidth(row, column)))) ?? [];
  const cell = (text: string, column: number): string =>
    column < 2 ? text.padEnd(widths[column] ?? 0) : text.padStart(widths[column] ?? 0);
  return rows.map((row) => row.map(cell).join('  ').trimEnd()).join('\n');
}

/** A failure's text may run over. */
const cellWidth = (row: readonly string[], column: number): number =>
  row.length === 2 ? 0 : (row[column]?.length ?? 0);
