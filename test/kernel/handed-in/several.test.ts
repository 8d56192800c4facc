/** Things of several kinds are handed in together; what is left out in vain is told. */
import assert from 'node:assert/strict';
import { closeSync, constants, fstatSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { bounded } from '../../support/kernel.js';
import { fileName, inheritArgs, pipeName, startOutside } from '../../support/outside.js';
import { closePipe, makePipe, readText } from '../../support/pipes.js';
import { freshDir } from '../../support/program.js';
import { Pty } from '../../support/pty.js';
import { mustSucceed, tool } from '../../support/tool.js';

const { O_RDWR, O_NOCTTY } = constants;

/** A descriptor of the terminal. */
async function openTerminal(pty: Pty): Promise<number> {
  const [, path = ''] = await pty.shows(/(\/dev\/pts\/\d+)/);
  return openSync(path, O_RDWR | O_NOCTTY);
}

const newPty = (): Pty => new Pty('on-it', ['sh', '-c', 'tty; sleep 1000']);

test('a pipe, a file and a terminal are handed in at once', (t) =>
  bounded(t, async () => {
    const [old, fresh] = [await makePipe(), await makePipe()];
    using before = newPty();
    using after = newPty();
    const file = join(freshDir(), 'other');
    writeFileSync(file, 'handed in ', { mode: 0o600 });
    const fds = [await openTerminal(before), await openTerminal(after), openSync(file, O_RDWR)];
    const [tty = -1, otherTty = -1, otherFile = -1] = fds;
    try {
      const program = await startOutside('several', { 10: old.write, 14: tty });
      const { rdev, dev } = fstatSync(tty);
      const resources = [
        pipeName(old.write),
        fileName(program, 16, 11),
        `tty[${rdev.toString(16)}:${dev.toString(16)}]`,
      ];
      const superfluous = ['file[7fffffff:2]', 'dev[8/1]:disk'];
      const args = [...resources, ...superfluous].flatMap((one) => ['--external', one]);
      const images = join(program.dir, 'images');
      const pids = program.tree();
      const { log } = await tool.dump(program.pid, images, ...args);
      await program.mustVanish(pids);
      for (const one of superfluous) {
        assert.ok(log.includes(`Warn  (woodfrog/dump): Nothing in the tree is '${one}'`), log);
      }
      for (const one of resources) assert.ok(!log.includes(`Nothing in the tree is '${one}'`), log);
      const inherit = resources.map((one, i) => `fd[${5 + i}]:${one}`);
      const descriptors = { 5: fresh.write, 6: otherFile, 7: otherTty };
      mustSucceed(await tool.attemptRestore(images, inheritArgs(inherit), { descriptors }));
      await program.mustPass();
      assert.equal(await readText(fresh.read, 5), 'piped');
      await after.shows(/shown/);
    } finally {
      closePipe(old);
      closePipe(fresh);
      for (const fd of fds) closeSync(fd);
    }
  }));
