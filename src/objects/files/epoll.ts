/**
 * epoll(7): fdinfo shows the targets by the number they were added under. Whose number that was is not shown, and it may
 * be closed by now or stand for another file, while the target is open elsewhere: kcmp(2) finds it (KCMP_EPOLL_TFD,
 * Linux 4.13). Which targets are on the ready list is not shown either: adding a target again finds out, so that an
 * edge that was reported already is reported once more.
 */
import type { eventpoll_file_entry, eventpoll_tfd_entry } from '../../images/messages/eventpoll.js';
import { fd_types } from '../../images/messages/fdinfo.js';
import type { MessageValue } from '../../images/schema.js';
import type { FdinfoRecord } from '../../linux/procfs/fdinfo.js';
import { epollCreate1, epollCtl, epollWait } from '../../linux/syscalls/events.js';
import { close, dup3, ioctl } from '../../linux/syscalls/files.js';
import { kcmpEpoll } from '../../linux/syscalls/tasks.js';
import {
  EPIOCGPARAMS,
  EPOLL_CTL_ADD,
  EPOLL_CTL_MOD,
  EPOLLET,
  EPOLLEXCLUSIVE,
  EPOLLIN,
  EPOLLONESHOT,
  EPOLLOUT,
  EPOLLRDHUP,
  EPOLLRDNORM,
  EPOLLWAKEUP,
  EPOLLWRNORM,
  epoll_event,
  epoll_params,
} from '../../linux/uapi/events.js';
import { FD_CLOEXEC, O_CLOEXEC } from '../../linux/uapi/fcntl.js';
import { KCMP_EPOLL_TFD } from '../../linux/uapi/sched.js';
import { type Track, WordAt } from '../../plan/track.js';
import { defined } from '../../support/assert.js';
import { u64Bytes } from '../../support/bytes.js';
import { imageError, unsupported } from '../../support/errors.js';
import {
  type DescriptionView,
  defineFileKind,
  type FileBuild,
  type Holder,
  type TreeFiles,
} from '../kinds.js';
import type { DumpPort } from '../ports.js';
import { commonFields, setFlags } from './anonymous.js';

type EpollEntry = MessageValue<typeof eventpoll_file_entry>;
type TargetEntry = MessageValue<typeof eventpoll_tfd_entry>;

/** A line of fdinfo, and what it is about. */
export interface EpollTarget {
  line: FdinfoRecord;
  description: DescriptionView;
  /** Its numbers in the table of the first process that holds the epoll instance. */
  numbers: readonly number[];
}

/** Of the targets that were added as `tfd` number `toff`: each but the last had been closed when the next one came. */
interface Slot {
  efd: number;
  tfd: number;
  toff: number;
}

interface Search {
  tree: TreeFiles;
  epoll: DescriptionView;
  self: Holder;
}

function observe(
  port: DumpPort,
  [view]: readonly DescriptionView[],
  tree: TreeFiles,
): EpollTarget[] {
  const epoll = view as DescriptionView;
  refuseBusyPolling(port, epoll);
  const self = defined(tree.holdersOf(epoll)[0], 'an open file has a holder');
  const sameNumber = new Map<number, number>();
  return epoll.fdinfo.records('tfd').map((line) => {
    const tfd = line.dec('tfd');
    const toff = sameNumber.get(tfd) ?? 0;
    sameNumber.set(tfd, toff + 1);
    const description = findTarget(port, { tree, epoll, self }, { efd: self.fd, tfd, toff });
    const numbers = tree
      .holdersOf(description)
      .flatMap(({ process, fd }) => (process === self.process ? [fd] : []));
    return { line, description, numbers };
  });
}

/** Most likely first: that number of a holder of the instance, that number of anybody, any other descriptor. */
function findTarget(port: DumpPort, { tree, epoll, self }: Search, slot: Slot): DescriptionView {
  const asked = new Set<DescriptionView>();
  const isTarget = ({ process, fd, description }: Holder): boolean => {
    if (asked.has(description)) return false;
    asked.add(description);
    const pids = { pid1: process.task, pid2: self.process.task };
    return port.call(kcmpEpoll, { ...pids, type: KCMP_EPOLL_TFD, idx1: fd, idx2: slot }) === 0;
  };
  const near = new Set(tree.holdersOf(epoll).map(({ process }) => process));
  const numbered = tree.holdersAt(slot.tfd);
  const found =
    numbered.find((holder) => near.has(holder.process) && isTarget(holder)) ??
    numbered.find(isTarget) ??
    tree.holders.find(isTarget);
  if (found) return found.description;
  throw unsupported(`its target ${slot.tfd} is closed in the tree and held open outside`, {
    remedy: 'remove targets by EPOLL_CTL_DEL before they are closed',
  });
}

function refuseBusyPolling(port: DumpPort, { process, fd }: DescriptionView): void {
  const taken = port.take(process.task, fd);
  using scope = port.scope();
  const argp = scope.alloc(epoll_params.size);
  // Before Linux 6.9, or without CONFIG_NET_RX_BUSY_POLL, there are no such parameters.
  const result = port.attempt(ioctl, { fd: taken, request: EPIOCGPARAMS, argp });
  port.drop(taken);
  if (result === 0 && argp.bytes.some((byte) => byte !== 0)) {
    throw unsupported('it polls network devices busily (EPIOCSPARAMS), which is not saved', {
      remedy: 'set its parameters to 0 before the checkpoint',
    });
  }
}

