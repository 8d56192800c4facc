/** Programs of 32-bit code are as safe: a tool that is killed while they run for it leaves them unharmed. */
import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { FLAGS_32, NO_32_BIT } from '../support/ia32.js';
import { bounded } from '../support/kernel.js';
import { startProgram, stopAll } from '../support/program.js';
import { describeRun, mustSucceed, tool } from '../support/tool.js';
import { dumpedBench, newBench, tryEach } from './bench.js';
import { everyDump, everyRestore, onBench, options } from './each-effect.js';
import { startVictim } from './victim.js';

const skip = NO_32_BIT === undefined ? {} : { skip: NO_32_BIT };

describe('a program of 32-bit code is unharmed', { ...skip, ...options }, () => {
  after(stopAll);
  test('by a kill at each effect of a dump', (t) =>
    bounded(t, () =>
      onBench(
        () => newBench(() => startVictim(FLAGS_32)),
        (current, renew) => everyDump(t, 'kill', current, renew),
      ),
    ));
  test('by a kill at each effect of a restore', (t) =>
    bounded(t, () =>
      onBench(
        () => dumpedBench(() => startVictim(FLAGS_32)),
        (current, renew) => everyRestore(t, 'kill', current, renew),
      ),
    ));
  // A kill leaves the thread on its way back through a frame: of its own code, or of a tape.
  for (const where of ['leader', 'thread']) {
    test(`by kills, in any register, while its ${where} runs`, (t) =>
      bounded(t, async () => {
        const program = startProgram('kernel/ia32/registers.c', { flags: FLAGS_32, args: [where] });
        await program.waitReady();
        const images = join(program.dir, 'images');
        const file = join(program.dir, 'count');
        const dump = (env: Record<string, string>) => {
          rmSync(images, { recursive: true, force: true });
          return tool.attemptDump(program.pid, images, ['-R'], { env });
        };
        mustSucceed(await dump({ WOODFROG_FAULT_COUNT: file }));
        const effects = readFileSync(file, 'utf8').trim().split('\n');
        await tryEach(t, effects, {
          act: async (n) => {
            const run = await dump({ WOODFROG_FAULT: `kill:${n}` });
            assert.ok(run.status === 0 || run.signal === 'SIGKILL', describeRun(run));
          },
          renew: async () => {},
        });
        await program.mustPass();
      }));
  }
});
