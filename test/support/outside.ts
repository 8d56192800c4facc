/** Programs with open files of which a part is outside the tree, taken through a checkpoint. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  constants,
  existsSync,
  openSync,
  readFileSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Pair } from './kernel.js';
import { closePipe, isAtEnd, makePipe, readNow, readText } from './pipes.js';
import { type Descriptors, type Program, Skipped, startProgram } from './program.js';
import { describeRun, mustSucceed, type Tool } from './tool.js';
import { waitFor } from './wait.js';

const PROGRAM = 'kernel/handed-in/outside.c';
const { O_RDWR, O_NONBLOCK } = constants;

/** How a program is brought back: lets it verify itself, in the end. */
type Restore = (
  tool: Tool,
  program: Program,
  given: { images: string; inherit: readonly string[]; descriptors: Descriptors },
) => Promise<{ mustPass: () => Promise<void> }>;

export const inheritArgs = (inherit: readonly string[]): string[] =>
  inherit.flatMap((one) => ['--inherit-fd', one]);

export const detached: Restore = async (tool, program, { images, inherit, descriptors }) => {
  mustSucceed(await tool.attemptRestore(images, inheritArgs(inherit), { descriptors }));
  return { mustPass: () => program.mustPass() };
};

/** The tool waits for the program, and collects it. */
export const inForeground: Restore = async (tool, program, { images, inherit, descriptors }) => {
  const common = ['restore', '-D', images, '-v4', '-o', 'restore.log'];
  const run = tool.run([...common, ...inheritArgs(inherit)], { descriptors });
  const log = join(images, 'restore.log');
  const isOver = () => existsSync(log) && /(FAILED|resumed)\./.test(readFileSync(log, 'latin1'));
  await waitFor('the restore', isOver, 60_000);
  return {
    mustPass: async () => {
      program.release();
      const ended = await run;
      assert.match(program.output(), /PASS\n$/, describeRun(ended));
      mustSucceed(ended);
    },
  };
};

export async function dumpOutside(
  program: Program,
  dumper: Tool,
  dumpArgs: readonly string[],
): Promise<string> {
  const images = join(program.dir, 'images');
  const pids = program.tree();
  await dumper.dump(program.pid, images, ...dumpArgs);
  await program.mustVanish(pids);
  return images;
}

export async function startOutside(play: string, descriptors: Descriptors = {}): Promise<Program> {
  const program = startProgram(PROGRAM, { args: [play], descriptors });
  await program.waitReady();
  return program;
}

const inodeOf = (fd: number): bigint => statSync(`/proc/self/fd/${fd}`, { bigint: true }).ino;

/** CRIU 4.2 knows pipes as /proc spells them, with a colon; its manual, and we, without it, too. */
export const pipeName = (fd: number, colon = ''): string => `pipe${colon}[${inodeOf(fd)}]`;

/** 'file[MNT:INODE]' of an open file of the program: CRIU reads hexadecimal numbers. */
export function fileName({ pid }: { pid: number }, radix: 10 | 16 = 16, fd = 10): string {
  const info = readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8');
  const mount = Number(/^mnt_id:\t(\d+)$/m.exec(info)?.[1]);
  const { ino } = statSync(`/proc/${pid}/fd/${fd}`, { bigint: true });
  return `file[${mount.toString(radix)}:${ino.toString(radix)}]`;
}

export interface OutsideCase {
  /** A sentence that says what holds. */
  readonly name: string;
  readonly run: (pair: Pair, restore: Restore) => Promise<void>;
  /** What CRIU does not do, or does otherwise. */
  readonly criuCannotDump?: string;
  readonly criuCannotRestore?: string;
}

/** Lets a writer go on until it has closed its ends, and then to its own end. */
async function closes(program: Program, look: () => Promise<void>): Promise<void> {
  program.release();
  await waitFor('closed ends', () => existsSync(`${program.releasePath}.closed`));
  await look();
  writeFileSync(`${program.releasePath}.seen`, '');
}

async function writer({ dumper, restorer }: Pair, restore: Restore): Promise<void> {
  const [old, fresh] = [await makePipe(), await makePipe()];
  try {
    const program = await startOutside('writer', { 10: old.write });
    assert.equal(await readText(old.read, 6), 'before');
    const images = await dumpOutside(program, dumper, ['--external', pipeName(old.read)]);
    const inherit = [`fd[9]:${pipeName(old.read, ':')}`];
    const descriptors = { 9: fresh.write };
    const { mustPass } = await restore(restorer, program, { images, inherit, descriptors });
    closeSync(fresh.write);
    await closes(program, async () => {
      assert.equal(await readText(fresh.read, 11), 'after again');
      // Neither the program nor a tool that waits for it holds the other end.
      assert.ok(isAtEnd(fresh.read));
    });
    await mustPass();
    closeSync(fresh.read);
  } finally {
    closePipe(old);
  }
}