/** With a descriptor of the target in the first holder's table that CRIU can add, whatever its number was. */
function targetEntry(
  { line, description, numbers }: EpollTarget,
  idOf: (description: DescriptionView) => number,
): TargetEntry {
  const number = line.dec('tfd');
  const common = {
    id: 0,
    tfd: number,
    events: line.hex('events'),
    data: line.hex64('data'),
    dev: line.hex('sdev'),
    inode: line.hex64('ino'),
    pos: BigInt.asUintN(64, line.signed64('pos')),
  };
  if (numbers.includes(number)) return common;
  const [other] = numbers;
  const file_id = idOf(description);
  return other === undefined ? { ...common, file_id } : { ...common, file_id, tfd: other, number };
}

interface Added {
  track: Track;
  epfd: number;
  fd: number;
  object: string;
}

function addTarget({ track, epfd, fd, object }: Added, { events, data }: Partial<TargetEntry>) {
  const event = { events: events ?? 0, data: data ?? 0n };
  track.call(epollCtl, { epfd, op: EPOLL_CTL_ADD, fd, event }, { object });
}

const HOW = EPOLLET | EPOLLONESHOT | EPOLLEXCLUSIVE | EPOLLWAKEUP;
/** Of these no sum is EPOLL_CTL_DEL or EPOLL_CTL_MOD. */
const ANYTHING = EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM | EPOLLRDHUP;

/** A one-shot target that was reported, and tells of nothing until it is armed again, not even of errors. */
const hasFired = ({ events }: TargetEntry): boolean =>
  (events & EPOLLONESHOT) !== 0 && (events & ~HOW) === 0;

/**
 * Only a report brings a target to that state: it is added for whatever there may be to report. If there is nothing,
 * it is armed for as little as can be: errors and hang-ups, which cannot be left out.
 */
function addFired(at: Added, { events, data }: TargetEntry): void {
  const { track, epfd, fd, object } = at;
  addTarget(at, { events: (events | ANYTHING) >>> 0, data });
  const report = track.memory.store(u64Bytes(EPOLL_CTL_MOD), 8);
  track.memory.reserve(epoll_event.size);
  track.call(epollWait, { epfd, events: report, maxevents: 1, timeout: 0 }, { object });
  // The report, if there is one, begins with the events, and takes the place of the operation: EEXIST or EINVAL.
  const op = new WordAt(report);
  track.call(epollCtl, { epfd, op, fd, event: { events, data } }, { object, onError: 'ignore' });
}

type Build = FileBuild<EpollEntry, undefined>;

/** Adds a target under a number at which there is, for the time being or in the end, something else or nothing. */
function addElsewhere(
  { process, files, context }: Build,
  target: { file: number; number: number; add: (fd: number) => void },
): void {
  const { track } = process;
  const { file, number, add } = target;
  const temporary = files.temporary(process, file);
  const object = 'epoll';
  const there = files.tableOf(process).get(number);
  // The temporary descriptors begin here: one of them serves as well, as nobody can name a closed number.
  if (number >= context.controlFd && there === undefined) {
    add(temporary);
    return;
  }
  if (there) track.call(close, { fd: number }, { object });
  const dup = { newfd: number, flags: O_CLOEXEC };
  track.call(dup3, { ...dup, oldfd: temporary }, { object, mustEqual: number });
  add(number);
  track.call(close, { fd: number }, { object });
  if (!there) return;
  const oldfd = files.temporary(process, there.id);
  const flags = (there.flags & FD_CLOEXEC) !== 0 ? O_CLOEXEC : 0;
  track.call(dup3, { oldfd, newfd: number, flags }, { object, fd: number, mustEqual: number });
}

export const epoll = defineFileKind<EpollEntry, EpollTarget[]>({
  name: 'epoll',
  fdType: fd_types.EVENTPOLL,
  unionField: 'epfd',
  recognize: [{ anonInode: '[eventpoll]' }],
  observe,
  inspect({ id, description, seen, ids }) {
    const tfd = seen.map((target) => targetEntry(target, (other) => ids.idOf(other)));
    return { entry: { ...commonFields(id, description), tfd } };
  },
  open({ entry: { flags, id }, process: { track } }) {
    const object = `epoll ${id}`;
    const fd = track.newFd(epollCreate1, { flags: 0 }, { object });
    setFlags(track, fd, flags, object);
    return fd;
  },
  needs: ({ tfd }) => tfd.flatMap(({ file_id }) => file_id ?? []),
  fill(build, epfd) {
    const { entry, process, files } = build;
    const table = files.tableOf(process);
    const targets = [...entry.tfd].sort((a, b) => Number(hasFired(b)) - Number(hasFired(a)));
    for (const target of targets) {
      const { tfd, number = tfd, file_id } = target;
      const there = table.get(number)?.id;
      const file = file_id ?? there;
      if (file === undefined) {
        throw imageError(`its target ${tfd} is not among the descriptors of the process`);
      }
      const add = (fd: number): void => {
        const at = { track: process.track, epfd, fd, object: `epoll ${entry.id}` };
        if (hasFired(target)) addFired(at, target);
        else addTarget(at, target);
      };
      if (file === there) add(number);
      else addElsewhere(build, { file, number, add });
    }
  },
});
