/** What a person reads of a checkpoint: one screen for most, and the list of what is wrong with one. Pure. */
import type {
  FoundProblem,
  ShownCheckpoint,
  TaskSummary,
  VerifyReport,
} from '../operations/image-types.js';
import { bytesText } from './progress.js';

/** Files and sockets shown for each task; the rest is counted. */
const FILES_MAX = 12;
const BOLD = '\x1b[1m';
const DIM = '\x1b[2m';
const RESET = '\x1b[0m';

/** Text of images on a terminal must not drive it: control characters are shown by their code. */
const safe = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  text.replace(/[\u0000-\u001f\u007f-\u009f\ud800-\udfff]/g, (unit) => {
    const code = unit.charCodeAt(0);
    return `\\x${(code & 0xff).toString(16).padStart(2, '0')}`;
  });

export function checkpointText(shown: ShownCheckpoint, colour: boolean): string {
  const bold = (text: string) => (colour ? `${BOLD}${text}${RESET}` : text);
  const dim = (text: string) => (colour ? `${DIM}${text}${RESET}` : text);
  const { tasks, fileTypes } = shown;
  const row = (title: string, text: string) => `${bold(title.padEnd(10))} ${text}`;
  const threads = tasks.reduce((sum, { threadCount }) => sum + threadCount, 0);
  const lines = [
    row('Checkpoint', safe(shown.folder)),
    row('Made', madeText(shown)),
    row('Size', sizeText(shown)),
    row('Tasks', `${plural(tasks.length, 'process', 'processes')}, ${plural(threads, 'thread')}`),
  ];
  const kinds = Object.entries(fileTypes).map(([type, count]) => `${count} ${type}`);
  if (kinds.length > 0) lines.push(row('Open files', kinds.join(', ')));
  lines.push('', bold('    PID    PGID     SID   USER THREADS      SAVED     MAPPED COMMAND'));
  let above: TaskSummary | undefined;
  for (const task of tasks) {
    lines.push(taskLine(task, bold));
    lines.push(...detailLines(task, above).map((line) => dim(`${' '.repeat(12)}${line}`)));
    above = task;
  }
  return `${lines.join('\n')}\n`;
}

function madeText({ madeAt, host, uptimeMs, parentCount }: ShownCheckpoint): string {
  const time = madeAt?.replace('T', ' ').replace(/\..*$/, ' UTC');
  const parts = [time ?? 'never completed: inventory.img is missing'];
  if (host !== undefined) parts.push(`on ${safe(host)}`);
  if (uptimeMs !== undefined)
    parts.push(`${Math.floor(uptimeMs / 1000)} s after its kernel started`);
  if (parentCount > 0) {
    parts.push(`builds on ${plural(parentCount, 'earlier checkpoint')}`);
  }
  return parts.join(', ');
}

const sizeText = ({ imageCount, imageBytes, pageBytes }: ShownCheckpoint): string =>
  `${bytesText(imageBytes)} in ${plural(imageCount, 'image')}, pages ${bytesText(pageBytes)}`;

const plural = (count: number, one: string, many = `${one}s`): string =>
  `${count} ${count === 1 ? one : many}`;

function taskLine(task: TaskSummary, bold: (text: string) => string): string {
  const { pid, pgid, sid, uid, threadCount, depth, comm, exe, state } = task;
  const ids = [pid, pgid, sid].map((id, i) => String(id).padStart(i === 0 ? 7 : 8)).join('');
  const user = String(uid ?? '-').padStart(7);
  const sizes = [task.savedBytes, task.mappedBytes].map((bytes) => bytesText(bytes).padStart(11));
  const name = `${'  '.repeat(Math.min(depth, 20))}${bold(safe(comm))}`;
  const note = state === 'Alive' ? '' : ` (${state.toLowerCase()})`;
  const path = exe === undefined ? '' : `  ${safe(exe)}`;
  return `${ids}${user}${String(threadCount).padStart(8)}${sizes.join('')} ${name}${note}${path}`;
}

/** Limits are said again only where they are others than those of the task before. */
function detailLines(task: TaskSummary, above: TaskSummary | undefined): string[] {
  const { cwd, files, limits } = task;
  const lines: string[] = [];
  if (cwd !== undefined) lines.push(`in ${safe(cwd)}`);
  const names = new Map<string, number[]>();
  for (const { fd, name } of files) names.set(name, [...(names.get(name) ?? []), fd]);
  const shown = [...names].slice(0, FILES_MAX);
  for (const [name, fds] of shown) lines.push(`${fds.join(',').padEnd(7)} ${safe(name)}`);
  if (names.size > shown.length) lines.push(`and ${names.size - shown.length} more`);
  const text = limitsText(limits);
  if (text !== '' && (above === undefined || limitsText(above.limits) !== text)) lines.push(text);
  return lines;
}

function limitsText(limits: Readonly<Record<string, string>>): string {
  const parts = Object.entries(limits).map(([name, value]) => `${name.toLowerCase()} ${value}`);
  return parts.length === 0 ? '' : `limits: ${parts.join(', ')}`;
}

export function verifyText({ sound, imageCount, problems }: VerifyReport): string {
  if (sound) return `Sound: ${plural(imageCount, 'image')}, nothing is wrong.\n`;
  const lines = problems.map(problemLine);
  const total = `${plural(problems.length, 'problem')} in ${plural(imageCount, 'image')}.`;
  return `${[...lines, total].join('\n')}\n`;
}

/** 'core-12.img: entry 0, byte 34: a number is cut off'. */
function problemLine({ file, entry, offset, what }: FoundProblem): string {
  const place = [entry, offset === undefined ? undefined : `byte ${offset}`].filter(Boolean);
  return safe(place.length === 0 ? `${file}: ${what}` : `${file}: ${place.join(', ')}: ${what}`);
}
