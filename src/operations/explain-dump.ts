/** dump --explain: every object of the tree with a verdict, the tree untouched: nothing is written, nothing killed. */
import type { ProcessView } from '../checkpoint/views.js';
import { type InspectedFiles, inspectFiles } from '../objects/files/inspect.js';
import { type FilesObservation, observeFiles } from '../objects/files/observe.js';
import { terminalObstacles } from '../objects/files/tty/controlling.js';
import { taskStates } from '../objects/index.js';
import { inspectMemory } from '../objects/memory/inspect.js';
import { observeMemory } from '../objects/memory/observe.js';
import type { DumpOptions } from '../options/types.js';
import { pid } from '../support/brand.js';
import { CheckpointError } from '../support/errors.js';
import { freezeTree } from '../tracer/freeze.js';
import { viewTree } from '../tracer/views.js';
import { type OnObject, observeTasks } from './inspect-tasks.js';
import { learnLayout, livingRoot, mappedFiles, refuseForeignSession } from './inspect-tree.js';
import { Session } from './session.js';
import type { ExplainedDump, OperationEnv, Verdict } from './types.js';

export function explainDump(options: DumpOptions, env: OperationEnv): ExplainedDump {
  const verdicts = new Verdicts();
  try {
    lookAt(options, env, verdicts);
  } catch (error) {
    if (!isAboutTask(error)) throw error;
    verdicts.refused(error);
  }
  return { kind: 'explained', verdicts: verdicts.list };
}

function lookAt(options: DumpOptions, env: OperationEnv, verdicts: Verdicts): void {
  using session = new Session(env, 'dump');
  const { interrupts, host, port, gadgets } = session;
  interrupts.arm(options.timeoutSec);
  port.options = options;
  using tree = freezeTree(host, pid(options.pid), { interrupts });
  tree.refusesSeccompWindow = options.refuseSeccompWindow;
  const processes = viewTree(tree);
  // Whose main thread is dead cannot be asked anything else.
  learnLayout(session, processes);
  const root = livingRoot(processes);
  verdicts.about(root, 'session', undefined, () => {
    refuseForeignSession(root, options);
    return 0;
  });
  const observed = observeFiles(port, processes);
  for (const obstacle of terminalObstacles(processes, observed)) verdicts.refused(obstacle);
  const onObject: OnObject = ({ process, thread }, object, inspect) =>
    verdicts.about({ ...process, pid: thread.tid }, object, undefined, inspect);
  observeTasks(tree, processes, { port, gadgets, states: taskStates, onObject })();
  const files = inspectFiles(observed, {
    options,
    refuse: (error) => verdicts.refused(error),
  });
  verdicts.addDescriptors(observed);
  for (const process of processes) verdicts.addMappings(process, files, port);
}

/** A task that cannot even be stopped, or looked at, gets a verdict, too. */
const isAboutTask = (error: unknown): error is CheckpointError =>
  error instanceof CheckpointError &&
  error.context.pid !== undefined &&
  (error.code === 'unsupported' || error.code === 'refused');

class Verdicts {
  readonly list: Verdict[] = [];
  readonly #refusedFds = new Set<string>();

  /** Runs an inspection: saved if it goes through and found something, else why not. */
  about(
    { pid: task, comm }: Pick<ProcessView, 'pid' | 'comm'>,
    object: string,
    detail: string | undefined,
    inspect: () => number,
  ): void {
    const place = { pid: task, comm, object, ...(detail === undefined ? {} : { detail }) };
    try {
      if (inspect() > 0) this.list.push({ ...place, verdict: 'saved' });
    } catch (error) {
      if (!(error instanceof CheckpointError) || error.code === 'bug') throw error;
      this.list.push({ ...place, ...verdictOf(error) });
    }
  }

  /** A refusal that names its own place. */
  refused(error: CheckpointError): void {
    const { pid: task = 0, comm, object = 'object', fd } = error.context;
    if (fd !== undefined) this.#refusedFds.add(`${task} ${fd}`);
    this.list.push({
      pid: task,
      ...(comm === undefined ? {} : { comm }),
      object: fd === undefined ? object : `descriptor ${fd} (${object})`,
      ...verdictOf(error),
    });
  }

  /** Descriptors that nothing was said against. */
  addDescriptors({ processes }: FilesObservation): void {
    for (const { process, table } of processes) {
      for (const { fd, description } of table) {
        if (this.#refusedFds.has(`${process.pid} ${fd}`)) continue;
        if (description.kind === undefined || description.obstacle !== undefined) continue;
        this.list.push({
          pid: process.pid,
          comm: process.comm,
          object: `descriptor ${fd}`,
          detail: description.view.target,
          verdict: 'saved',
        });
      }
    }
  }

  /** Memory, process by process: the first mapping that cannot be saved is named. */
  addMappings(process: ProcessView, { registry }: InspectedFiles, port: Session['port']): void {
    if (process.state === 'zombie') return;
    const detail = `${process.mappings.length} mappings`;
    this.about(process, 'memory', detail, () => {
      return inspectMemory(observeMemory(port, process), mappedFiles(registry)).vmas.length;
    });
  }
}

/** An error that an option would heal says so by its code. */
function verdictOf(error: CheckpointError): Pick<Verdict, 'verdict' | 'because'> {
  const { context, what, remedy } = error;
  const object = context.object === undefined ? '' : `${context.object}: `;
  const because = `${object}${what}${remedy === undefined ? '' : ` (${remedy})`}`;
  return { verdict: error.code === 'external' ? 'needs option' : 'cannot be saved', because };
}
