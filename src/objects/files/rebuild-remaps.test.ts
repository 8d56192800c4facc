import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakePort } from '../../../test/support/task-states.js';
import { IMAGES } from '../../images/catalogue.js';
import { ImageSet } from '../../images/directory.js';
import { remap_type } from '../../images/messages/remap-file-path.js';
import { printCall } from '../../linux/syscall.js';
import { Plan } from '../../plan/plan.js';
import type { Stage } from '../../plan/stages.js';
import type { ProcessRebuild, RebuildInputs, RegFileEntry } from '../rebuild-context.js';
import { RebuildRemaps } from './rebuild-remaps.js';
import { noOwner } from './registry.js';

const file = (id: number, name: string, flags = 2): RegFileEntry => ({
  ...{ id, name, flags, pos: 0n, fown: noOwner(), build_id: [] },
});

interface Setup {
  files: RegFileEntry[];
  ghostMode?: number;
  linked?: RegFileEntry;
  /** Paths that are there. */
  present?: string[];
}

function setup({ files, ghostMode = 0o100600, linked, present = ['/d', '/'] }: Setup) {
  const images = new ImageSet();
  for (const { id } of files) {
    const how = linked
      ? { remap_id: linked.id, remap_type: remap_type.LINKED }
      : { remap_id: 1, remap_type: remap_type.GHOST };
    images.add(IMAGES.REMAP_FPATH, { orig_id: id, ...how });
  }
  images.put(IMAGES.GHOST_FILE, 1, { uid: 0, gid: 0, mode: ghostMode });
  const plan: RebuildInputs['plan'] = new Plan(0x1_0000_0000);
  const processes = [10, 11].map((vpid): ProcessRebuild => {
    const { track } = plan.track({ name: `pid ${vpid}`, process: vpid, vpid, temporaryFds: 50 });
    return { vpid, track } as unknown as ProcessRebuild;
  });
  const port = fakePort({ files: Object.fromEntries(present.map((path) => [path, ''])) });
  const context = { images, plan, processes, port } as unknown as RebuildInputs;
  const all = [...files, ...(linked ? [linked] : [])];
  const remaps = new RebuildRemaps(context, (id) => {
    const found = all.find((each) => each.id === id);
    assert(found);
    return found;
  });
  remaps.make();
  const steps = (process: number, stage: Stage): string[] =>
    (processes[process]?.track.steps ?? [])
      .filter((step) => step.stage === stage && !/^(fcntl|close)$/.test(step.call.name))
      .map(({ call, args }) => printCall(call, args as never));
  return { remaps, plan, processes, steps };
}

const CREATE = 'O_RDWR|O_CREAT|O_EXCL|O_CLOEXEC, 0600';
const PATH = 'O_NOFOLLOW|O_CLOEXEC|O_PATH, 00';

test('a ghost is made and loses its name in adjacent steps, and is kept as a path', () => {
  const { plan, steps } = setup({ files: [file(1, '/d/x')] });
  assert.deepEqual(steps(0, 'lost names'), [
    `openat(AT_FDCWD, "/d/x", ${CREATE})`,
    'unlinkat(AT_FDCWD, "/d/x", 0x0)',
    'openat(AT_FDCWD, "/proc/self/fd/50", O_CLOEXEC|O_PATH, 00)',
  ]);
  assert.deepEqual(
    plan.hostSteps.map(({ stage, what }) => `${stage}: ${what}`),
    ['make: ghost file 1 is filled'],
  );
  assert.deepEqual(plan.onFailure, []);
});

test('a name that is taken is passed over, and one beside it used', () => {
  const { steps } = setup({ files: [file(1, '/d/x')], present: ['/d', '/d/x', '/d/x.ghost-1'] });
  assert.deepEqual(steps(0, 'lost names').slice(0, 2), [
    `openat(AT_FDCWD, "/d/x.ghost-1.1", ${CREATE})`,
    'unlinkat(AT_FDCWD, "/d/x.ghost-1.1", 0x0)',
  ]);
});

