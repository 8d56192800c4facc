/**
 * From the credentials that a puppet is born with to the saved ones, in an order in which no step takes away what a
 * later one needs or undoes an earlier one. Runs in the stage 'credentials', on each thread's own track.
 */
import {
  CAP_SETGID,
  CAP_SETPCAP,
  CAP_SETUID,
  capabilityName,
  capabilityNames,
  hasCapability,
} from '../../linux/capability.js';
import type { Ids } from '../../linux/procfs/status.js';
import {
  capset,
  prctl,
  setfsgid,
  setfsuid,
  setgroups,
  setresgid,
  setresuid,
} from '../../linux/syscalls/tasks.js';
import {
  _LINUX_CAPABILITY_VERSION_3,
  cap_user_data,
  PR_CAP_AMBIENT,
  PR_CAP_AMBIENT_CLEAR_ALL,
  PR_CAP_AMBIENT_RAISE,
  PR_CAPBSET_DROP,
  PR_SET_NO_NEW_PRIVS,
  PR_SET_SECUREBITS,
  SECBIT_NO_SETUID_FIXUP,
} from '../../linux/uapi/prctl.js';
import type { StepOptions, Track } from '../../plan/track.js';
import { concat, toNumber, viewOf } from '../../support/bytes.js';
import { type CheckpointError, refused } from '../../support/errors.js';
import type { Capabilities } from '../own-task.js';

export interface Credentials extends Capabilities {
  /** Real, effective, saved, file system. */
  uids: Ids;
  gids: Ids;
  groups: readonly number[];
  noNewPrivs: boolean;
}

const STEP: StepOptions = { object: 'credentials' };
/** To setfsuid(2) and setfsgid(2): change nothing, say what is. */
const ASK = -1;
const GROUP_SIZE = 4;

/** Throws what stands in the way, by name, before anything is made. */
export function verifyAllowed(from: Credentials, to: Credentials): void {
  const missing = (set: 'bounding' | 'permitted' | 'inheritable', allowed: bigint): void => {
    const beyond = to[set] & ~allowed;
    if (beyond === 0n) return;
    throw lacking(`its ${set} set holds ${capabilityNames(beyond).join(' ')}`);
  };
  missing('bounding', from.bounding);
  missing('permitted', from.permitted);
  missing('inheritable', from.inheritable | from.permitted);
  if (from.noNewPrivs && !to.noNewPrivs) {
    throw refused('woodfrog has no_new_privs set, the task has not', {
      remedy: 'run woodfrog without no_new_privs, which nothing can clear',
    });
  }
  if (!same(from.uids, to.uids)) needs(from, CAP_SETUID, `its user ids are ${to.uids.join(' ')}`);
  if (!same(from.gids, to.gids)) needs(from, CAP_SETGID, `its group ids are ${to.gids.join(' ')}`);
  if (!same(from.groups, to.groups)) needs(from, CAP_SETGID, 'its supplementary groups differ');
  if (from.bounding !== to.bounding) needs(from, CAP_SETPCAP, 'its bounding set is smaller');
  if (from.securebits !== to.securebits) needs(from, CAP_SETPCAP, 'its securebits differ');
}

function needs(from: Credentials, capability: number, why: string): void {
  if (!hasCapability(from.effective, capability)) {
    throw lacking(`${why}, which takes ${capabilityName(capability)}`);
  }
}

const lacking = (what: string): CheckpointError =>
  refused(`${what}, which woodfrog itself lacks`, {
    remedy: 'run woodfrog as root with all the capabilities the task had',
  });

export function credentialSteps(track: Track, from: Credentials, to: Credentials): void {
  const control = (option: number, arg2: number, arg3 = 0): void => {
    track.call(prctl, { option, arg2, arg3, arg4: 0, arg5: 0 }, STEP);
  };
  let { securebits } = from;
  // Else a change from user 0 to another clears the capabilities that the rest needs.
  const shield = from.permitted !== 0n && !same(from.uids, to.uids);
  if (shield && (securebits & SECBIT_NO_SETUID_FIXUP) === 0) {
    securebits |= SECBIT_NO_SETUID_FIXUP;
    control(PR_SET_SECUREBITS, securebits);
  }
  if (!same(from.groups, to.groups)) {
    track.call(setgroups, { size: to.groups.length, list: encodeGroups(to.groups) }, STEP);
  }
  groupIdSteps(track, from.gids, to.gids);
  userIdSteps(track, from.uids, to.uids);
  // What is not in the bounding set any more can no longer become inheritable.
  const inherits = from.inheritable !== to.inheritable;
  if (inherits) setCapabilities(track, { ...from, inheritable: to.inheritable });
  for (let capability = 0; capability < 64; capability++) {
    if (hasCapability(from.bounding & ~to.bounding, capability)) {
      control(PR_CAPBSET_DROP, capability);
    }
  }
  if (from.ambient !== to.ambient || (inherits && from.ambient !== 0n)) {
    // Before the final securebits, which may forbid it; after the inheritable set, which it is part of.
    control(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL);
    for (let capability = 0; capability < 64; capability++) {
      if (hasCapability(to.ambient, capability)) {
        control(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability);
      }
    }
  }
  if (securebits !== to.securebits) control(PR_SET_SECUREBITS, to.securebits);
  if (from.permitted !== to.permitted || from.effective !== to.effective) {
    setCapabilities(track, to);
  }
  if (to.noNewPrivs && !from.noNewPrivs) control(PR_SET_NO_NEW_PRIVS, 1);
}

function groupIdSteps(track: Track, from: Ids, to: Ids): void {
  const [rgid, egid, sgid, fsgid] = to;
  const changed = !same(from.slice(0, 3), to.slice(0, 3));
  if (changed) track.call(setresgid, { rgid, egid, sgid }, STEP);
  if (fsgid === (changed ? egid : from[3])) return;
  // The result is the former id, whether it worked or not: so ask again.
  track.call(setfsgid, { fsgid }, STEP);
  track.call(setfsgid, { fsgid: ASK }, { ...STEP, mustEqual: fsgid });
}

function userIdSteps(track: Track, from: Ids, to: Ids): void {
  const [ruid, euid, suid, fsuid] = to;
  const changed = !same(from.slice(0, 3), to.slice(0, 3));
  if (changed) track.call(setresuid, { ruid, euid, suid }, STEP);
  if (fsuid === (changed ? euid : from[3])) return;
  track.call(setfsuid, { fsuid }, STEP);
  track.call(setfsuid, { fsuid: ASK }, { ...STEP, mustEqual: fsuid });
}

const LOW = 0xffff_ffffn;

function setCapabilities(
  track: Track,
  {
    effective,
    permitted,
    inheritable,
  }: Pick<Capabilities, 'effective' | 'permitted' | 'inheritable'>,
): void {
  const half = (shift: bigint): Uint8Array =>
    cap_user_data.encode({
      effective: toNumber((effective >> shift) & LOW),
      permitted: toNumber((permitted >> shift) & LOW),
      inheritable: toNumber((inheritable >> shift) & LOW),
    });
  const hdrp = { version: _LINUX_CAPABILITY_VERSION_3, pid: 0 };
  track.call(capset, { hdrp, datap: concat([half(0n), half(32n)]) }, STEP);
}

function encodeGroups(groups: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(groups.length * GROUP_SIZE);
  const view = viewOf(bytes);
  groups.forEach((group, i) => {
    view.setUint32(i * GROUP_SIZE, group, true);
  });
  return bytes;
}

const same = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((value, i) => value === b[i]);
