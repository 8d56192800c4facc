/** A bounded share of fuzzing: the same inputs each time. `npm run fuzz` tries others. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seeded } from '../support/golden.js';
import { corpus } from './corpus.js';
import { fuzzOnce } from './target.js';

const INPUTS = 400;

test('mutated checkpoints are taken or refused with a typed error, in bounded time', () => {
  const sets = corpus();
  const findings: string[] = [];
  let [refused, accepted] = [0, 0];
  for (let seed = 1; seed <= INPUTS; seed++) {
    const set = sets[seed % sets.length];
    assert.ok(set);
    const outcome = fuzzOnce(set, seeded(seed * 2654435761 + 1));
    refused += outcome.refused;
    accepted += outcome.accepted;
    findings.push(
      ...outcome.findings.map((what) => `seed ${seed} (${outcome.mutations}): ${what}`),
    );
  }
  assert.deepEqual(findings, []);
  // Mutations must reach both sides of the checks.
  assert.ok(
    refused > INPUTS / 2 && accepted > INPUTS / 2,
    `${refused} refused, ${accepted} accepted`,
  );
});
