/** Task states without a kernel: facts given by the test, probes answered by it, steps printed. */
import { user_regs_struct, type XstateLayout, xstateLayout } from '../../src/arch/arch.js';
import type { ProcessView, ThreadView } from '../../src/checkpoint/views.js';
import { decode } from '../../src/images/codec.js';
import { ImageSet } from '../../src/images/directory.js';
import { core_entry } from '../../src/images/messages/core.js';
import { mm_entry } from '../../src/images/messages/mm.js';
import type { Message } from '../../src/images/schema.js';
import type { Stat } from '../../src/linux/procfs/stat.js';
import { parseStatus, type Status } from '../../src/linux/procfs/status.js';
import type { Arguments, Params, Syscall } from '../../src/linux/syscall.js';
import type { ProbeTape, TaskPatch, TaskState, TaskSubject } from '../../src/objects/kinds.js';
import { DEFAULT_OBJECT_OPTIONS } from '../../src/objects/options.js';
import { OwnTask } from '../../src/objects/own-task.js';
import type { DumpPort, PortBuffer } from '../../src/objects/ports.js';
import type {
  CoreEntry,
  HostStepPort,
  MmEntry,
  ProcessRebuild,
  RestoreContext,
  ThreadRebuild,
} from '../../src/objects/rebuild-context.js';
import { Plan } from '../../src/plan/plan.js';
import { printPlan } from '../../src/plan/print.js';
import { pid, vpid } from '../../src/support/brand.js';
import { type GoldenSet, readGolden } from './golden.js';

export const ROOT_STATUS = `Name:	cat
Umask:	0022
State:	R (running)
Tgid:	412
Ngid:	0
Pid:	412
PPid:	1
TracerPid:	0
Uid:	0	0	0	0
Gid:	0	0	0	0
FDSize:	64
Groups:	 
NStgid:	412
NSpid:	412
NSpgid:	412
NSsid:	412
Threads:	1
SigQ:	0/96365
SigPnd:	0000000000000000
ShdPnd:	0000000000000000
SigBlk:	0000000000000000
SigIgn:	0000000000000000
SigCgt:	0000000000000000
CapInh:	0000000000000000
CapPrm:	000001fffeffffff
CapEff:	000001fffeffffff
CapBnd:	000001fffeffffff
CapAmb:	0000000000000000
NoNewPrivs:	0
Seccomp:	0
Seccomp_filters:	0
`;

export const UNLIMITED = 0xffff_ffff_ffff_ffffn;

/** /proc/PID/limits: every limit 'unlimited', but for those given as [soft, hard]. */
export function limitsText(
  given: Readonly<Record<string, readonly [string, string]>> = {},
): string {
  const names = [
    ...['Max cpu time', 'Max file size', 'Max data size', 'Max stack size', 'Max core file size'],
    ...['Max resident set', 'Max processes', 'Max open files', 'Max locked memory'],
    ...['Max address space', 'Max file locks', 'Max pending signals', 'Max msgqueue size'],
    ...['Max nice priority', 'Max realtime priority', 'Max realtime timeout'],
  ];
  const row = (name: string, soft: string, hard: string, units: string): string =>
    `${name.padEnd(26)}${soft.padEnd(21)}${hard.padEnd(21)}${units}\n`;
  return (
    row('Limit', 'Soft Limit', 'Hard Limit', 'Units') +
    names
      .map((name) => {
        const [soft, hard] = given[name] ?? ['unlimited', 'unlimited'];
        return row(name, soft, hard, 'units');
      })
      .join('')
  );
}

type Call = (call: Syscall, args: Record<string, unknown>) => number;

export interface FakeKernel {
  files?: Readonly<Record<string, string | Uint8Array>>;
  links?: Readonly<Record<string, string>>;
  /** Results of calls by name. */
  calls?: Readonly<Record<string, Call>>;
}

const ENOENT = 2;
const ENOSYS = 38;

/** What most tests see of woodfrog itself: root without CAP_SYS_RESOURCE, no limits, two CPUs. */
const USUAL_FILES: Readonly<Record<string, string>> = {
  '/proc/thread-self/status': ROOT_STATUS,
  '/proc/self/limits': limitsText(),
  '/sys/devices/system/cpu/online': '0-1\n',
  '/proc/self/oom_score_adj': '0\n',
  '/proc/self/loginuid': '4294967295',
  '/proc/sys/fs/suid_dumpable': '0\n',
  '/proc/thread-self/cgroup': '0::/\n',
};

/** The memory that calls fill, found by address. */
class FakeMemory {
  readonly places = new Map<number, Uint8Array>();
  #next = 0x1000;

  alloc(length: number): PortBuffer {
    const address = this.#next;
    this.#next += length + 16;
    const bytes = new Uint8Array(length);
    this.places.set(address, bytes);
    return { address, length, bytes };
  }
}

