/**
 * Every task state of every thread: asked from outside, asked from within on one tape per thread, and turned into
 * the core and mm entries of the images.
 */
import type { ProcessView, ThreadView } from '../checkpoint/views.js';
import { core_entry_march } from '../images/messages/core.js';
import type { ProbeTape, TaskPatch, TaskState, TaskSubject } from '../objects/kinds.js';
import type { CoreEntry, MmEntry } from '../objects/rebuild-context.js';
import { coreOfEndedLeader } from '../objects/tasks/ended-leader.js';
import type { Track } from '../plan/track.js';
import { assert } from '../support/assert.js';
import { toNumber, toSigned, viewOf } from '../support/bytes.js';
import { within } from '../support/errors.js';
import type { FrozenTree } from '../tracer/freeze.js';
import type { GadgetFinder } from '../tracer/gadgets.js';
import type { BuiltProbe } from '../tracer/probe-tapes.js';
import { runProbes } from '../tracer/probes.js';
import { refreshPending } from '../tracer/views.js';
import type { ObjectPort } from './object-port.js';

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

interface Asked {
  state: TaskState;
  subject: TaskSubject;
  seen: unknown;
  answer: (() => unknown) | undefined;
}

/** A state and those it is asked of: every thread, or the leader alone. */
function subjectsOf(state: TaskState, process: ProcessView): TaskSubject[] {
  return process.threads
    .map((thread, i) => ({ process, thread, isLeader: i === 0 }))
    .filter(({ isLeader }) => state.scope === 'thread' || isLeader);
}

export function inspectTasks(
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
): InspectedProcess[] {
  const alive = processes.filter(({ state }) => state === 'alive');
  const asked = observeAll(alive, states, { port, onObject });
  const byThread = groupByThread(asked);
  probeSettled(tree, byThread, { alive, port, gadgets });
  return alive.map((process) => inspectProcess(process, byThread, onObject));
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
  processes: readonly ProcessView[],
  states: readonly TaskState[],
  { port, onObject }: { port: ObjectPort; onObject: OnObject },
): Asked[] {
  const asked: Asked[] = [];
  for (const process of processes) {
    for (const state of states) {
      for (const subject of subjectsOf(state, process)) {
        onObject(subject, state.name, () => {
          const seen = state.observe?.(port, subject);
          asked.push({ state, subject, seen, answer: undefined });
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
): void {
  const withTimers = new Set<ProcessView>();
  for (const { state, subject, seen } of [...byThread.values()].flat()) {
    if (state.queuesSignals?.(seen)) withTimers.add(subject.process);
  }
  for (let round = 0; round < PROBES_MAX; round++) {
    probeAll(tree, byThread, means);
    for (const process of alive) {
      refreshPending(tree, process, { threads: withTimers.has(process) });
    }
    if (alive.every(({ lateSignals }) => lateSignals.length === 0)) return;
  }
}

/** One tape per thread, all threads at once. */
function probeAll(
  tree: FrozenTree,
  byThread: AskedByThread,
  { port, gadgets: finder }: { port: ObjectPort; gadgets: GadgetFinder },
): void {
  const results = new Map<ThreadView, BuiltProbe>();
  const probes = [...byThread].map(([thread, list]) => ({
    thread,
    process: firstOf(list).subject.process,
    moreCalls: list.reduce((sum, { state, seen }) => sum + (state.probeCalls?.(seen) ?? 0), 0),
    build: (track: Track) => {
      const tape = probeTape(track, () => results.get(thread));
      for (const one of list) one.answer = one.state.probe?.(tape, one.subject, one.seen);
    },
  }));
  if (probes.length === 0) return;
  const layout = port.xstateLayout;
  for (const built of runProbes(tree, probes, { finder, layout })) {
    results.set(built.thread, built);
  }
}

function firstOf<T>(list: readonly T[]): T {
  const [first] = list;
  assert(first !== undefined, 'a list that is not empty');
  return first;
}

function probeTape(track: Track, built: () => BuiltProbe | undefined): ProbeTape {
  const read = (address: number, length: number): Uint8Array => {
    const results = built();
    assert(results, 'a probe was read before it ran');
    return results.results.read(address, length);
  };
  return {
    call: (call, args) => {
      const index = track.steps.length;
      track.call(call, args, { onError: 'ignore' });
      return {
        result: () => {
          const address = built()?.resultAddress(index) ?? 0;
          return toNumber(toSigned(viewOf(read(address, 8)).getBigUint64(0, true)));
        },
      };
    },
    reserve: (length) => {
      const place = track.memory.reserve(length);
      return { ...place, read: () => read(place.address, length) };
    },
  };
}

function inspectProcess(
  process: ProcessView,
  byThread: AskedByThread,
  onObject: OnObject,
): InspectedProcess {
  const cores = new Map<number, CoreEntry>();
  const mm: Partial<MmEntry> = {};
  for (const thread of process.threads) {
    const core: Record<string, unknown> = { mtype: core_entry_march.X86_64 };
    const owners = new Map<string, string>();
    for (const { state, subject, seen, answer } of byThread.get(thread) ?? []) {
      if (state.inspect === undefined) continue;
      onObject(subject, state.name, () => {
        const patch = state.inspect?.({ ...subject, seen, probed: answer?.() }) ?? {};
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
