/**
 * The coarse order of a restore. Every track finishes a stage before any track begins the next; woodfrog itself runs
 * its own steps of a stage before the tracks are let into it.
 */
export const STAGES = [
  /** Every process exists, with its pid, parent and session. */
  'births',
  /** Process group leaders make their groups. */
  'group leaders',
  /** Members join them. */
  'group members',
  /**
   * Helpers and zombies end, before their parents get their signal actions back: one that ignores SIGCHLD would lose
   * its zombies.
   */
  'ends',
  /** Files that have no name any more are made, by the first process, and opened by names that they have for a moment. */
  'lost names',
  /** Open file descriptions and what they share are made, at temporary numbers. */
  'make',
  /** The puppet's own mappings go, the saved ones come, with their contents. */
  'memory',
  /** Shared memory made by another task is mapped. */
  'shared memory',
  /** Descriptions made by another task are taken; descriptors get their numbers. */
  'descriptors',
  /** What can happen only when all descriptions exist: queues, epoll targets, locks. */
  'fill',
  /** Signal actions, limits, directories, memory layout: all that belongs to a process. */
  'task state',
  /** Threads are born, and set up what belongs to each. */
  'threads',
  /** Pending signals are queued, to all threads blocked. */
  'pending signals',
  /** What takes rights away, per thread, in the order in which one does not undo the other. */
  'credentials',
  /** Every track waits here to get its final registers. */
  'commit',
] as const;

export type Stage = (typeof STAGES)[number];
const order = new Map<Stage, number>(STAGES.map((stage, index) => [stage, index]));
export const stageIndex = (stage: Stage): number => order.get(stage) ?? -1;
