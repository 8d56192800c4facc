/**
 * Who clones whom, from the tree alone. A child gets its creator's session, so a process is born by its parent while
 * that is in the right session, or with CLONE_PARENT by a sibling that is: the session's leader. Leaders that are dead
 * get a helper with their pid in their place; it ends later. A session leader itself may be born in another session,
 * where it bears the children it had before its setsid(2).
 */
import { assert, defined } from '../support/assert.js';
import { imageError, unsupported } from '../support/errors.js';

/** A process's ids as its pid namespace shows them; ppid is 0 for the root of the tree. */
export interface Kin {
  readonly vpid: number;
  readonly ppid: number;
  readonly pgid: number;
  readonly sid: number;
  readonly isZombie: boolean;
}

export type Role = 'process' | 'session helper' | 'group helper';

export interface Member extends Kin {
  readonly role: Role;
  /** The session it is born in; undefined for a session leader for which it does not matter. */
  birthSession: number | undefined;
  /** The vpid of the member that clones it; 0 for the first helper, which is no member. */
  creator: number;
  /** It is its creator's sibling: CLONE_PARENT. */
  isSibling: boolean;
  /** Born before its creator, its parent, calls setsid(2). */
  isBeforeSetsid: boolean;
}

export const isSessionLeader = ({ vpid, sid }: { vpid: number; sid: number }): boolean =>
  vpid === sid;

/**
 * The session and process group of a shell job, whose leaders are outside the tree: what the root has stands for what
 * the first helper has.
 */
export interface Outside {
  readonly session: number;
  /** undefined: the group's leader is in the tree. */
  readonly group: number | undefined;
}

interface Tree extends Map<number, Member> {
  outside?: Outside | undefined;
}

/**
 * From processes, parents before children: them and the helpers they need, creators before those they bear. Throws
 * `image` for ids no kernel gives, `unsupported` for a tree that cannot be born this way.
 */
export function arrangeBirths(processes: readonly Kin[], outside?: Outside): Member[] {
  const tree: Tree = new Map();
  tree.outside = outside;
  for (const kin of processes) {
    const { vpid, ppid } = kin;
    if (tree.has(vpid)) throw imageError(`pid ${vpid} is twice in the tree`);
    if (ppid !== 0 && !tree.has(ppid)) {
      throw imageError(`the parent of pid ${vpid}, pid ${ppid}, is not in the tree before it`);
    }
    tree.set(vpid, member(kin, 'process', kin.isZombie));
  }
  for (const kin of processes) verifyKin(kin, tree);
  if (processes.filter(({ ppid }) => ppid === 0).length !== 1) {
    throw imageError('the tree does not have exactly one root');
  }
  addSessionHelpers(tree);
  addGroupHelpers(tree);
  for (const born of tree.values()) {
    if (born.birthSession !== undefined) liftTo(tree, born.ppid, born.birthSession);
  }
  for (const born of tree.values()) chooseCreator(tree, born);
  return inBirthOrder(tree);
}

const member = (kin: Omit<Kin, 'isZombie'>, role: Role, isZombie = false): Member => ({
  vpid: kin.vpid,
  ppid: kin.ppid,
  pgid: kin.pgid,
  sid: kin.sid,
  isZombie,
  role,
  birthSession: isSessionLeader(kin) ? undefined : kin.sid,
  creator: 0,
  isSibling: false,
  isBeforeSetsid: false,
});

/** What holds in any tree that a kernel has made. */
function verifyKin(kin: Kin, tree: Tree): void {
  const { vpid, ppid, pgid, sid } = kin;
  if (tree.get(ppid)?.isZombie) throw imageError(`pid ${vpid} is a child of pid ${ppid}, a zombie`);
  if (sid === 0 || pgid === 0) {
    throw unsupported(`the session or process group of pid ${vpid} is outside its pid namespace`);
  }
  if (isSessionLeader(kin) && pgid !== vpid) {
    throw imageError(`pid ${vpid} leads a session and is in process group ${pgid}`);
  }
  const leader = tree.get(sid);
  if (leader && leader.sid !== sid) {
    throw imageError(
      `pid ${vpid} is in session ${sid}, but pid ${sid} is in session ${leader.sid}`,
    );
  }
}

/** Whether a child of `parent` can be born in a session: by the parent, or by its sibling that leads the session. */
const canBear = (tree: Tree, parent: number, session: number): boolean =>
  (parent === 0 && session === tree.outside?.session) ||
  tree.get(parent)?.sid === session ||
  tree.get(session)?.ppid === parent;

/** The parent is born in the session itself, to bear a child there before its own setsid. Returns its parent. */
function lift(tree: Tree, parent: number, session: number): number {
  const lifted = tree.get(parent);
  const { birthSession } = lifted ?? {};
  if (!lifted || !isSessionLeader(lifted) || (birthSession ?? session) !== session) {
    throw cannotBear(tree, parent, session);
  }
  lifted.birthSession = session;
  return lifted.ppid;
}

function liftTo(tree: Tree, parent: number, session: number): void {
  for (let at = parent; !canBear(tree, at, session); ) at = lift(tree, at, session);
}

