/**
 * Every task state of every thread: asked from outside, asked from within on one tape per thread, and turned into
 * the core and mm entries of the images.
 */
import type { ProcessView, ThreadView } from '../checkpoint/views.js';
import { core_entry_march } from '../images/messages/core.js';
import type { TaskPatch, TaskState, TaskSubject } from '../objects/kinds.js';
import type { CoreEntry, MmEntry } from '../objects/rebuild-context.js';
import { coreOfEndedLeader } from '../objects/tasks/ended-leader.js';
import { registers, runsItsProgram } from '../objects/tasks/registers.js';
import { assert, defined } from '../support/assert.js';
import { within } from '../support/errors.js';
import type { FrozenTree } from '../tracer/freeze.js';
import type { GadgetFinder } from '../tracer/gadgets.js';
import { runProbes } from '../tracer/probes.js';
import { refreshPending } from '../tracer/views.js';
import { AskWithin } from './ask-within.js';
import type { ObjectPort } from './object-port.js';
import { type Asked, Questions } from './questions.js';

/** What the states of one process came to. */
export interface InspectedProcess {
  process: ProcessView;
  /** By vtid. */
  cores: Map<number, CoreEntry>;
  mm: Partial<MmEntry>;
}

/** How to go on where a state cannot be saved: throw (a dump), or note it (--explain). */
/** `inspect` says how many facts it found worth saving. */
export type OnObject = (subject: TaskSubject, object: string, inspect: () => number) => void;

export const throwing: OnObject = ({ process, thread }, object, inspect) =>
  within({ pid: thread.tid, comm: process.comm, object }, inspect);

/** A state and those it is asked of: every thread, or the leader alone. */
function subjectsOf(state: TaskState, process: ProcessView): TaskSubject[] {
  return process.threads
    .map((thread, i) => ({ process, thread, isLeader: i === 0 }))
    .filter(({ isLeader }) => state.scope === 'thread' || isLeader);
}

/** Asks now, while the tree stands still; what it answers is pure, and may be called when the tree is gone. */
export function observeTasks(
  tree: FrozenTree,
  processes: readonly ProcessView[],
  {
    port,
    gadgets,
    states,
    onObject,
  }: {
    port: ObjectPort;
    gadgets: GadgetFinder;
    states: readonly TaskState[];
    onObject: OnObject;
  },
): () => InspectedProcess[] {
  const alive = processes.filter(({ state }) => state === 'alive');
  const asked = observeAll(tree, alive, { states, port, gadgets, onObject });
  const byThread = groupByThread(asked);
  const probes = probeSettled(tree, byThread, { alive, port, gadgets });
  return () => alive.map((process) => inspectProcess(process, { byThread, probes, onObject }));
}

type AskedByThread = ReadonlyMap<ThreadView, Asked[]>;

function groupByThread(asked: readonly Asked[]): AskedByThread {
  const byThread = new Map<ThreadView, Asked[]>();
  for (const one of asked) {
    const list = byThread.get(one.subject.thread);
    if (list) list.push(one);
    else byThread.set(one.subject.thread, [one]);
  }
  return byThread;
}

function observeAll(
  tree: FrozenTree,
  processes: readonly ProcessView[],
  {
    states,
    port,
    gadgets,
    onObject,
  }: {
    states: readonly TaskState[];
    port: ObjectPort;
    gadgets: GadgetFinder;
    onObject: OnObject;
  },
): Asked[] {
  const asked: Asked[] = [];
  for (const process of processes) {
    const asking = new AskWithin(tree, process, { port, gadgets });
    for (const state of states) {
      for (const subject of subjectsOf(state, process)) {
        // Its registers are what refuses it; nothing else may be asked of it.
        if (state !== registers && !runsItsProgram(process, subject.thread)) continue;
        onObject(subject, state.name, () => {
          const seen = state.observe?.(port, subject);
          const more = state.observeWithin?.(asking, { ...subject, seen });
          asked.push({ state, subject, seen: more ?? seen });
          return 0;
        });
      }
    }
  }
  return asked;
}

const PROBES_MAX = 3;

/**
 * Timers run on while their process stands still, and queue signals: between the first look at the queues and the
 * last, a timer may have been asked before or after it ran off. A round in which nothing came leaves no doubt; where
 * there is none such, the timers' own inspection decides by what came late.
 */
