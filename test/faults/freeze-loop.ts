/**
 * node freeze-loop.js PID COUNT SECONDS: stops the tree of PID and lets it go, COUNT times or as often as the time allows,
 * and looks each time whether all of it stands still. A process of its own: whoever waits for tracees takes the statuses
 * of its children. Prints how often it went how, as JSON.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { Session } from '../../src/operations/session.js';
import { pid } from '../../src/support/brand.js';
import { asCheckpointError } from '../../src/support/errors.js';
import { Log } from '../../src/support/log.js';
import { freezeTree } from '../../src/tracer/freeze.js';

const [root = 0, most = 0, seconds = 0] = process.argv.slice(2).map(Number);
const TIMEOUT_SEC = 20;

/** State and parent; undefined when it has gone. */
function statOf(path: string): { state: string; parent: number } | undefined {
  try {
    const text = readFileSync(`${path}/stat`, 'latin1');
    const [state = '', parent = ''] = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { state, parent: Number(parent) };
  } catch {
    return undefined;
  }
}

/** The tree as /proc has it: every process that descends from the root. */
function descendants(): Map<number, string> {
  const all = new Map<number, { state: string; parent: number }>();
  for (const name of readdirSync('/proc')) {
    const stat = /^\d+$/.test(name) ? statOf(`/proc/${name}`) : undefined;
    if (stat) all.set(Number(name), stat);
  }
  const found = new Map<number, string>();
  const isIn = (id: number): boolean => {
    if (id === root || found.has(id)) return true;
    const parent = all.get(id)?.parent ?? 0;
    return parent > 1 && parent !== id && isIn(parent);
  };
  for (const [id, { state }] of all) if (isIn(id)) found.set(id, state);
  return found;
}

/** What is wrong with a tree that should stand still, whole. */
function flaws(frozen: readonly { pid: number; zombie: boolean }[]): string[] {
  const known = new Map(frozen.map((one) => [one.pid, one.zombie]));
  const wrong: string[] = [];
  for (const [id, state] of descendants()) {
    const zombie = known.get(id);
    if (zombie === undefined) wrong.push(`pid ${id} (${state}) was missed`);
    else if (zombie !== (state === 'Z' || state === 'X')) wrong.push(`pid ${id} is ${state}`);
    if (zombie !== false) continue;
    for (const tid of readdirSync(`/proc/${id}/task`)) {
      const thread = statOf(`/proc/${id}/task/${tid}`)?.state;
      if (thread !== 't' && thread !== 'Z') wrong.push(`thread ${tid} of ${id} is ${thread}`);
    }
  }
  return wrong;
}

const outcomes: Record<string, number> = {};
const started = performance.now();
using session = new Session({ log: new Log() }, 'freeze-loop');
const { host, interrupts } = session;
for (let i = 0; i < most && performance.now() - started < seconds * 1000; i++) {
  let outcome = 'caught whole';
  try {
    interrupts.arm(TIMEOUT_SEC);
    using tree = freezeTree(host, pid(root), { interrupts });
    const wrong = flaws(tree.processes);
    if (wrong.length > 0) outcome = `WRONG: ${wrong.slice(0, 5).join(', ')}`;
  } catch (error) {
    outcome = `refused: ${asCheckpointError(error).toString().replace(/\d+/g, 'N')}`;
  }
  outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
}
process.stdout.write(JSON.stringify(outcomes));
