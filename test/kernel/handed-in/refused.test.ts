/** Descriptors that cannot stand for anything, and what was left out and is not handed in: refused, each by name. */
import assert from 'node:assert/strict';
import {
  closeSync,
  constants,
  openSync,
  readFileSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { restore } from '../../../src/index.js';
import { bounded } from '../../support/kernel.js';
import {
  dumpOutside,
  fileName,
  inheritArgs,
  pipeName,
  startOutside,
} from '../../support/outside.js';
import { closePipe, makePipe, type Pipe, readText } from '../../support/pipes.js';
import { isAlive } from '../../support/proc.js';
import type { Descriptors, Program } from '../../support/program.js';
import { describeRun, tool } from '../../support/tool.js';

const { O_RDWR } = constants;

/** A program that reads from a pipe or writes to one, dumped, with a pipe to hand in. */
interface Left {
  program: Program;
  images: string;
  /** 'pipe[12]'. */
  resource: string;
  fresh: Pipe;
}

type Play = 'reader' | 'writer' | 'logger';

async function left(play: Play, look: (left: Left) => Promise<void>): Promise<void> {
  const [old, fresh] = [await makePipe(), await makePipe()];
  try {
    const isReader = play === 'reader';
    const program = await startOutside(play, { 10: isReader ? old.read : old.write });
    if (isReader) writeSync(old.write, 'queued');
    else await readText(old.read, 6);
    const resource = pipeName(old.read);
    const images = await dumpOutside(program, tool, ['--external', resource]);
    await look({ program, images, resource, fresh });
  } finally {
    closePipe(old);
    closePipe(fresh);
  }
}

const leftTest = (name: string, play: Play, look: (left: Left) => Promise<void>): void => {
  test(name, (t: TestContext) => bounded(t, () => left(play, look)));
};

interface Refused {
  says: readonly RegExp[];
  inherit?: readonly string[];
  descriptors?: Descriptors;
  args?: readonly string[];
}

async function mustRefuse({ program, images }: Left, refused: Refused): Promise<void> {
  const { says, inherit = [], descriptors = {}, args = [] } = refused;
  const all = [...inheritArgs(inherit), ...args];
  const run = await tool.attemptRestore(images, all, { descriptors });
  assert.ok(run.status === 1 || run.status === 2, describeRun(run));
  for (const words of says) assert.match(run.stderr, words, describeRun(run));
  assert.ok(!isAlive(program.pid), 'nothing is left behind');
}

const escaped = (resource: string): string => resource.replace(/[[\]]/g, '\\$&');

leftTest('a dump names the option that leaves a pipe out', 'writer', async ({ fresh }) => {
  const program = await startOutside('writer', { 10: fresh.write });
  await readText(fresh.read, 6);
  const run = await tool.attemptDump(program.pid, join(program.dir, 'images'));
  assert.equal(run.status, 1, describeRun(run));
  const resource = escaped(pipeName(fresh.read));
  assert.match(run.stderr, /reading end is outside the tree/);
  assert.match(run.stderr, new RegExp(`--external '${resource}'`));
  assert.ok(isAlive(program.pid));
});

leftTest('what was left out and is not handed in is named', 'writer', async (left) => {
  const resource = escaped(left.resource);
  const says = [/was left out of the images/, new RegExp(`--inherit-fd 'fd\\[N\\]:${resource}'`)];
  await mustRefuse(left, { says });
});

for (const fd of [3, 4, 10, 20, 77]) {
  leftTest(`descriptor ${fd}, which nobody opened, is refused`, 'writer', async (left) => {
    const says = [new RegExp(`descriptor ${fd}, .*'${escaped(left.resource)}', is not open`)];
    await mustRefuse(left, { says, inherit: [`fd[${fd}]:${left.resource}`] });
  });
}

leftTest('a descriptor in a configuration file is one of the caller', 'writer', async (left) => {
  const config = join(left.program.dir, 'config');
  writeFileSync(config, `inherit-fd fd[77]:${left.resource}\n`);
  await mustRefuse(left, { says: [/descriptor 77, .*, is not open/], args: ['--config', config] });
  writeFileSync(config, `inherit-fd fd[9]:${left.resource}\n`);
  const given = { images: left.images, inherit: [], descriptors: { 9: left.fresh.write } };
  const run = await tool.attemptRestore(given.images, ['--config', config], given);
  assert.equal(run.status, 0, describeRun(run));
  left.program.release();
  assert.equal(await readText(left.fresh.read, 11), 'after again');
});

leftTest('a resource that is named twice is refused', 'writer', async (left) => {
  const { fresh, resource } = left;
  const inherit = [`fd[5]:${resource}`, `fd[6]:${resource.replace('[', ':[')}`];
  const says = [/descriptors 5 and 6 are both handed in/];
  await mustRefuse(left, { says, inherit, descriptors: { 5: fresh.write, 6: fresh.write } });
});

leftTest('a resource that no image holds is refused', 'writer', async (left) => {
  const { fresh, resource } = left;
  const inherit = [`fd[5]:${resource}`, 'fd[6]:pipe[1]'];
  const says = [
    /no open file in the images is 'pipe\[1\]', for which descriptor 6/,
    /what the images hold is/,
  ];
  await mustRefuse(left, { says, inherit, descriptors: { 5: fresh.write, 6: fresh.write } });
});

leftTest('a resource of an unknown form is refused', 'writer', async (left) => {
  for (const inherit of [['5:pipe[1]'], ['fd[x]:pipe[1]'], ['fd[5]'], ['fd[5]:']]) {
    await mustRefuse(left, { says: [/Option '--inherit-fd' has the value/, /fd\[9\]:/], inherit });
  }
  const says = [/'socket\[5\]' belongs to sockets/];
  await mustRefuse(left, { says, inherit: ['fd[5]:socket[5]'] });
});

leftTest('the wrong end of a pipe is refused', 'writer', async (left) => {
  const { fresh, resource } = left;
  const says = [/descriptor 5 is open for reading, and .* was for writing/];
  await mustRefuse(left, { says, inherit: [`fd[5]:${resource}`], descriptors: { 5: fresh.read } });
});

leftTest('a pipe with bytes of its own is refused where others waited', 'reader', async (left) => {
  const { fresh, resource } = left;
  writeSync(fresh.write, 'mine');
  const says = [/6 bytes waited in it, .*holds 4 bytes of its own/, /empty pipe/];
  await mustRefuse(left, { says, inherit: [`fd[5]:${resource}`], descriptors: { 5: fresh.read } });
});

leftTest('bytes that waited in a pipe go into no file', 'reader', async (left) => {
  const fd = openSync(join(left.program.dir, 'file'), O_RDWR | constants.O_CREAT);
  const says = [/6 bytes waited in it, .*descriptor 5.*is no pipe/];
  await mustRefuse(left, { says, inherit: [`fd[5]:${left.resource}`], descriptors: { 5: fd } });
  closeSync(fd);
});

leftTest('a file may stand for the writing end of a pipe', 'logger', async (left) => {
  const path = join(left.program.dir, 'log');
  const fd = openSync(path, 'w');
  const given = {
    images: left.images,
    inherit: [`fd[1]:${left.resource}`],
    descriptors: { 1: fd },
  };
  // Standard output of woodfrog, as in a shell: woodfrog restore ... > log
  const run = await tool.attemptRestore(given.images, inheritArgs(given.inherit), given);
  closeSync(fd);
  assert.equal(run.status, 0, describeRun(run));
  await left.program.mustPass();
  assert.equal(readFileSync(path, 'utf8'), 'after again');
});

test('a file that was left out must be as it was', (t) =>
  bounded(t, async () => {
    const program = await startOutside('file');
    const resource = fileName(program);
    const images = await dumpOutside(program, tool, ['--external', resource]);
    const other = join(program.dir, 'other');
    writeFileSync(other, 'short', { mode: 0o600 });
    const fd = openSync(other, O_RDWR);
    const says = [new RegExp(`'${escaped(resource)}' has 5 bytes, and had 10`)];
    const left = { program, images, resource, fresh: { read: -1, write: -1 } };
    await mustRefuse(left, { says, inherit: [`fd[3]:${resource}`], descriptors: { 3: fd } });
    closeSync(fd);
  }));

leftTest('the library takes numbers of its own descriptors', 'writer', async (left) => {
  const { images, resource, fresh, program } = left;
  const inheritFd = [{ fd: fresh.write, resource }];
  await assert.rejects(restore({ imagesDir: images, inheritFd: [{ fd: 9999, resource }] }), {
    code: 'usage',
    message: /descriptor 9999, .* is not open/,
  });
  const restored = await restore({ imagesDir: images, inheritFd });
  assert.ok(statSync(`/proc/self/fd/${fresh.write}`).isFIFO(), 'it stays open');
  program.release();
  assert.equal(await readText(fresh.read, 11), 'after again');
  writeFileSync(`${program.releasePath}.seen`, '');
  assert.deepEqual(await restored.wait(), { exited: 0 }, program.output());
});