function cannotBear(tree: Tree, parent: number, session: number) {
  const children = [...tree.values()].filter(
    ({ ppid, birthSession }) => ppid === parent && birthSession === session,
  );
  const pids = children.map(({ vpid }) => vpid).join(', ');
  const of = parent === 0 ? 'the root of the tree' : `children of pid ${parent}`;
  return unsupported(`pid ${pids} cannot be born into session ${session} as ${of}`, {
    object: 'process tree',
  });
}

const depthOf = (tree: Tree, vpid: number): number =>
  vpid === 0 ? 0 : 1 + depthOf(tree, defined(tree.get(vpid), `pid ${vpid} is missing`).ppid);

/** For each session without a leader: a helper, child of the one parent that needs it. */
function addSessionHelpers(tree: Tree): void {
  const sessions = new Set([...tree.values()].map(({ sid }) => sid));
  for (const sid of sessions) {
    if (tree.has(sid) || sid === tree.outside?.session) continue;
    const needy = new Set<number>();
    for (const born of tree.values()) {
      if (born.sid === sid && !canBear(tree, born.ppid, sid)) needy.add(born.ppid);
    }
    while (needy.size > 1) {
      const [deepest = 0] = [...needy].sort((a, b) => depthOf(tree, b) - depthOf(tree, a));
      needy.delete(deepest);
      const above = lift(tree, deepest, sid);
      if (!canBear(tree, above, sid)) needy.add(above);
    }
    const [ppid] = needy;
    assert(ppid !== undefined, `no one needs a leader of session ${sid}`);
    tree.set(sid, member({ vpid: sid, ppid, pgid: sid, sid }, 'session helper'));
  }
}

/** For each process group without a leader: a helper, sibling of its first member. */
function addGroupHelpers(tree: Tree): void {
  for (const { pgid, ppid, sid } of [...tree.values()]) {
    if (pgid === tree.outside?.group) continue;
    const leader = tree.get(pgid);
    if (leader === undefined) {
      tree.set(pgid, member({ vpid: pgid, ppid, pgid, sid }, 'group helper'));
    } else if (leader.sid !== sid) {
      throw imageError(`process group ${pgid} is in the sessions ${leader.sid} and ${sid}`);
    }
  }
}

function chooseCreator(tree: Tree, born: Member): void {
  const { ppid, birthSession } = born;
  const parent = tree.get(ppid);
  born.creator = ppid;
  born.isSibling = ppid === 0;
  if (birthSession === undefined || parent?.sid === birthSession) return;
  if (ppid === 0 && birthSession === tree.outside?.session) return;
  if (parent?.birthSession === birthSession) {
    born.isBeforeSetsid = true;
    return;
  }
  const leader = tree.get(birthSession);
  assert(leader?.ppid === ppid, `pid ${born.vpid} has no creator`);
  born.creator = birthSession;
  born.isSibling = true;
}

/** Creators before those they bear. Leaders that each need the other's session are born by no one. */
function inBirthOrder(tree: Tree): Member[] {
  const children = new Map<number, Member[]>([[0, []]]);
  for (const { vpid } of tree.values()) children.set(vpid, []);
  for (const born of tree.values()) children.get(born.creator)?.push(born);
  const order: Member[] = [];
  const next = [...(children.get(0) ?? [])].reverse();
  for (let born = next.pop(); born; born = next.pop()) {
    order.push(born);
    for (const child of [...(children.get(born.vpid) ?? [])].reverse()) next.push(child);
  }
  if (order.length === tree.size) return order;
  const unborn = [...tree.values()].filter((born) => !order.includes(born));
  const pids = unborn.map(({ vpid }) => vpid).join(', ');
  throw unsupported(`the pids ${pids} can only be born by one another`, {
    object: 'process tree',
  });
}

/** When a member gets into its process group. */
export interface GroupMoves {
  /** setpgid(0, 0): makes the group that bears its pid. */
  leads: boolean;
  /** setpgid(0, pgid) once the groups exist. */
  joins: boolean;
  /** setpgid(0, pgid) once others have joined the group it made. */
  leaves: boolean;
}

/**
 * All members of a session are born in the group of the session's leader, or, of one from outside, in that of the first
 * helper; the rest follows from the ids.
 */
export function groupMoves(members: readonly Member[], outside?: Outside): Map<number, GroupMoves> {
  const groups = new Set(members.map(({ pgid }) => pgid));
  const moves = new Map<number, GroupMoves>();
  const settled = new Set<number>();
  for (const { vpid, ppid, pgid, sid, role } of members) {
    const leads = groups.has(vpid) && vpid !== sid;
    const leaves = leads && pgid !== vpid;
    const bornIn = sid === outside?.session ? outside.group : sid;
    const joins = pgid !== vpid && pgid !== bornIn && !leaves;
    moves.set(vpid, { leads, joins, leaves });
    // A helper's group lasts until its parent reaps it, later; but woodfrog may reap its own at once.
    if (!leaves && (role === 'process' || ppid !== 0)) settled.add(pgid);
    if (outside?.group !== undefined) settled.add(outside.group);
  }
  for (const { vpid, pgid } of members) {
    if (!moves.get(vpid)?.leaves || settled.has(pgid)) continue;
    throw unsupported(`pid ${vpid} is in process group ${pgid}, which has no other member left`, {
      object: 'process tree',
    });
  }
  return moves;
}
