/** What a person reads at the end of an operation: errors, verdicts, the answer of check. Pure. */
import type { CheckReport, CheckResult, Verdict } from '../operations/types.js';
import type { CheckpointError } from '../support/errors.js';

/** `Error: ...` and `Remedy: ...`, each on a line of its own. */
export function errorText(error: CheckpointError): string {
  const remedy = error.remedy ?? (error.code === 'bug' ? REPORT_IT : undefined);
  return `Error: ${error.message}\n${remedy === undefined ? '' : `Remedy: ${remedy}\n`}`;
}

const REPORT_IT =
  'this is a mistake in woodfrog: please report it, with the log written by -v4 -o FILE';

export const errorJson = (error: CheckpointError): string =>
  `${JSON.stringify({ error: error.toJSON() })}\n`;

/** A line per object, those that stand in the way last, where a terminal shows them. */
export function verdictsText(verdicts: readonly Verdict[]): string {
  const rank = ({ verdict }: Verdict) =>
    verdict === 'saved' ? 0 : verdict === 'needs option' ? 1 : 2;
  const sorted = [...verdicts].sort((one, other) => rank(one) - rank(other));
  const bad = verdicts.filter((verdict) => rank(verdict) > 0).length;
  const total =
    bad === 0
      ? `All ${verdicts.length} objects can be saved.`
      : `${bad} of ${verdicts.length} objects stand in the way of a dump.`;
  return `${[...sorted.map(verdictText), total].join('\n')}\n`;
}

function verdictText({ pid, comm, object, detail, verdict, because }: Verdict): string {
  const task = comm === undefined ? `${pid}` : `${pid} (${comm})`;
  const what = detail === undefined ? object : `${object} ${detail}`;
  return `${task} ${what}: ${verdict}${because === undefined ? '' : `: ${because}`}`;
}

export interface CheckAnswer {
  readonly text: string;
  readonly exitStatus: number;
}

/**
 * The words are criu(8)'s: 'Looks good.', 'Looks good but ...', 'Does not look good.'. Features that were asked for by
 * name are answered one by one: 'timens is supported'.
 */
export function checkAnswer(report: CheckReport, { named }: { named: boolean }): CheckAnswer {
  if (report.kind === 'listed') return { text: `${report.names.join(' ')}\n`, exitStatus: 0 };
  const missing = report.results.filter(({ available }) => !available);
  const status = missing.length === 0 ? 0 : 1;
  if (named) return { text: report.results.map(supportText).join(''), exitStatus: status };
  const lines = missing.map(missingText);
  const worst = Math.min(...missing.map(({ category }) => category));
  if (missing.length === 0) lines.push('Looks good.');
  else if (worst === 1) lines.push('Does not look good.');
  else lines.push('Looks good but some kernel features are missing', SOME_MISSING);
  return { text: `${lines.join('\n')}\n`, exitStatus: status };
}

const SOME_MISSING = 'which, depending on your process tree, may cause dump or restore failure.';

function missingText({ name, missing, remedy }: CheckResult): string {
  const reason = missing === undefined ? '' : `: ${missing}`;
  return `Missing: ${name}${reason}${remedy === undefined ? '' : `\nRemedy: ${remedy}`}`;
}

function supportText({ name, available, missing }: CheckResult): string {
  const reason = missing === undefined ? '' : `: ${missing}`;
  return available ? `${name} is supported\n` : `${name} is not supported${reason}\n`;
}
