/** A terminal with nobody before it but the test: a program on it, what is typed into it, and what it shows. */
import { type ChildProcess, spawn } from 'node:child_process';
import { testSource } from './paths.js';
import { leaveToNode } from './reaper.js';
import { waitFor } from './wait.js';

const WAIT_MS = 40_000;

export class Pty implements Disposable {
  readonly #python: ChildProcess;
  #shown = '';

  /** `how`: 'on-it', or the number of the descriptor that the command gets it as. */
  constructor(how: string, command: readonly string[]) {
    const script = testSource('support/window.py');
    this.#python = spawn('python3', [script, how, ...command], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    leaveToNode(this.#python);
    this.#python.stdout?.on('data', (chunk: Buffer) => {
      this.#shown += chunk.toString('latin1');
    });
    this.#python.stdin?.on('error', () => {});
  }

  type(text: string): void {
    this.#python.stdin?.write(text);
  }

  async shows(text: RegExp): Promise<RegExpExecArray> {
    try {
      return await waitFor(`the terminal to show ${text}`, () => text.exec(this.#shown), WAIT_MS);
    } catch (error) {
      (error as Error).message += `; it shows:\n${this.#shown}`;
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#python.kill('SIGKILL');
  }
}
