/** A tmux server of the test's own: windows with a shell, keys typed into them, and what they show. */
import assert, { AssertionError } from 'node:assert';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { childrenOf, isAlive, processesMarked, procText } from './proc.js';
import { waitFor } from './wait.js';

const WAIT_MS = 40_000;

export class Tmux implements Disposable {
  readonly dir = mkdtempSync(join(tmpdir(), 'woodfrog-test-'));
  readonly #mark = `WOODFROG_TEST_MARK=${this.dir}\0`;
  #isRunning = false;

  /** A window whose command is a shell, at its prompt; the first one starts the server. */
  async window(): Promise<Window> {
    const command = `exec bash --norc --noprofile`;
    const args = this.#isRunning ? ['new-window'] : ['new-session', '-d', '-x', '90', '-y', '25'];
    const env = { ...process.env, WOODFROG_TEST_MARK: this.dir, LC_ALL: 'C.UTF-8' };
    const shown = this.tmux([...args, '-P', '-F', '#{pane_id} #{pane_pid}', command], env);
    this.#isRunning = true;
    const [pane = '', pid] = shown.trim().split(' ');
    const window = new Window(this, pane, Number(pid));
    await window.shows(/^bash.*[#$] ?$/m);
    return window;
  }

  tmux(args: readonly string[], env: NodeJS.ProcessEnv = process.env): string {
    const socket = join(this.dir, 'tmux');
    const all = ['-S', socket, '-f', '/dev/null', ...args];
    return execFileSync('tmux', all, { cwd: this.dir, env, encoding: 'utf8', timeout: WAIT_MS });
  }

  [Symbol.dispose](): void {
    spawnSync('tmux', ['-S', join(this.dir, 'tmux'), 'kill-server'], { timeout: WAIT_MS });
    for (const pid of processesMarked(this.#mark).filter(isAlive)) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended meanwhile.
      }
    }
    rmSync(this.dir, { recursive: true, force: true });
  }
}

export class Window {
  readonly #tmux: Tmux;
  readonly #pane: string;
  readonly shell: number;

  constructor(tmux: Tmux, pane: string, shell: number) {
    this.#tmux = tmux;
    this.#pane = pane;
    this.shell = shell;
  }

  /** Types names of keys, or texts, as tmux has them: 'Enter', 'C-c', 'ls'. */
  type(...keys: string[]): void {
    // To tmux a semicolon at an end begins another command.
    const escaped = keys.map((key) => key.replace(/;$/, '\\;'));
    this.#tmux.tmux(['send-keys', '-t', this.#pane, ...escaped]);
  }

  isOpen(): boolean {
    return this.#tmux
      .tmux(['list-panes', '-a', '-F', '#{pane_id}'])
      .split('\n')
      .includes(this.#pane);
  }

  screen(): string {
    return this.#tmux.tmux(['capture-pane', '-p', '-t', this.#pane]);
  }

  async shows(text: RegExp): Promise<void> {
    try {
      await waitFor(`the window to show ${text}`, () => text.test(this.screen()), WAIT_MS);
    } catch (error) {
      if (!(error instanceof AssertionError)) throw error;
      assert.fail(`${error.message}; it shows:\n${this.screen()}`);
    }
  }

  /** The shell's child of this name, once it runs. */
  job(comm: string): Promise<number> {
    return waitFor(
      `the job ${comm}`,
      () => childrenOf(this.shell).find((pid) => procText(pid, 'comm')?.trim() === comm),
      WAIT_MS,
    );
  }
}
