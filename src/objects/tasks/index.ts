/**
 * Every state of a process or thread, in the order in which their steps come within a stage. First what refuses a task
 * as a whole, which adds no steps.
 */
import type { TaskState } from '../kinds.js';
import { aioContexts } from '../memory/aio.js';
import { namespaces } from '../namespaces/inside.js';
import { dumpable, parentDeathSignal } from './after-credentials.js';
import { securityLabel, syscallDispatch } from './confinement.js';
import { credentials } from './credentials.js';
import { fpu } from './fpu.js';
import { futexHash } from './futex-hash.js';
import { denyWriteExecute, hugePages, memoryMerge } from './mm-flags.js';
import { mmLayout } from './mm-layout.js';
import { names } from './names.js';
import { pendingPrivate, pendingShared } from './pending-signals.js';
import { personality } from './personality.js';
import { autogroup, coreDumpFilter, loginUser, oomScoreAdjust } from './proc-settings.js';
import { process, stopsSeen } from './process.js';
import {
  childSubreaper,
  ioFlusher,
  membarriers,
  memoryErrorPolicy,
  speculation,
  timeStampCounter,
} from './process-flags.js';
import {
  componentPermissions,
  coreScheduling,
  cpuidFault,
  ioPorts,
  threadFeatures,
} from './processor-state.js';
import { registers } from './registers.js';
import { resourceLimits } from './resource-limits.js';
import { rseq } from './rseq.js';
import { cpuAffinity, ioPriority, schedulingPolicy, timerSlack } from './scheduling.js';
import { seccomp } from './seccomp.js';
import { segments } from './segments.js';
import { signalActions } from './signal-actions.js';
import { signalMask } from './signal-mask.js';
import { signalStack } from './signal-stack.js';
import { robustList, tidAddress } from './thread-addresses.js';
import { keyrings, semaphoreUndo, specialMappings, tracer } from './ties.js';
import { timers } from './timers.js';

export const taskStates: readonly TaskState[] = [
  process,
  tracer,
  namespaces,
  securityLabel,
  syscallDispatch,
  threadFeatures,
  segments,
  cpuidFault,
  ioPorts,
  coreScheduling,
  specialMappings,
  aioContexts,
  semaphoreUndo,
  keyrings,
  autogroup,

  registers,
  fpu,
  signalMask,

  // Stages up to 'task state'. The memory's own choices come when all is mapped.
  loginUser,
  personality,
  componentPermissions,
  mmLayout,
  hugePages,
  memoryMerge,
  membarriers,
  signalActions,
  denyWriteExecute,

  // Stage 'threads'.
  stopsSeen,
  names,
  tidAddress,
  robustList,
  rseq,
  signalStack,
  childSubreaper,
  timerSlack,
  ioFlusher,
  memoryErrorPolicy,
  timeStampCounter,
  speculation,

  // Stage 'pending signals'.
  futexHash,
  pendingShared,
  pendingPrivate,

  // Stage 'credentials': what takes rights comes before the rights go.
  seccomp,
  oomScoreAdjust,
  coreDumpFilter,
  resourceLimits,
  cpuAffinity,
  ioPriority,
  schedulingPolicy,
  credentials,
  parentDeathSignal,

  // Stage 'commit'.
  dumpable,
  timers,
];