function probeSettled(
  tree: FrozenTree,
  byThread: AskedByThread,
  { alive, ...means }: { alive: readonly ProcessView[]; port: ObjectPort; gadgets: GadgetFinder },
): Probes {
  const withTimers = new Set<ProcessView>();
  for (const { state, subject, seen } of [...byThread.values()].flat()) {
    if (state.queuesSignals?.(seen)) withTimers.add(subject.process);
  }
  const probes = probesOf(byThread);
  for (let round = 0; round < PROBES_MAX; round++) {
    probeAll(tree, probes, means);
    for (const process of alive) {
      refreshPending(tree, process, { threads: withTimers.has(process) });
    }
    if (alive.every(({ lateSignals }) => lateSignals.length === 0)) return probes;
  }
  return probes;
}

type Probes = ReadonlyMap<ThreadView, TaskProbe>;

/** One tape per thread, all threads at once. */
function probeAll(
  tree: FrozenTree,
  probes: Probes,
  { port, gadgets: finder }: { port: ObjectPort; gadgets: GadgetFinder },
): void {
  if (probes.size === 0) return;
  const all = [...probes].map(([thread, { process, questions }]) => ({
    ...{ thread, process, program: questions.program },
  }));
  for (const { thread, tape } of runProbes(tree, all, { finder, layout: port.xstateLayout })) {
    defined(probes.get(thread), 'each thread has a probe').tape = tape;
  }
}

/** What is asked of one thread, and what its tape came back with. */
interface TaskProbe {
  process: ProcessView;
  questions: Questions;
  tape: Uint8Array | undefined;
}

/** Threads that are asked the same share their questions: to encode them takes longer than to answer. */
function probesOf(byThread: AskedByThread): Map<ThreadView, TaskProbe> {
  const shared = new Map<string, Questions>();
  const probes = new Map<ThreadView, TaskProbe>();
  for (const [thread, list] of byThread) {
    const asked = list.filter(({ state }) => state.probe !== undefined);
    const isAlone = asked.some(({ state, subject, seen }) =>
      state.probesAlone?.({ ...subject, seen }),
    );
    const { process } = firstOf(list).subject;
    const key = [process.is32Bit, ...asked.map(({ state }) => state.name)].join();
    const questions = (isAlone ? undefined : shared.get(key)) ?? new Questions(asked, process);
    if (!isAlone) shared.set(key, questions);
    probes.set(thread, { process, questions, tape: undefined });
  }
  return probes;
}

function firstOf<T>(list: readonly T[]): T {
  const [first] = list;
  assert(first !== undefined, 'a list that is not empty');
  return first;
}

function inspectProcess(
  process: ProcessView,
  { byThread, probes, onObject }: { byThread: AskedByThread; probes: Probes; onObject: OnObject },
): InspectedProcess {
  const cores = new Map<number, CoreEntry>();
  const mm: Partial<MmEntry> = {};
  for (const thread of process.threads) {
    const core: Record<string, unknown> = { mtype: core_entry_march.X86_64 };
    const owners = new Map<string, string>();
    const probe = probes.get(thread);
    for (const { state, subject, seen } of byThread.get(thread) ?? []) {
      if (state.inspect === undefined) continue;
      onObject(subject, state.name, () => {
        const probed = probe?.questions.answerOf(state, probe.tape);
        const patch = state.inspect?.({ ...subject, seen, probed }) ?? {};
        return apply(patch, {
          core,
          mm: mm as Record<string, unknown>,
          owners,
          state: state.name,
        });
      });
    }
    cores.set(thread.vtid, core as unknown as CoreEntry);
  }
  if (process.endedLeader) addEndedLeader(process, cores);
  return { process, cores, mm };
}

function addEndedLeader(process: ProcessView, cores: Map<number, CoreEntry>): void {
  const [first] = process.threads;
  const asked = first && cores.get(first.vtid);
  // Without them a report of what cannot be saved goes on.
  if (asked?.tc && asked.thread_core) {
    cores.set(process.vpid, coreOfEndedLeader(process, { asked }));
  }
}

/** Merges one state's contribution, and counts its fields; two states that claim one field are a mistake of ours. */
function apply(
  patch: TaskPatch,
  {
    core,
    mm,
    owners,
    state,
  }: {
    core: Record<string, unknown>;
    mm: Record<string, unknown>;
    owners: Map<string, string>;
    state: string;
  },
): number {
  let count = 0;
  for (const [part, fields] of Object.entries(patch)) {
    if (part !== 'mm') core[part] ??= {};
    const target = part === 'mm' ? mm : (core[part] as Record<string, unknown>);
    for (const [name, value] of Object.entries(fields as Record<string, unknown>)) {
      const key = `${part}.${name}`;
      const owner = owners.get(key);
      assert(owner === undefined, `'${owner}' and '${state}' both set ${key}`);
      owners.set(key, state);
      if (value === undefined) continue;
      target[name] = value;
      if (!Array.isArray(value) || value.length > 0) count += 1;
    }
  }
  return count;
}
