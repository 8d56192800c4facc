/** The answers of show, verify, coredump and dedup: their operations, and what is printed. */
import type { CommandLine } from '../options/command-line.js';
import { bytesText } from './progress.js';

export type ImageLine = Extract<CommandLine, { kind: 'show' | 'verify' | 'dedup' | 'coredump' }>;

export interface ImageAnswer {
  readonly text: string;
  readonly exitStatus: number;
}

/** Runs the operation. `hasColour` is asked only when it matters. */
export async function answerOnImages(
  line: ImageLine,
  hasColour: () => Promise<boolean>,
): Promise<ImageAnswer> {
  const { json } = line.options;
  const done = (report: unknown, text: string, exitStatus = 0): ImageAnswer => ({
    text: json ? `${JSON.stringify(report)}\n` : text,
    exitStatus,
  });
  switch (line.kind) {
    case 'show': {
      const { show } = await import('../operations/show.js');
      const { checkpointText } = await import('./show-text.js');
      const shown = show(line.options);
      return done(shown, checkpointText(shown, !json && (await hasColour())));
    }
    case 'verify': {
      const { verify } = await import('../operations/verify.js');
      const { verifyText } = await import('./show-text.js');
      const report = verify(line.options);
      return done(report, verifyText(report), report.sound ? 0 : 1);
    }
    case 'coredump': {
      const { coredump } = await import('../operations/coredump.js');
      const report = coredump(line.options);
      const lines = report.files.map(({ path, bytes }) => `${path}: ${bytesText(bytes)}\n`);
      return done(report, lines.join(''));
    }
    case 'dedup': {
      const { dedup } = await import('../operations/dedup.js');
      const report = dedup(line.options);
      const { freedBytes, parentCount } = report;
      const levels = parentCount === 1 ? 'the parent images' : `${parentCount} parent checkpoints`;
      return done(report, `${bytesText(freedBytes)} of ${levels} are superseded and were freed\n`);
    }
  }
}