export function fakePort(kernel: FakeKernel = {}): DumpPort & { memory: FakeMemory } {
  const memory = new FakeMemory();
  const files: Record<string, string | Uint8Array> = { ...USUAL_FILES, ...kernel.files };
  const attempt = <P extends Params>(call: Syscall<P>, args: Arguments<P>): number =>
    kernel.calls?.[call.name]?.(call as Syscall, args) ?? usual(call.name, args, memory);
  const must = <T>(path: string, value: T | number): T => {
    if (typeof value === 'number') throw new Error(`no such file: ${path}`);
    return value;
  };
  const text = (path: string): string | number => {
    const content = files[path];
    if (content === undefined) return -ENOENT;
    return typeof content === 'string' ? content : Buffer.from(content).toString('latin1');
  };
  const port = {
    memory,
    own: undefined as unknown as OwnTask,
    options: DEFAULT_OBJECT_OPTIONS,
    xstateLayout: xstateLayout(0xe7n) as XstateLayout,
    attempt,
    call: <P extends Params>(call: Syscall<P>, args: Arguments<P>): number => {
      const result = attempt(call, args);
      if (result < 0) throw new Error(`${call.name} failed: ${result}`);
      return result;
    },
    scope: () => ({
      alloc: (length: number) => memory.alloc(length),
      [Symbol.dispose]: () => {},
    }),
    attemptReadText: text,
    attemptReadBytes: (path: string) => {
      const content = files[path];
      if (content === undefined) return -ENOENT;
      return typeof content === 'string' ? new TextEncoder().encode(content) : content;
    },
    attemptReadLink: (path: string) => kernel.links?.[path] ?? -ENOENT,
    attemptReadDir: () => -ENOENT,
    attemptStat: (path: string) =>
      files[path] === undefined
        ? -ENOENT
        : { dev: 0n, ino: 1n, nlink: 1n, mode: 0, uid: 0, gid: 0, rdev: 0n, size: 0 },
    readText: (path: string) => must(path, text(path)),
    readLink: (path: string) => must(path, kernel.links?.[path] ?? -ENOENT),
    readDir: () => [],
    take: () => -ENOENT,
    adopt: () => {},
    drop: () => {},
    surely: () => {
      throw new Error('a test starts no process');
    },
  };
  port.own = new OwnTask(port);
  return port;
}

/** Calls about woodfrog itself, and those that find nothing. */
function usual(name: string, args: Record<string, unknown>, memory: FakeMemory): number {
  const TIMERSLACK = 30;
  if (name === 'prctl') return args.option === TIMERSLACK ? 50_000 : 0;
  if (name === 'gettid') return 7;
  if (name === 'sched_getaffinity') {
    memory.places.get((args.mask as PortBuffer).address)?.set([3]);
    return 8;
  }
  if (name === 'sched_getattr' || name === 'ioprio_get' || name === 'kcmp') return 0;
  return -ENOSYS;
}

export const stat = (fields: Partial<Stat> = {}): Stat => ({
  ...{ pid: 412, comm: 'cat', state: 't', ppid: 1, pgrp: 412, session: 412, tty_nr: 0, tpgid: -1 },
  ...{ flags: 0x40_0000, priority: 20, nice: 0, num_threads: 1, starttime: 1 },
  ...{ start_code: 0, end_code: 0, start_stack: 0, start_data: 0, end_data: 0, start_brk: 0 },
  ...{ arg_start: 0, arg_end: 0, env_start: 0, env_end: 0, exit_signal: 17, rt_priority: 0 },
  ...{ policy: 0, exit_code: 0, ...fields },
});

export const status = (fields: Partial<Status> = {}): Status => ({
  ...parseStatus(ROOT_STATUS),
  ...fields,
});

/** A thread of process 412; the leader unless `tid` says another. */
export function subject(
  thread: Partial<ThreadView> = {},
  process: Partial<ProcessView> = {},
): TaskSubject {
  const view: ThreadView = {
    tid: pid(412),
    vtid: vpid(412),
    regs: user_regs_struct.decode(new Uint8Array(user_regs_struct.size)),
    xstate: new Uint8Array(0),
    sigmask: 0n,
    rseq: { pointer: 0, size: 0, signature: 0, flags: 0 },
    robustList: { head: 0, length: 24 },
    pending: [],
    seccomp: undefined,
    stat: stat(),
    status: status(),
    ...thread,
  };
  return {
    thread: view,
    isLeader: view.tid === 412,
    process: {
      ...{ pid: pid(412), vpid: vpid(412), parent: vpid(0), vpgid: vpid(412), vsid: vpid(412) },
      ...{ task: pid(412), endedLeader: undefined },
      ...{ comm: 'cat', state: 'alive', stat: view.stat, status: view.status, threads: [view] },
      ...{
        mappings: [],
        pendingShared: [],
        lateSignals: [],
        is32Bit: false,
        stopSignal: undefined,
      },
      ...{ stoppedChildren: [], ...process },
    },
  };
}

/** What a probe's call answers: its result, and the bytes that it puts where an argument points. */
export type Answer = (
  call: Syscall,
  args: Record<string, unknown>,
) => number | [number, Uint8Array];

