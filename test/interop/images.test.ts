/**
 * One standing program is dumped by both: what they write is the same field by field, but for differences that are
 * listed; and what CRIU writes goes through our JSON and back byte for byte.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { recodeImage } from '../../src/crit/convert.js';
import { FLAGS_32, NO_32_BIT } from '../support/ia32.js';
import { bounded } from '../support/kernel.js';
import { type Program, startProgram } from '../support/program.js';
import { criu, NO_CRIU, type Tool, tool } from '../support/tool.js';
import { sleep } from '../support/wait.js';
import { compareFolders, type ImageDifference, readCanonical } from './canonical.js';
import { IMAGE_DIFFERENCES } from './image-differences.js';

const LOCKS = ['--file-locks'];
type Standing = readonly [
  what: string,
  program: string,
  play?: string,
  dump?: readonly string[],
  flags?: readonly string[],
];

const OF_32_BIT: readonly Standing[] = [
  ['threads of 32-bit code', 'ia32/program.c', 'segments', [], FLAGS_32],
  ['handlers of 32-bit code', 'ia32/program.c', 'frames', [], FLAGS_32],
  ['memory of 32-bit code', 'ia32/program.c', 'memory', [], FLAGS_32],
];

const STANDING: readonly Standing[] = [
  ['regular files', 'files/regular.c'],
  ['directories', 'files/directories.c'],
  ['paths of deleted files', 'ghosts/ghosts.c', 'shared'],
  ['other names of deleted files', 'ghosts/ghosts.c', 'names'],
  ['deleted working directory', 'ghosts/ghosts.c', 'cwd'],
  ['pipes', 'pipes/pipes.c'],
  ['FIFOs', 'fifos/fifos.c'],
  ['eventfds', 'eventfd/eventfd.c', 'shared'],
  ['epoll', 'epoll/epoll.c', 'nested'],
  ['signalfd', 'signalfd/signalfd.c'],
  ['inotify', 'inotify/inotify.c'],
  ['fanotify', 'fanotify/fanotify.c'],
  ['memfds', 'memfd/memfd.c', 'files'],
  ['seals', 'memfd/memfd.c', 'sealed'],
  ['pidfds', 'pidfd/pidfd.c', 'living'],
  ['timerfds', 'timerfd/timerfd.c', 'clocks'],
  ['terminals', 'terminals/pairs.c', 'settings'],
  ['masters alone', 'terminals/pairs.c', 'masters'],
  ['flock', 'locks/locks.c', 'flock', LOCKS],
  ['open file description locks', 'locks/locks.c', 'ofd', LOCKS],
  ['leases', 'locks/locks.c', 'lease', LOCKS],
  ['owners', 'owners/owners.c', 'kinds'],
  ['families', 'tree/family.c'],
  ['zombies', 'tree/zombie.c'],
  ['filters of all threads', 'seccomp/seccomp.c', 'synchronized'],
  ['filters of one thread', 'seccomp/seccomp.c', 'one-thread'],
  ['chains of filters', 'seccomp/seccomp.c', 'chain'],
  ['interval timers', 'timers/timers.c', 'real'],
  ['POSIX timers', 'timers/timers.c', 'clocks'],
  ['signal actions', 'signals/pending.c'],
  ['limits', 'rlimits/rlimits.c'],
  ['scheduling', 'scheduling/scheduling.c', 'fifo'],
  ['shared memory', 'memory/shared-anonymous.c'],
  ['mapped files', 'memory/private-file.c'],
  ['guard pages', 'memory-pages/newer.c', 'guards'],
  ...(NO_32_BIT === undefined ? OF_32_BIT : []),
];

interface Both {
  ours: string;
  theirs: string;
}

/** What both write of the program, one after the other; it runs on. */
async function dumpBoth(
  { pid, dir }: Program,
  { other, args, round }: { other: Tool; args: readonly string[]; round: number },
): Promise<Both> {
  const [ours, theirs] = [join(dir, `ours-${round}`), join(dir, `theirs-${round}`)];
  await tool.dump(pid, ours, '-R', ...args);
  await other.dump(pid, theirs, '-R', ...args);
  return { ours, theirs };
}

const line = ({ field, ours, theirs }: ImageDifference): string =>
  `${field}: ours ${ours ?? '(absent)'}, CRIU's ${theirs ?? '(absent)'}`;

function mustRecode(folder: string): void {
  const images = readdirSync(folder).filter((name) => /^(?!pages-).*\.img$/.test(name));
  assert.ok(images.length > 10, images.join(' '));
  for (const name of images) {
    const [input, output] = [join(folder, name), join(folder, `${name}.recoded`)];
    recodeImage({ input, output }, (warning) => assert.fail(`${name}: ${warning}`));
  }
}

/** A program that looks for its release now and then is caught with other registers: it is dumped again. */
const ROUNDS = 8;

async function mustAgree(
  other: Tool,
  [what, name, play, args = [], flags = []]: Standing,
): Promise<void> {
  const plays = play === undefined ? [] : [play];
  const program = startProgram(join('kernel', name), { args: plays, flags });
  await program.waitReady();
  await sleep(100);
  const isKnown = ({ field }: ImageDifference): boolean =>
    IMAGE_DIFFERENCES.some((one) => one.field.test(field) && (one.of?.includes(what) ?? true));
  for (let round = 1; ; round++) {
    const { ours, theirs } = await dumpBoth(program, { other, args, round });
    const found = compareFolders(readCanonical(ours), readCanonical(theirs));
    const unknown = found.filter((one) => !isKnown(one));
    const isElsewhere = unknown.length > 0 && unknown.every(({ field }) => /gpregs/.test(field));
    if (isElsewhere && round < ROUNDS) continue;
    assert.deepEqual(unknown.map(line), []);
    mustRecode(theirs);
    return;
  }
}

const other = criu();
describe('images of a standing program', { skip: other ? false : NO_CRIU }, () => {
  if (!other) return;
  for (const standing of STANDING) {
    const [what] = standing;
    test(`${what}: both write the same, but for known differences; crit reads and writes CRIU's`, (t) =>
      bounded(t, () => mustAgree(other, standing)));
  }
});
