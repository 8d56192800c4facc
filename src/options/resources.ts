/** What stands for things outside the tree: RESOURCE of `--external`, fd[N]:RESOURCE of `--inherit-fd`. criu(8). */
import { unsupported, usage } from '../support/errors.js';

/** A descriptor of ours that the restored tree gets in place of what it had. */
export interface InheritedFd {
  readonly fd: number;
  /** What it replaces: 'tty[8803:1a]'. */
  readonly resource: string;
}

/** Kinds of external resources that a dump can leave out. */
const KINDS = ['tty'];

/** The resource as images and objects spell it. Throws a usage error, or `unsupported` for kinds that are to come. */
export function externalResource(text: string): string {
  const kind = /^([a-z]+)\[[^\]]+\]/.exec(text)?.[1];
  if (kind === undefined) {
    throw usage(`Option '--external' has the value '${text}', which names no resource`, {
      remedy: "write it like --external 'tty[8803:1a]'",
    });
  }
  if (!KINDS.includes(kind)) {
    throw unsupported(`external resources of kind '${kind}' are not supported yet`, {
      object: text,
    });
  }
  return text;
}

export function inheritedFd(text: string): InheritedFd {
  const [, number, resource] = /^fd\[(\d+)\]:(.+)$/.exec(text) ?? [];
  if (number === undefined || resource === undefined) {
    throw usage(`Option '--inherit-fd' has the value '${text}'`, {
      remedy: "write it like --inherit-fd 'fd[9]:tty[8803:1a]'",
    });
  }
  return { fd: Number(number), resource };
}