async function reader({ dumper, restorer }: Pair, restore: Restore): Promise<void> {
  const [old, fresh] = [await makePipe(), await makePipe()];
  try {
    const program = await startOutside('reader', { 10: old.read });
    writeSync(old.write, 'queued');
    closeSync(old.read);
    const resource = pipeName(old.write);
    const images = await dumpOutside(program, dumper, ['--external', resource]);
    const inherit = [`fd[5]:${resource}`];
    const descriptors = { 5: fresh.read };
    const { mustPass } = await restore(restorer, program, { images, inherit, descriptors });
    writeSync(fresh.write, 'new');
    await mustPass();
  } finally {
    closePipe(fresh);
    closeSync(old.write);
  }
}

/** The pipe lives on meanwhile, with what is queued in it. */
async function samePipe({ dumper, restorer }: Pair, restore: Restore): Promise<void> {
  const pipe = await makePipe();
  try {
    const program = await startOutside('reader', { 10: pipe.read });
    writeSync(pipe.write, 'queued');
    const resource = pipeName(pipe.write, ':');
    const images = await dumpOutside(program, dumper, ['--external', resource]);
    const inherit = [`fd[5]:${resource}`];
    const descriptors = { 5: pipe.read };
    const { mustPass } = await restore(restorer, program, { images, inherit, descriptors });
    writeSync(pipe.write, 'new');
    await mustPass();
    // The program made our own description wait.
    const again = openSync(`/proc/self/fd/${pipe.read}`, O_NONBLOCK);
    assert.equal(readNow(again), '');
    closeSync(again);
  } finally {
    closePipe(pipe);
  }
}

const path =
  (slash: string) =>
  async ({ dumper, restorer }: Pair, restore: Restore): Promise<void> => {
    const program = await startOutside('path');
    const data = join(program.dir, 'data');
    const other = join(program.dir, 'other');
    writeFileSync(other, '   handed in');
    const images = await dumpOutside(program, dumper, []);
    const fd = openSync(other, O_RDWR);
    try {
      // The position is that of the descriptor.
      readNow(fd, 3);
      const inherit = [`fd[7]:${slash}${data.slice(1)}`];
      const descriptors = { 7: fd };
      const { mustPass } = await restore(restorer, program, { images, inherit, descriptors });
      await mustPass();
      assert.equal(readFileSync(other, 'utf8'), '   handed in!');
    } finally {
      closeSync(fd);
    }
  };

const file =
  (radix: 10 | 16) =>
  async ({ dumper, restorer }: Pair, restore: Restore): Promise<void> => {
    const program = await startOutside('file');
    const resource = fileName(program, radix);
    const images = await dumpOutside(program, dumper, ['--external', resource]);
    const other = join(program.dir, 'other');
    // CRIU, too, wants a file of the same size and permissions.
    writeFileSync(other, 'handed in ', { mode: 0o600 });
    const fd = openSync(other, O_RDWR);
    try {
      const given = { images, inherit: [`fd[3]:${resource}`], descriptors: { 3: fd } };
      const { mustPass } = await restore(restorer, program, given);
      await mustPass();
    } finally {
      closeSync(fd);
    }
  };

/** The program's FIFO, and another that is handed in for it by `name`. */
const fifo =
  (play: 'fifo-reader' | 'fifo-writer', named: 'file' | 'path') =>
  async ({ dumper, restorer }: Pair, restore: Restore): Promise<void> => {
    const program = startProgram(PROGRAM, { args: [play] });
    const own = join(program.dir, 'fifo');
    const other = join(program.dir, 'other');
    execFileSync('mkfifo', ['-m', '600', other]);
    await waitFor('the FIFO', () => existsSync(`${program.releasePath}.fifo`));
    const outside = openSync(own, O_RDWR | O_NONBLOCK);
    const fresh = openSync(other, O_RDWR | O_NONBLOCK);
    try {
      if (play === 'fifo-reader') writeSync(outside, 'queued');
      writeFileSync(`${program.releasePath}.outside`, '');
      await program.waitReady();
      if (play === 'fifo-writer') assert.equal(await readText(outside, 6), 'before');
      const external = fileName(program);
      const resource = named === 'file' ? external : own.slice(1);
      const args = named === 'file' ? ['--external', external] : [];
      const images = await dumpOutside(program, dumper, args);
      const given = { images, inherit: [`fd[4]:${resource}`], descriptors: { 4: fresh } };
      const { mustPass } = await restore(restorer, program, given);
      if (play === 'fifo-reader') writeSync(fresh, 'new');
      else {
        const text = async () => assert.equal(await readText(fresh, 11), 'after again');
        await closes(program, text);
      }
      await mustPass();
    } finally {
      closeSync(outside);
      closeSync(fresh);
    }
  };