test('a directory that is missing is there for the moment', () => {
  const { plan, steps } = setup({ files: [file(1, '/d/a/b/x')] });
  assert.deepEqual(steps(0, 'lost names').slice(0, -1), [
    'mkdirat(AT_FDCWD, "/d/a", 0700)',
    'mkdirat(AT_FDCWD, "/d/a/b", 0700)',
    `openat(AT_FDCWD, "/d/a/b/x", ${CREATE})`,
    'unlinkat(AT_FDCWD, "/d/a/b/x", 0x0)',
    'unlinkat(AT_FDCWD, "/d/a/b", AT_REMOVEDIR)',
    'unlinkat(AT_FDCWD, "/d/a", AT_REMOVEDIR)',
  ]);
  assert.equal(plan.onFailure.length, 2);
});

test('with several names each is borrowed in turn from one that only we use', () => {
  const { remaps, plan, processes, steps } = setup({
    files: [file(1, '/d/x'), file(2, '/d/y'), file(3, '/d/x')],
  });
  const holder = '/d/.woodfrog-ghost-7-1';
  assert.deepEqual(steps(0, 'lost names'), [
    `openat(AT_FDCWD, "${holder}", ${CREATE})`,
    ...['/d/x', '/d/y'].flatMap((name) => [
      `linkat(AT_FDCWD, "${holder}", AT_FDCWD, "${name}", 0x0)`,
      `openat(AT_FDCWD, "${name}", ${PATH})`,
      `unlinkat(AT_FDCWD, "${name}", 0x0)`,
    ]),
    `unlinkat(AT_FDCWD, "${holder}", 0x0)`,
  ]);
  const [process] = processes as [ProcessRebuild];
  const fds = [1, 2, 3].map((id) => remaps.descriptor(process, file(id, '')));
  assert.deepEqual(fds, [51, 52, 51]);
  assert.deepEqual(
    plan.onFailure.map(({ what }) => what),
    [`'${holder}' is taken away`],
  );
});

test('directories and FIFOs are made by calls of their own', () => {
  const directory = setup({ files: [file(1, '/d/x')], ghostMode: 0o40755 });
  assert.deepEqual(directory.steps(0, 'lost names'), [
    'mkdirat(AT_FDCWD, "/d/x", 0700)',
    `openat(AT_FDCWD, "/d/x", ${PATH})`,
    'unlinkat(AT_FDCWD, "/d/x", AT_REMOVEDIR)',
  ]);
  const fifo = setup({ files: [file(1, '/d/x')], ghostMode: 0o10600 });
  assert.equal(fifo.steps(0, 'lost names')[0], 'mknodat(AT_FDCWD, "/d/x", 010000, 0)');
});

test('a file made by O_TMPFILE is made so again', () => {
  const { steps } = setup({ files: [file(1, '/d/#77', 0o20200002)] });
  assert.match(steps(0, 'lost names')[0] ?? '', /openat\(AT_FDCWD, "\/d", .*0x400000, 0600\)/);
});

test('other processes take the file from the first', () => {
  const { remaps, processes, steps } = setup({ files: [file(1, '/d/x'), file(2, '/d/x')] });
  const [, other] = processes as [ProcessRebuild, ProcessRebuild];
  other.track.at('make');
  remaps.descriptor(other, file(1, '/d/x'));
  remaps.descriptor(other, file(2, '/d/x'));
  assert.deepEqual(steps(1, 'make'), [
    'pidfd_open(10, 0x0)',
    'pidfd_getfd(50, 51, 0x0)',
    'pidfd_getfd(50, 51, 0x0)',
  ]);
});

test('a further name lends the old one to the file, and goes when the tasks run', () => {
  const linked = file(9, '/d/link_remap.9', 0);
  const { remaps, plan, steps } = setup({ files: [file(1, '/d/x')], linked });
  assert.deepEqual(steps(0, 'lost names'), [
    'linkat(AT_FDCWD, "/d/link_remap.9", AT_FDCWD, "/d/x", 0x0)',
    `openat(AT_FDCWD, "/d/x", ${PATH})`,
    'unlinkat(AT_FDCWD, "/d/x", 0x0)',
  ]);
  assert.deepEqual(
    plan.afterwards.map(({ what }) => what),
    ["'/d/link_remap.9' is taken away"],
  );
  assert.equal(remaps.visible(file(1, '/d/x'))?.name, '/d/link_remap.9');
});
