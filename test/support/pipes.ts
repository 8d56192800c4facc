/** Pipes of the test process itself, which Node has no call for. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { leaveToNode } from './reaper.js';
import { waitFor } from './wait.js';

const { O_RDONLY, O_WRONLY, O_NONBLOCK } = constants;

export interface Pipe {
  readonly read: number;
  readonly write: number;
}

const SOURCE = '$| = 1; $^F = 9; pipe(R, W); print fileno(R), " ", fileno(W), "\\n"; sleep 60';

/** Both ends of a new pipe, each a description of its own; the caller closes them. */
export async function makePipe(): Promise<Pipe> {
  const maker = spawn('perl', ['-e', SOURCE], { stdio: ['ignore', 'pipe', 'inherit'] });
  leaveToNode(maker);
  try {
    const [numbers] = await once(maker.stdout, 'data');
    const [read, write] = String(numbers).trim().split(' ');
    const open = (fd: string | undefined, access: number): number =>
      openSync(`/proc/${maker.pid}/fd/${fd}`, access | O_NONBLOCK);
    return { read: open(read, O_RDONLY), write: open(write, O_WRONLY) };
  } finally {
    maker.kill('SIGKILL');
    await once(maker, 'exit');
    maker.stdout.destroy();
  }
}

export function closePipe({ read, write }: Pipe): void {
  closeSync(read);
  closeSync(write);
}

/** Reads until so much is there: from a nonblocking end. */
export async function readText(fd: number, length: number): Promise<string> {
  let text = '';
  await waitFor(`${length} bytes, after '${text}'`, () => {
    text += readNow(fd, length - text.length);
    return text.length === length;
  });
  return text;
}

/** What is there now; '' for nothing, and at the end. */
export function readNow(fd: number, most = 4096): string {
  const bytes = Buffer.alloc(most);
  try {
    return bytes.toString('latin1', 0, readSync(fd, bytes, 0, most, null));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return '';
    throw error;
  }
}

/** Whether a nonblocking reading end says that there is no writer any more. */
export function isAtEnd(fd: number): boolean {
  try {
    return readSync(fd, Buffer.alloc(1), 0, 1, null) === 0;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return false;
    throw error;
  }
}