/** Observes, probes and inspects, as a dump does. */
export function inspectState(
  state: TaskState,
  who: TaskSubject,
  { port = fakePort(), answer = () => 0 }: { port?: DumpPort; answer?: Answer } = {},
): TaskPatch {
  const seen = state.observe?.(port, who);
  const own = { ...who, seen };
  const probed = state.probe?.(
    probeTape(answer, who.process.is32Bit),
    state.probesAlone?.(own) ? own : undefined,
  )();
  return state.inspect?.({ ...who, seen, probed }) ?? {};
}

function probeTape(answer: Answer, is32Bit: boolean): ProbeTape {
  const places = new Map<number, Uint8Array>();
  const pending: (() => void)[] = [];
  const run = () => {
    for (const one of pending.splice(0)) one();
  };
  let next = 0x1000;
  return {
    is32Bit,
    call: (call, args) => {
      let result = 0;
      pending.push(() => {
        const given = answer(call as Syscall, args);
        const [value, bytes] = typeof given === 'number' ? [given, undefined] : given;
        result = value;
        for (const argument of Object.values(args) as { address?: number }[]) {
          const place = places.get(argument?.address ?? 0);
          if (bytes && place) place.set(bytes);
        }
      });
      return {
        result: () => {
          run();
          return result;
        },
      };
    },
    reserve: (length) => {
      const address = next;
      next += length;
      const bytes = new Uint8Array(length);
      places.set(address, bytes);
      return {
        address,
        length,
        read: () => {
          run();
          return bytes;
        },
      };
    },
  };
}

export interface Rebuild {
  core: CoreEntry;
  mm?: Partial<MmEntry>;
  vpid?: number;
  /** Of a thread that is not the leader: its tid. */
  vtid?: number;
  /** Further threads of the process, with tracks of their own. */
  others?: readonly number[];
  /** The core of that thread; left out: the leader's. */
  thread?: CoreEntry;
  port?: DumpPort;
  images?: ImageSet;
  useFile?: (fileId: number) => number;
}

/** The plan after one state's rebuild. */
export function rebuildState(state: TaskState, given: Rebuild) {
  const { core, vpid: leader = 412, vtid = leader, port = fakePort() } = given;
  const plan = new Plan<HostStepPort>(0x10000);
  const task = plan.track({ name: `pid ${leader}`, vpid: leader, process: leader });
  const process: ProcessRebuild = {
    vpid: leader,
    comm: 'cat',
    pstree: { pid: leader, ppid: 0, pgid: leader, sid: leader, threads: [leader] },
    core,
    ids: { vm_id: 2, files_id: 2, fs_id: 2, sighand_id: 2 },
    mm: { vmas: [], aios: [], mm_saved_auxv: [], ...given.mm } as unknown as MmEntry,
    track: task.track,
    threads: [],
    owner: {} as ProcessRebuild['owner'],
  };
  process.owner = ownerOfAll(process);
  const thread: ThreadRebuild = {
    vtid,
    core: given.thread ?? core,
    track: task.track,
    task,
    isLeader: vtid === leader,
    process,
  };
  process.threads.push(thread);
  for (const other of given.others ?? []) {
    const own = plan.track({ name: `pid ${other}`, vpid: other, process: leader });
    const { track } = own;
    process.threads.push({ ...thread, vtid: other, track, task: own, isLeader: false });
  }
  const context = {
    images: given.images ?? new ImageSet(),
    plan,
    processes: [process],
    port,
    files: { use: (_: ProcessRebuild, fileId: number) => given.useFile?.(fileId) ?? -1 },
  } as unknown as RestoreContext;
  state.rebuild?.(thread, context);
  return { plan, task, context, thread };
}

/** The steps that one state's rebuild adds, as --explain shows them, stages and tracks left out. */
export const stepsOf = (state: TaskState, given: Rebuild): string[] =>
  printPlan(rebuildState(state, given).plan)
    .trimEnd()
    .split('\n')
    .filter(Boolean)
    .map((line) =>
      line
        .trim()
        .replace(/^\[pid \d+\] /, '')
        .replace(/ {3}# .*$/, ''),
    );

/** The message of a golden image that holds one. */
export function goldenMessage<V>(set: GoldenSet, name: string, message: Message<V>): V {
  const bytes = readGolden(set, name);
  const HEADER = 8;
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(HEADER, true);
  return decode(message, bytes.subarray(HEADER + 4, HEADER + 4 + length), {
    file: name,
    entry: 0,
    offset: HEADER + 4,
  });
}

export const goldenCore = (set: GoldenSet, id: number): CoreEntry =>
  goldenMessage(set, `core-${id}.img`, core_entry);
export const goldenMm = (set: GoldenSet, id: number): MmEntry =>
  goldenMessage(set, `mm-${id}.img`, mm_entry);

/** Of a process that shares nothing. */
export const ownerOfAll = (process: ProcessRebuild): ProcessRebuild['owner'] => ({
  vm_id: process,
  files_id: process,
  fs_id: process,
  sighand_id: process,
});
