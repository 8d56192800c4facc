/** The name (comm) of each thread. PR_SET_NAME(2const). */
import { PR_SET_NAME } from '../../linux/uapi/prctl.js';
import { concat } from '../../support/bytes.js';
import { encodeText } from '../../support/text.js';
import { defineTaskState } from '../kinds.js';
import { setPrctl } from './common.js';

const NUL = new Uint8Array(1);

export const names = defineTaskState({
  name: 'name',
  scope: 'thread',
  ofEndedLeader: true,
  inspect: ({ thread: { stat }, isLeader }) => ({
    ...(isLeader ? { tc: { comm: stat.comm } } : {}),
    thread_core: { comm: stat.comm },
  }),
  rebuild({ core, track }) {
    const comm = core.thread_core?.comm ?? core.tc?.comm;
    if (comm === undefined) return;
    setPrctl(track, 'threads', { option: PR_SET_NAME, arg2: concat([encodeText(comm), NUL]) });
  },
});
