/** The images of a tree as entries, from what its objects came to: all but files. Pages and queues stream when they are written. */
import type { ProcessView } from '../checkpoint/views.js';
import { IMAGES } from '../images/catalogue.js';
import type { ImageSet } from '../images/directory.js';
import { core_entry_march } from '../images/messages/core.js';
import { lsmtype } from '../images/messages/inventory.js';
import { TASK_DEAD } from '../images/task-state.js';
import type { CgroupEntry } from '../objects/cgroups/sets.js';
import type { InspectedFiles } from '../objects/files/inspect.js';
import type { TimensEntry } from '../objects/namespaces/time.js';
import type { CoreEntry, IdsEntry, MmEntry } from '../objects/rebuild-context.js';
import { exitSignalOf } from '../objects/tasks/process.js';
import type { SeccompChains } from '../objects/tasks/seccomp.js';
import { verifyZombieStatus } from '../plan/zombies.js';
import { defined } from '../support/assert.js';
import { within } from '../support/errors.js';
import type { InspectedProcess } from './inspect-tasks.js';
import type { ProcessMemory } from './write-pages.js';

const IMAGE_VERSION = 2;
/** The tree lives in woodfrog's own namespaces: others are refused. Numbers as images without namespaces have them. */
const NAMESPACE_IDS = {
  pid_ns_id: 1,
  net_ns_id: 2,
  ipc_ns_id: 3,
  uts_ns_id: 4,
  time_ns_id: 5,
  mnt_ns_id: 6,
  user_ns_id: 7,
  cgroup_ns_id: 8,
};
/** woodfrog's own tables: no task of the tree shares them. */
const ROOT_IDS: IdsEntry = { vm_id: 1, files_id: 1, fs_id: 1, sighand_id: 1, ...NAMESPACE_IDS };

export interface Inspected {
  processes: readonly ProcessView[];
  tasks: readonly InspectedProcess[];
  files: InspectedFiles;
  memory: readonly ProcessMemory[];
  clocks: TimensEntry;
  /** Undefined: every thread is where woodfrog is. */
  cgroups: CgroupEntry | undefined;
  /** A UUID of this dump. */
  runId: string;
  seccomp: SeccompChains;
}

/** Adds all but files, which are there already. */
export function addTasks(
  images: ImageSet,
  { processes, tasks, files, memory, clocks, cgroups, seccomp, runId }: Inspected,
): void {
  images.put(IMAGES.INVENTORY, {
    img_version: IMAGE_VERSION,
    fdinfo_per_id: true,
    root_ids: ROOT_IDS,
    ns_per_id: true,
    root_cg_set: 1,
    lsmtype: lsmtype.NO_LSM,
    network_lock_method: 0,
    plugins_entry: { plugins: [] },
    dump_criu_run_id: runId,
  });
  images.put(IMAGES.TIMENS, 0, clocks);
  if (cgroups) images.put(IMAGES.CGROUP, cgroups);
  images.put(IMAGES.SECCOMP, seccomp.entry());
  for (const process of processes) addPstree(images, process);
  const filesOf = new Map(files.processes.map((one) => [one.process, one]));
  const memoryOf = new Map(memory.map((one) => [one.process, one]));
  for (const { process, cores, mm } of tasks) {
    for (const [vtid, core] of cores) images.put(IMAGES.CORE, vtid, core);
    const { ids, exe_file_id } = defined(filesOf.get(process), `pid ${process.pid} has no files`);
    const { vmas } = defined(memoryOf.get(process), `pid ${process.pid} has no memory`).memory;
    images.put(IMAGES.IDS, process.vpid, { ...ids, ...NAMESPACE_IDS });
    images.put(IMAGES.MM, process.vpid, {
      ...(mm as MmEntry),
      exe_file_id,
      vmas,
      aios: mm.aios ?? [],
    });
  }
}

function addPstree(images: ImageSet, process: ProcessView): void {
  const { vpid, parent, vpgid, vsid, threads, state, endedLeader } = process;
  const zombie = state === 'zombie';
  if (zombie)
    within({ pid: process.pid, comm: process.comm, object: 'zombie' }, () =>
      verifyZombieStatus(process.stat.exit_code),
    );
  images.add(IMAGES.PSTREE, {
    pid: vpid,
    ppid: parent,
    pgid: vpgid,
    sid: vsid,
    threads: zombie ? [0] : [...(endedLeader ? [vpid] : []), ...threads.map(({ vtid }) => vtid)],
  });
  if (zombie) images.put(IMAGES.CORE, vpid, zombieCore(process));
}

/** What is left of a zombie: how it ended. */
const zombieCore = ({ stat, comm }: ProcessView): CoreEntry => ({
  mtype: core_entry_march.X86_64,
  tc: {
    task_state: TASK_DEAD,
    exit_code: stat.exit_code,
    personality: 0,
    flags: 0,
    blk_sigset: 0n,
    comm,
    sigactions: [],
    ...exitSignalOf(stat),
    stops_seen: [],
  },
});
