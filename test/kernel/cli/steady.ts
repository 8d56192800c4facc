/** The program that the tests of the command line save and bring back, and how they run woodfrog. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { bounded } from '../../support/kernel.js';
import { isAlive } from '../../support/proc.js';
import { type Program, startProgram } from '../../support/program.js';
import { describeRun, type ToolRun, tool } from '../../support/tool.js';
import { waitFor } from '../../support/wait.js';

export class Steady {
  readonly program: Program;
  /** A folder, there, for images. */
  readonly images: string;

  constructor(program: Program) {
    this.program = program;
    this.images = this.folder('images');
  }

  get pid(): number {
    return this.program.pid;
  }

  /** A folder of the program's own. */
  folder(name: string): string {
    const path = join(this.program.dir, name);
    mkdirSync(path, { recursive: true });
    return path;
  }

  /** Runs woodfrog, which must end with this status. */
  async woodfrog(args: readonly string[], status = 0): Promise<ToolRun> {
    const run = await tool.run(args, { cwd: this.program.dir });
    assert.equal(run.status, status, describeRun(run));
    return run;
  }

  /** Dumps, by default into `images`, and sees that it is gone. */
  async dump(...args: string[]): Promise<ToolRun> {
    const pids = this.program.tree();
    const all = ['dump', '-t', String(this.pid), '-D', this.images, ...args];
    const run = await this.woodfrog(all);
    await this.program.mustVanish(pids);
    return run;
  }

  restore(...args: string[]): Promise<ToolRun> {
    return this.woodfrog(['restore', '-D', this.images, ...args]);
  }

  /** For a tree whose parent collects it: released, it passes and ends. */
  async mustPassElsewhere(): Promise<void> {
    this.program.release();
    await waitFor('the end of the program', () => !isAlive(this.pid));
    assert.match(this.program.output(), /PASS\n$/);
  }
}

/** A test with a fresh program that is ready. */
export function steadyTest(name: string, run: (steady: Steady, t: TestContext) => Promise<void>) {
  test(name, (t) =>
    bounded(t, async () => {
      const program = startProgram('kernel/cli/steady.c');
      await program.waitReady();
      await run(new Steady(program), t);
    }),
  );
}
