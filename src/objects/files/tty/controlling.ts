/** Controlling terminals in a dump: each must be among the open files, or be that of a job, which gets another. */
import type { ProcessView } from '../../../checkpoint/views.js';
import { decodeTtyNr } from '../../../linux/procfs/devices.js';
import { toNumber } from '../../../support/bytes.js';
import { type CheckpointError, unsupported } from '../../../support/errors.js';
import type { DescriptionView } from '../../kinds.js';
import type { FilesObservation } from '../observe.js';
import { slaveDevice, whichTerminal } from './devices.js';
import { terminal } from './index.js';
import { type TerminalSeen, terminalOf } from './observe.js';

/** Why the sessions of these processes could not be made again. */
export function terminalObstacles(
  processes: readonly ProcessView[],
  { descriptions }: Pick<FilesObservation, 'descriptions'>,
): CheckpointError[] {
  const [root] = processes;
  const living = processes.filter(({ state }) => state === 'alive');
  const having = new Set(living.filter((one) => terminalOf(one) !== 0).map(({ vsid }) => vsid));
  const terminals = descriptions.filter(({ kind }) => kind === terminal);
  // One that cannot be saved has a refusal of its own.
  const isOpen = new Set(terminals.map(({ view }) => deviceOf(view)));
  const saved = new Set(
    terminals.flatMap(({ seen }) => (seen ? [(seen as TerminalSeen).session.sid] : [])),
  );
  return living.flatMap((process) => {
    const { vsid } = process;
    const place = { pid: process.pid, comm: process.comm, object: 'controlling terminal' };
    if (!having.has(vsid)) return [];
    if (terminalOf(process) === 0) {
      return [unsupported(`it has given it up, and session ${vsid} has not (TIOCNOTTY)`, place)];
    }
    const isOutside = vsid === root?.vsid && vsid !== root.vpid;
    if (isOutside || saved.has(vsid) || isOpen.has(terminalOf(process))) return [];
    const { major, minor } = decodeTtyNr(process.stat.tty_nr) ?? {};
    return [
      unsupported(
        `terminal ${major}:${minor} of session ${vsid} is open in no process of the tree`,
        { ...place, remedy: 'keep a descriptor of it: open /dev/tty' },
      ),
    ];
  });
}

/** 0 for /dev/tty, which leads to any. */
function deviceOf(view: DescriptionView): number {
  const { side, index } = whichTerminal(view);
  if (side === 'current') return 0;
  return side === 'master' ? slaveDevice(index) : toNumber(view.stat.rdev);
}
