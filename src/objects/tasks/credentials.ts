/**
 * Credentials of each thread: ids, groups, capabilities, securebits, no_new_privs. credentials(7), capabilities(7).
 * A restored thread starts with woodfrog's own; only what differs takes a step, so equal ones need no privilege.
 */
import type { creds_entry } from '../../images/messages/creds.js';
import type { MessageValue } from '../../images/schema.js';
import type { Status } from '../../linux/procfs/status.js';
import { PR_GET_SECUREBITS } from '../../linux/uapi/prctl.js';
import { defined } from '../../support/assert.js';
import { toNumber } from '../../support/bytes.js';
import { imageError } from '../../support/errors.js';
import { defineTaskState } from '../kinds.js';
import type { OwnTask } from '../own-task.js';
import { answer, askPrctl } from './common.js';
import { type Credentials, credentialSteps, verifyAllowed } from './credential-steps.js';

type Entry = MessageValue<typeof creds_entry>;

export const credentials = defineTaskState<undefined, number>({
  name: 'credentials',
  scope: 'thread',
  ofEndedLeader: true,
  probe(tape) {
    const asked = askPrctl(tape, PR_GET_SECUREBITS);
    return () => answer(asked(), 'prctl(PR_GET_SECUREBITS)');
  },
  inspect: ({ thread: { status }, probed: secbits }) => ({
    thread_core: { creds: credentialsOf(status, secbits) },
  }),
  rebuild({ core, track, vtid }, { port }) {
    const entry = core.thread_core?.creds;
    const to = fromEntry(defined(entry, `thread ${vtid} has no credentials`));
    const from = ofPuppet(port.own);
    verifyAllowed(from, to);
    credentialSteps(track.at('credentials'), from, to);
  },
});

/** What a thread's status and its securebits tell. */
export function credentialsOf(status: Status, secbits: number): Entry {
  const [uid, euid, suid, fsuid] = status.Uid;
  const [gid, egid, sgid, fsgid] = status.Gid;
  return {
    ...{ uid, gid, euid, egid, suid, sgid, fsuid, fsgid, secbits },
    groups: status.Groups,
    cap_inh: words(status.CapInh),
    cap_prm: words(status.CapPrm),
    cap_eff: words(status.CapEff),
    cap_bnd: words(status.CapBnd),
    cap_amb: words(status.CapAmb),
    ...(status.NoNewPrivs ? { no_new_privs: 1 } : {}),
  };
}

function fromEntry(entry: Entry): Credentials {
  const { uid, euid, suid, fsuid, gid, egid, sgid, fsgid } = entry;
  return {
    uids: [uid, euid, suid, fsuid],
    gids: [gid, egid, sgid, fsgid],
    groups: entry.groups,
    inheritable: word(entry.cap_inh),
    permitted: word(entry.cap_prm),
    effective: word(entry.cap_eff),
    bounding: word(entry.cap_bnd),
    ambient: word(entry.cap_amb),
    securebits: entry.secbits,
    noNewPrivs: entry.no_new_privs === 1,
  };
}

const ofPuppet = ({ status, puppetCapabilities }: OwnTask): Credentials => ({
  ...puppetCapabilities,
  // execve makes the saved and file system ids the effective ones.
  uids: [status.Uid[0], status.Uid[1], status.Uid[1], status.Uid[1]],
  gids: [status.Gid[0], status.Gid[1], status.Gid[1], status.Gid[1]],
  groups: status.Groups,
  noNewPrivs: status.NoNewPrivs === true,
});

const LOW = 0xffff_ffffn;
const words = (set: bigint): number[] => [toNumber(set & LOW), toNumber(set >> 32n)];

function word(parts: readonly number[]): bigint {
  const [low = 0, high = 0] = parts;
  if (parts.length > 2) throw imageError(`a capability set has ${parts.length} words, not 2`);
  return (BigInt(high) << 32n) | BigInt(low);
}
