/** One run of crit: what the arguments say, and one clear line when it cannot be. Nothing here needs privileges. */
import { FolderStore } from '../folder/store.js';
import { printJson } from '../images/json-text.js';
import { asCheckpointError, type CheckpointError, exitStatus } from '../support/errors.js';
import { writeAll } from '../support/log.js';
import { CRIU_VERSION, WOODFROG_VERSION } from '../support/version.js';
import { type CritLine, helpText, readArguments } from './arguments.js';
import { decodeImage, encodeImage, imageInfo, recodeImage } from './convert.js';
import { explore } from './explore.js';

const STDOUT = 1;
const STDERR = 2;

/** Returns the exit status; never throws. */
export function run(args: readonly string[]): number {
  try {
    perform(readArguments(args));
    return 0;
  } catch (thrown) {
    return tell(asCheckpointError(thrown));
  }
}

function tell(error: CheckpointError): number {
  // A reader that went away ('crit show | head') has what it wanted.
  if (error.errno === 'EPIPE') return exitStatus(error);
  const { message, remedy } = error;
  const lines = [`Error: ${message}`, ...(remedy === undefined ? [] : [`Remedy: ${remedy}`])];
  try {
    writeAll(STDERR, `${lines.join('\n')}\n`);
  } catch {
    // The exit status says it, too.
  }
  return exitStatus(error);
}

const warn = (text: string): void => writeAll(STDERR, `Warning: ${text}\n`);

function perform(line: CritLine): void {
  if (line.kind === 'decode') decodeImage(line, line, warn);
  else if (line.kind === 'encode') encodeImage(line);
  else if (line.kind === 'recode') recodeImage(line, warn);
  else if (line.kind === 'show') {
    decodeImage({ input: line.input, output: undefined }, { ...line, pretty: true }, warn);
  } else writeAll(STDOUT, answer(line));
}

/** What is a text as a whole. */
function answer(
  line: Exclude<CritLine, { kind: 'decode' | 'encode' | 'recode' | 'show' }>,
): string {
  switch (line.kind) {
    case 'help':
      return helpText(line.command);
    case 'version':
      return `crit ${CRIU_VERSION} (woodfrog ${WOODFROG_VERSION})\n`;
    case 'info':
      return `${printJson(imageInfo(line.input), 4)}\n`;
    case 'x':
      return explore(new FolderStore(line.folder), line.subject);
  }
}
