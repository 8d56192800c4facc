/** Every option and feature that CRIU 4.2 knows is known here, too: it works, or is refused by its name. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { OptionSpec } from '../../src/options/spec.js';
import { OPTIONS } from '../../src/options/table.js';
import { criu, NO_CRIU, tool } from '../support/tool.js';

const UNKNOWN =
  /unrecognized option|invalid option|is ambiguous|requires an argument|allow an argument/;
/** Ends CRIU when it comes to it, before anything is done. */
const LAST = '-V';

const other = criu();
describe('options', { skip: other ? false : NO_CRIU }, () => {
  if (!other) return;
  const knows = async (...args: string[]): Promise<boolean> => {
    const { stdout, stderr } = await other.run(['check', ...args, LAST]);
    return !UNKNOWN.test(stdout + stderr);
  };
  const argument = ({ argument: kind }: OptionSpec): string[] => (kind === 'required' ? ['1'] : []);
  const theirs = OPTIONS.filter(({ own, name }) => !own && name !== 'help');

  test('what its help lists is in our table', async () => {
    const { stdout } = await other.run(['--help']);
    const listed = new Set([...stdout.matchAll(/--([a-z][a-z-]*[a-z])/g)].map(([, name]) => name));
    assert.ok(listed.size > 70, `${listed.size} options`);
    const ours = new Set(OPTIONS.map(({ name }) => name));
    const isOurs = (name = '') => ours.has(name) || ours.has(name.replace(/^no-/, ''));
    assert.deepEqual(
      [...listed].filter((name) => name !== 'no' && !isOurs(name)),
      [],
    );
  });

  test('ours are its own: names, letters, arguments', async () => {
    const strange: string[] = [];
    for (const spec of theirs) {
      if (!(await knows(`--${spec.name}`, ...argument(spec)))) strange.push(`--${spec.name}`);
      const letter = `-${spec.short}`;
      if (spec.short && !(await knows(letter, ...argument(spec)))) strange.push(letter);
    }
    assert.deepEqual(strange, []);
  });

  test('the same ones can be negated', async () => {
    const strange: string[] = [];
    // To CRIU --no-all is an abbreviation of --no-allow-uprobes.
    for (const { name, negatable } of theirs.filter(({ name: one }) => one !== 'all')) {
      if ((await knows(`--no-${name}`)) !== negatable) strange.push(`--no-${name}`);
    }
    assert.deepEqual(strange, []);
  });

  test('check --feature knows its features', async () => {
    const help = (await other.run(['--help'])).stdout;
    const [, list = ''] = /--feature FEAT [^:]*:([\s\S]*?)\n\n/.exec(help) ?? [];
    const features = list.split(/[\s,]+/).filter(Boolean);
    assert.ok(features.length > 40, list);
    const ours = new Set((await tool.run(['check', '--feature', 'list'])).stdout.split(/\s+/));
    assert.deepEqual(
      features.filter((name) => !ours.has(name)),
      [],
    );
  });
});
