import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type BirthProcess, type Births, bearTree, type EndsPort } from './births.js';
import { Plan } from './plan.js';
import { printPlan } from './print.js';
import { verifyPlan } from './verify.js';

const BASE = 0x1000_0000_0000;
type Extra = Partial<Pick<BirthProcess, 'threads' | 'zombie' | 'comm' | 'tables' | 'exitSignal'>>;

const process = (ids: [number, number, number, number], extra: Extra = {}): BirthProcess => {
  const [vpid, ppid, pgid, sid] = ids;
  return { vpid, ppid, pgid, sid, comm: 'sh', threads: [vpid], zombie: undefined, ...extra };
};

function bear(...processes: BirthProcess[]): { plan: Plan<EndsPort>; births: Births } {
  const plan = new Plan<EndsPort>(BASE);
  const births = bearTree(plan, processes, { controlFd: 100, temporaryFds: 101 });
  verifyPlan(plan, { first: births.first.track });
  return { plan, births };
}

/** The printed plan without what all births have in common, for short snapshots. */
function steps(...processes: BirthProcess[]): string[] {
  return printPlan(bear(...processes).plan)
    .split('\n')
    .slice(0, -1)
    .filter((line) => !/rt_sigaction\(17|first helper\] exit_group|rt_sigtimedwait/.test(line))
    .map((line) => line.replace(/ {3}#.*/, '').replace(/exit_signal=|sp=[^,]*, |, 88/g, ''));
}

test('a session leader alone is born by the first helper, as its sibling', () => {
  const { plan } = bear(process([10, 0, 10, 10]));
  assert.equal(
    printPlan(plan),
    `births:
  [first helper] rt_sigaction(17, <32 bytes>, NULL, 8)
  [first helper] clone3({flags=CLONE_PARENT, exit_signal=0, sp=tape of pid 10 (sh), set_tid=[10]}, 88)   # pid 10
  [first helper] exit_group(0)
  [pid 10 (sh)] setsid() = must be 10   # session 10
`,
  );
});

test('children are born after setsid, in their order, and get their groups', () => {
  const tree = [
    process([10, 0, 10, 10]),
    process([12, 10, 12, 10]),
    process([13, 10, 12, 10]),
    process([11, 12, 10, 10]),
  ];
  assert.deepEqual(steps(...tree), [
    'births:',
    '  [first helper] clone3({flags=CLONE_PARENT, 0, set_tid=[10]})',
    '  [pid 10 (sh)] setsid() = must be 10',
    '  [pid 10 (sh)] clone3({flags=0, SIGCHLD, set_tid=[12]})',
    '  [pid 10 (sh)] clone3({flags=0, SIGCHLD, set_tid=[13]})',
    '  [pid 12 (sh)] clone3({flags=0, SIGCHLD, set_tid=[11]})',
    'group leaders:',
    '  [pid 12 (sh)] setpgid(0, 0)',
    'group members:',
    '  [pid 13 (sh)] setpgid(0, 12)',
  ]);
});

test('a child that stayed in the session its parent left is born before setsid', () => {
  const tree = [
    process([10, 0, 10, 10]),
    process([11, 10, 11, 11]),
    process([12, 11, 10, 10]),
    process([13, 11, 11, 11]),
  ];
  assert.deepEqual(steps(...tree).slice(3), [
    '  [pid 10 (sh)] clone3({flags=0, SIGCHLD, set_tid=[11]})',
    '  [pid 11 (sh)] clone3({flags=0, SIGCHLD, set_tid=[12]})',
    '  [pid 11 (sh)] setsid() = must be 11',
    '  [pid 11 (sh)] clone3({flags=0, SIGCHLD, set_tid=[13]})',
  ]);
});

test('an orphan in the session of a zombie is born by the zombie, as its sibling', () => {
  const tree = [
    process([10, 0, 10, 10]),
    process([12, 10, 11, 11]),
    process([11, 10, 11, 11], { zombie: { status: 0x300 } }),
  ];
  assert.deepEqual(steps(...tree), [
    'births:',
    '  [first helper] clone3({flags=CLONE_PARENT, 0, set_tid=[10]})',
    '  [pid 10 (sh)] setsid() = must be 10',
    '  [pid 10 (sh)] clone3({flags=0, SIGCHLD, set_tid=[11]})',
    '  [pid 11 (zombie)] setsid() = must be 11',
    '  [pid 11 (zombie)] clone3({flags=CLONE_PARENT, 0, set_tid=[12]})',
    'ends:',
    '  [pid 11 (zombie)] prctl(PR_SET_NAME, <3 bytes>, 0x0, 0x0, 0x0)',
    '  [pid 11 (zombie)] exit_group(3)',
    'make:',
    '  [woodfrog] wait until the pids 11 have ended',
  ]);
});

test('a dead session leader is stood in for, reaped, and its signal forgotten', () => {
  const { plan, births } = bear(process([10, 0, 10, 10]), process([12, 10, 12, 7]));
  assert.deepEqual([...births.helpers.keys()], [7]);
  const [, , ...rest] = printPlan(plan).split('\n');
  assert.deepEqual(rest, [
    '  [first helper] clone3({flags=CLONE_PARENT, exit_signal=0, sp=tape of pid 10 (sh), set_tid=[10]}, 88)   # pid 10',
    '  [first helper] exit_group(0)',
    '  [pid 10 (sh)] setsid() = must be 10   # session 10',
    '  [pid 10 (sh)] clone3({flags=0, exit_signal=SIGCHLD, sp=tape of pid 7 (session helper), set_tid=[7]}, 88)   # pid 7',
    '  [pid 7 (session helper)] setsid() = must be 7   # session 7',
    '  [pid 7 (session helper)] clone3({flags=CLONE_PARENT, exit_signal=0, sp=tape of pid 12 (sh), set_tid=[12]}, 88)   # pid 12',
    'group leaders:',
    '  [pid 12 (sh)] setpgid(0, 0)   # process group 12',
    'ends:',
    '  [pid 7 (session helper)] exit_group(0)',
    'make:',
    '  [woodfrog] wait until the pids 7 have ended',
    '  [pid 10 (sh)] wait4(7, NULL, __WALL, NULL) = must be 7   # pid 7',
    '  [pid 10 (sh)] rt_sigtimedwait(<8 bytes>, NULL, {"tv_sec":0,"tv_nsec":0}, 8) = may fail',
    '',
  ]);
});

test('a root that leads no session is born by a helper that does', () => {
  assert.deepEqual(steps(process([10, 0, 9, 7]), process([11, 10, 7, 7])), [
    'births:',
    '  [first helper] clone3({flags=CLONE_PARENT, 0, set_tid=[7]})',
    '  [pid 7 (session helper)] setsid() = must be 7',
    '  [pid 7 (session helper)] clone3({flags=CLONE_PARENT, 0, set_tid=[10]})',
    '  [pid 7 (session helper)] clone3({flags=CLONE_PARENT, 0, set_tid=[9]})',
    '  [pid 10 (sh)] clone3({flags=0, SIGCHLD, set_tid=[11]})',
    'group leaders:',
    '  [pid 9 (group helper)] setpgid(0, 0)',
    'group members:',
    '  [pid 10 (sh)] setpgid(0, 9)',
    'ends:',
    '  [pid 7 (session helper)] exit_group(0)',
    '  [pid 9 (group helper)] exit_group(0)',
    'make:',
    '  [woodfrog] wait until the pids 7, 9 have ended',
  ]);
});

test('a process that left the group it had made leaves it once others are in it', () => {
  const tree = [
    process([10, 0, 10, 10]),
    process([11, 10, 9, 10]),
    process([12, 10, 11, 10]),
    process([13, 10, 10, 10]),
    process([14, 10, 13, 10]),
  ];
  assert.deepEqual(steps(...tree).slice(-14), [
    'group leaders:',
    '  [pid 11 (sh)] setpgid(0, 0)',
    '  [pid 13 (sh)] setpgid(0, 0)',
    '  [pid 9 (group helper)] setpgid(0, 0)',
    'group members:',
    '  [pid 12 (sh)] setpgid(0, 11)',
    '  [pid 14 (sh)] setpgid(0, 13)',
    'ends:',
    '  [pid 11 (sh)] setpgid(0, 9)',
    '  [pid 13 (sh)] setpgid(0, 10)',
    '  [pid 9 (group helper)] exit_group(0)',
    'make:',
    '  [woodfrog] wait until the pids 9 have ended',
    '  [pid 10 (sh)] wait4(9, NULL, __WALL, NULL) = must be 9',
  ]);
});

test('leaders whose children share a dead session are born in it themselves', () => {
  const tree = [
    process([10, 0, 10, 10]),
    process([11, 10, 11, 11]),
    process([12, 10, 12, 12]),
    process([21, 11, 7, 7]),
    process([22, 12, 7, 7]),
  ];
  assert.deepEqual(steps(...tree).slice(2, -4), [
    '  [pid 10 (sh)] setsid() = must be 10',
    '  [pid 10 (sh)] clone3({flags=0, SIGCHLD, set_tid=[7]})',
    '  [pid 7 (session helper)] setsid() = must be 7',
    '  [pid 7 (session helper)] clone3({flags=CLONE_PARENT, 0, set_tid=[11]})',
    '  [pid 7 (session helper)] clone3({flags=CLONE_PARENT, 0, set_tid=[12]})',
    '  [pid 11 (sh)] clone3({flags=0, SIGCHLD, set_tid=[21]})',
    '  [pid 11 (sh)] setsid() = must be 11',
    '  [pid 12 (sh)] clone3({flags=0, SIGCHLD, set_tid=[22]})',
    '  [pid 12 (sh)] setsid() = must be 12',
    'ends:',
  ]);
});

test('a zombie dies of its signal, with its disposition restored and no core', () => {
  const tree = [
    process([10, 0, 10, 10]),
    process([11, 10, 10, 10], { zombie: { status: 11 }, comm: 'crashed' }),
    process([12, 10, 10, 10], { zombie: { status: 9 } }),
  ];
  assert.deepEqual(steps(...tree).slice(5), [
    'ends:',
    '  [pid 11 (zombie)] prctl(PR_SET_NAME, <8 bytes>, 0x0, 0x0, 0x0)',
    '  [pid 11 (zombie)] prctl(PR_SET_DUMPABLE, NULL, 0x0, 0x0, 0x0)',
    '  [pid 11 (zombie)] rt_sigaction(11, <32 bytes>, NULL, 8)',
    '  [pid 11 (zombie)] kill(11, 11)',
    '  [pid 11 (zombie)] rt_sigprocmask(1, <8 bytes>, NULL, 8) = must be 1',
    '  [pid 11 (zombie)] exit_group(0)',
    '  [pid 12 (zombie)] prctl(PR_SET_NAME, <3 bytes>, 0x0, 0x0, 0x0)',
    '  [pid 12 (zombie)] prctl(PR_SET_DUMPABLE, NULL, 0x0, 0x0, 0x0)',
    '  [pid 12 (zombie)] kill(12, 9)',
    '  [pid 12 (zombie)] rt_sigprocmask(1, <8 bytes>, NULL, 8) = must be 1',
    '  [pid 12 (zombie)] exit_group(0)',
    'make:',
    '  [woodfrog] wait until the pids 11, 12 have ended',
  ]);
});

test('the host step waits for helpers and zombies, with their parents behind it', () => {
  const { plan } = bear(
    process([10, 0, 10, 10]),
    process([11, 10, 8, 10], { zombie: { status: 0 } }),
  );
  const waited: number[][] = [];
  for (const { stage, run } of plan.hostSteps) {
    assert.equal(stage, 'make');
    run({ waitEnded: (vpids) => waited.push([...vpids]) });
  }
  assert.deepEqual(waited, [[11, 8]]);
});

test('a core dump and statuses of no ended process are refused', () => {
  const withStatus = (status: number) => () =>
    bear(process([10, 0, 10, 10]), process([11, 10, 10, 10], { zombie: { status } }));
  assert.throws(withStatus(0x8b), { code: 'unsupported', message: /SIGSEGV and dumped core/ });
  for (const status of [0x7f, 0x137f, 0x109, 0x80, 0x10000, -1, 0x41]) {
    assert.throws(withStatus(status), { code: 'image', message: /wait status/ }, String(status));
  }
  assert.doesNotThrow(withStatus(0xff00));
  assert.doesNotThrow(withStatus(0x40));
});

test("threads are born on the leader's track in their stage, with tracks of their own", () => {
  const { plan, births } = bear(process([10, 0, 10, 10], { threads: [10, 15, 13], comm: 'srv' }));
  const [, threads] = printPlan(plan).split('threads:\n');
  const flags = 'CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_SIGHAND|CLONE_THREAD|CLONE_SYSVSEM';
  const bornAs = (vtid: number) =>
    `  [pid 10 (srv)] clone3({flags=${flags}, exit_signal=0, ` +
    `sp=tape of tid ${vtid} of pid 10 (srv), set_tid=[${vtid}]}, 88)   # tid ${vtid}\n`;
  assert.equal(threads, bornAs(15) + bornAs(13));
  assert.deepEqual([...births.threads.keys()], [10, 15, 13]);
  const thread = births.threads.get(13);
  assert.equal(thread?.process, 10);
  assert.equal(thread?.track.firstStage, 'threads');
  assert.equal(births.threads.get(10), births.processes.get(10));
});

test('a table is shared from birth, and given up by who carries it only for its child', () => {
  const tables = (vpid: number, files_id: number) => ({
    ...{ vm_id: vpid, files_id, fs_id: vpid, sighand_id: vpid },
  });
  const shown = steps(
    process([10, 0, 10, 10], { tables: tables(10, 2) }),
    process([11, 10, 10, 10], { tables: tables(11, 3) }),
    process([12, 11, 10, 10], { tables: tables(12, 2) }),
  );
  assert.deepEqual(shown.slice(3), [
    '  [pid 10 (sh)] clone3({flags=CLONE_FILES, SIGCHLD, set_tid=[11]})',
    '  [pid 11 (sh)] clone3({flags=CLONE_FILES, SIGCHLD, set_tid=[12]})',
    '  [pid 11 (sh)] unshare(CLONE_FILES)',
  ]);
});

test('exit signals are given at birth, and those of zombies forgotten: queued ones each', () => {
  const end = { status: 0 };
  const { plan } = bear(
    process([10, 0, 10, 10], { exitSignal: 10 }),
    process([11, 10, 10, 10], { exitSignal: 0 }),
    process([12, 10, 10, 10], { exitSignal: 34, zombie: end }),
    process([13, 10, 10, 10], { exitSignal: 34, zombie: end }),
    process([14, 10, 10, 10], { exitSignal: 10, zombie: end }),
    process([15, 10, 10, 10], { exitSignal: 10, zombie: end }),
  );
  const text = printPlan(plan);
  const born = [...text.matchAll(/exit_signal=(\S+), .*set_tid=\[(\d+)\]/g)];
  assert.deepEqual(
    born.map(([, signal, vpid]) => `${vpid} ${signal}`),
    ['10 0', '11 0', '12 SIGRTMIN+2', '13 SIGRTMIN+2', '14 SIGUSR1', '15 SIGUSR1'],
  );
  assert.equal(text.match(/rt_sigtimedwait/g)?.length, 3);
});

test('a sibling cannot bear one with another exit signal', () => {
  refuses(
    'unsupported',
    /pid 12 must be born by its sibling, pid 11, which has another exit signal/,
    process([10, 0, 10, 10]),
    process([11, 10, 11, 11]),
    process([12, 10, 11, 11], { exitSignal: 10 }),
  );
});

test('the first helper is prepared before it bears', () => {
  const plan = new Plan<EndsPort>(BASE);
  const { first } = bearTree(plan, [process([10, 0, 10, 10])], {
    controlFd: 3,
    temporaryFds: 4,
    prepare: (track) => {
      assert.equal(track.steps.length, 1);
      assert.equal(track.steps[0]?.call.name, 'rt_sigaction');
    },
  });
  assert.equal(first.track.vpid, undefined);
  assert.equal(first.track.lastStage, 'births');
  assert.equal(first.track.steps.at(-2)?.call.name, 'clone3');
});

const refuses = (code: string, message: RegExp, ...processes: BirthProcess[]): void =>
  assert.throws(() => bear(...processes), { code, message });

test('trees that no kernel has made are refused as broken images', () => {
  const root = process([10, 0, 10, 10]);
  refuses('image', /pid 10 is twice/, root, root);
  refuses('image', /parent of pid 11, pid 5, is not in the tree/, root, process([11, 5, 10, 10]));
  refuses('image', /exactly one root/, root, process([11, 0, 11, 11]));
  refuses('image', /exactly one root/);
  refuses('image', /leads a session and is in process group 10/, root, process([11, 10, 10, 11]));
  refuses(
    'image',
    /pid 12 is in session 11, but pid 11 is in session 10/,
    root,
    process([11, 10, 11, 10]),
    process([12, 10, 12, 11]),
  );
  refuses(
    'image',
    /process group 11 is in the sessions 11 and 10/,
    root,
    process([11, 10, 11, 11]),
    process([12, 10, 11, 10]),
  );
  refuses(
    'image',
    /pid 12 is a child of pid 11, a zombie/,
    root,
    process([11, 10, 10, 10], { zombie: { status: 0 } }),
    process([12, 11, 10, 10]),
  );
  refuses(
    'image',
    /tid 7 of pid 10 is another task's/,
    process([10, 0, 10, 10], { threads: [10, 7] }),
    process([11, 10, 11, 7]),
  );
});

test('trees that cannot be born are refused, naming pids', () => {
  const root = process([10, 0, 10, 10]);
  refuses(
    'unsupported',
    /pid 13 cannot be born into session 11 as children of pid 12/,
    root,
    process([11, 10, 11, 11]),
    process([12, 10, 10, 10]),
    process([13, 12, 13, 11]),
  );
  refuses(
    'unsupported',
    /pid 21 cannot be born into session 7 as children of pid 11/,
    root,
    process([11, 10, 10, 10]),
    process([12, 10, 10, 10]),
    process([21, 11, 7, 7]),
    process([22, 12, 7, 7]),
  );
  refuses(
    'unsupported',
    /pids 11, 12, 21, 22 can only be born by one another/,
    root,
    process([11, 10, 11, 11]),
    process([12, 10, 12, 12]),
    process([21, 11, 12, 12]),
    process([22, 12, 11, 11]),
  );
  refuses('unsupported', /pid 11 is outside its pid namespace/, root, process([11, 10, 0, 0]));
  refuses(
    'unsupported',
    /process group 12, which has no other member left/,
    root,
    process([11, 10, 12, 10]),
    process([12, 10, 11, 10]),
  );
  refuses(
    'unsupported',
    /pid 10 is in process group 9, which has no other member left/,
    process([10, 0, 9, 7]),
    process([11, 10, 10, 7]),
  );
});