/** A FIFO that is whole in the tree, and another in its place. */
async function fifoByPath({ dumper, restorer }: Pair, restore: Restore): Promise<void> {
  const program = await startOutside('fifo-both');
  const other = join(program.dir, 'other');
  execFileSync('mkfifo', ['-m', '600', other]);
  const fresh = openSync(other, O_RDWR | O_NONBLOCK);
  try {
    const images = await dumpOutside(program, dumper, []);
    const inherit = [`fd[4]:${join(program.dir, 'fifo').slice(1)}`];
    const given = { images, inherit, descriptors: { 4: fresh } };
    const { mustPass } = await restore(restorer, program, given);
    writeSync(fresh, 'new');
    await mustPass();
    assert.equal(await readText(fresh, 11), 'after again');
  } finally {
    closeSync(fresh);
  }
}

async function block({ dumper, restorer }: Pair, restore: Restore): Promise<void> {
  if (!existsSync('/dev/loop0')) throw new Skipped('there is no /dev/loop0');
  const program = await startOutside('block');
  const resource = fileName(program);
  const images = await dumpOutside(program, dumper, ['--external', resource]);
  const fd = openSync('/dev/loop0', 'r');
  try {
    const given = { images, inherit: [`fd[3]:${resource}`], descriptors: { 3: fd } };
    const { mustPass } = await restore(restorer, program, given);
    await mustPass();
  } finally {
    closeSync(fd);
  }
}

async function device({ dumper, restorer }: Pair, restore: Restore): Promise<void> {
  const program = await startOutside('device');
  const resource = fileName(program);
  const images = await dumpOutside(program, dumper, ['--external', resource]);
  const fd = openSync('/dev/kmsg', O_NONBLOCK);
  try {
    const given = { images, inherit: [`fd[3]:${resource}`], descriptors: { 3: fd } };
    const { mustPass } = await restore(restorer, program, given);
    await mustPass();
  } finally {
    closeSync(fd);
  }
}

async function memfd({ dumper, restorer }: Pair, restore: Restore): Promise<void> {
  const program = await startOutside('memfd');
  const images = await dumpOutside(program, dumper, []);
  const other = join(program.dir, 'other');
  writeFileSync(other, 'handed in');
  const fd = openSync(other, O_RDWR);
  try {
    const given = { images, inherit: ['fd[3]:/memfd:mine'], descriptors: { 3: fd } };
    const { mustPass } = await restore(restorer, program, given);
    await mustPass();
  } finally {
    closeSync(fd);
  }
}

export const OUTSIDE_CASES: readonly OutsideCase[] = [
  {
    name: 'the writing end of a pipe is handed in: pipe:[INODE]',
    run: writer,
    criuCannotRestore: 'the flags become those of the descriptor, and both descriptions one',
  },
  {
    name: 'the reading end of a pipe is handed in: pipe[INODE]; what was queued is read first',
    run: reader,
    criuCannotRestore: 'it has only pipe:[INODE], and drops what was queued',
  },
  {
    name: 'a pipe that somebody kept is handed in: what is queued in it is not doubled',
    run: samePipe,
    criuCannotRestore: 'both descriptions become one',
  },
  { name: 'a file is handed in by its path without the leading slash', run: path('') },
  {
    name: 'a file is handed in by its path',
    run: path('/'),
    criuCannotRestore: 'it takes no path with a slash',
  },
  { name: 'a file without a path is handed in: file[MNT:INODE]', run: file(16) },
  {
    name: 'numbers of a file may be decimal, as /proc shows them',
    run: file(10),
    criuCannotDump: 'it takes hexadecimal numbers alone',
    criuCannotRestore: 'it takes hexadecimal numbers alone',
  },
  {
    name: 'a FIFO whose writer is outside is handed in: file[MNT:INODE]',
    run: fifo('fifo-reader', 'file'),
  },
  {
    name: 'a FIFO whose reader is outside is handed in: file[MNT:INODE]',
    run: fifo('fifo-writer', 'file'),
  },
  {
    name: 'a FIFO is handed in by its path',
    run: fifoByPath,
    criuCannotRestore: 'it does not put into it what was queued',
  },
  {
    name: 'a block device is handed in: file[MNT:INODE]',
    run: block,
    criuCannotDump: 'it leaves out no block devices',
  },
  { name: 'a device is handed in: file[MNT:INODE]', run: device },
  { name: 'a memfd is handed in: /memfd:NAME', run: memfd },
];
