/**
 * Rehearsal: before anything is stopped, a dump looks once at the root of the tree while it runs, with the same code as
 * later. Code that runs for the first time takes several times as long, and here nobody waits for it. Only /proc is
 * read: no descriptor is taken, no thread stopped. What is found is not used, but for where the program has code that
 * makes system calls, which is slow to search for.
 */
import type { ProcessView } from '../checkpoint/views.js';
import { readText } from '../host/files.js';
import type { Host } from '../host/host.js';
import { parseMaps } from '../linux/procfs/maps.js';
import { parseStat } from '../linux/procfs/stat.js';
import { parseStatus } from '../linux/procfs/status.js';
import { inspectMemory } from '../objects/memory/inspect.js';
import { observeMemory } from '../objects/memory/observe.js';
import { readNamespaces } from '../objects/namespaces/inside.js';
import { observeClocks } from '../objects/namespaces/time.js';
import { type Pid, vpid } from '../support/brand.js';
import { CheckpointError } from '../support/errors.js';
import { is32BitProgram } from '../tracer/views.js';
import type { Session } from './session.js';

/** More would take longer than it saves: the code is warm after some dozens. */
const MAPPINGS_MAX = 500;
/** 256 MiB: smaps walks every page. */
const RESIDENT_PAGES_MAX = 65_536;

export function rehearse({ host, port, gadgets }: Session, root: Pid): void {
  try {
    const process = outline(host, root);
    if (process.mappings.length > MAPPINGS_MAX) return;
    gadgets.find(process);
    readNamespaces(port, `/proc/${root}`, ['time']);
    observeClocks(port, root);
    const resident = Number.parseInt(port.readText(`/proc/${root}/statm`).split(' ')[1] ?? '0', 10);
    if (resident > RESIDENT_PAGES_MAX) return;
    inspectMemory(observeMemory(port, process), { path: () => 0 });
  } catch (error) {
    // A running process changes under our eyes: what is wrong for good is found, and said, when it stands still.
    if (!(error instanceof CheckpointError)) throw error;
  }
}

/** What /proc shows of a running process; its threads are left out. */
function outline(host: Host, pid: Pid): ProcessView {
  const stat = parseStat(readText(host, `/proc/${pid}/stat`));
  const mappings = parseMaps(readText(host, `/proc/${pid}/maps`));
  return {
    pid,
    task: pid,
    vpid: vpid(stat.pid),
    parent: vpid(0),
    vpgid: vpid(stat.pgrp),
    vsid: vpid(stat.session),
    comm: stat.comm,
    state: 'alive',
    stopSignal: undefined,
    stoppedChildren: [],
    stat,
    status: parseStatus(readText(host, `/proc/${pid}/status`)),
    endedLeader: undefined,
    threads: [],
    mappings,
    pendingShared: [],
    is32Bit: is32BitProgram(mappings),
    lateSignals: [],
  };
}
