/** A job of a shell is frozen by one tool and restored by the other, on another terminal. */
import { describe, test } from 'node:test';
import { vimGoesOn } from '../support/shell-jobs.js';
import { criu, NO_CRIU, tool } from '../support/tool.js';

const other = criu();
describe('vim in a tmux window', { skip: other ? false : NO_CRIU }, () => {
  if (!other) return;
  test('woodfrog dumps, CRIU restores', () => vimGoesOn({ dumper: tool, restorer: other }));
  test('CRIU dumps, woodfrog restores', () => vimGoesOn({ dumper: other, restorer: tool }));
});
