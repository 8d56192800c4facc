/** The files that style tests look at. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

export interface Source {
  /** From the project's root: 'src/linux/struct.ts'. */
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
}

/** Every TypeScript file below the folders. Tests run from the project's root. */
export function sourcesBelow(...folders: string[]): Source[] {
  return folders.flatMap((folder) => filesBelow(folder, '.ts'));
}

export function filesBelow(folder: string, ending: string): Source[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .sort()
    .map((name) => {
      const path = join(folder, name);
      const text = readFileSync(path, 'utf8');
      return { path, text, lines: text.split('\n') };
    });
}

export interface Import {
  readonly line: number;
  /** As written: './x.js', 'node:fs'. */
  readonly specifier: string;
  /** A file of ours that it names: 'src/support/errors.ts'. */
  readonly file: string | undefined;
}

const IMPORT =
  /^\s*(?:import|export)\b[^'"]*?from\s+['"]([^'"]+)['"]|^\s*import\s+['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/gm;

/** What a file imports, re-exports and loads later. */
export function importsOf({ path, text }: Source): Import[] {
  return [...text.matchAll(IMPORT)].map((match) => {
    const specifier = (match[1] ?? match[2] ?? match[3]) as string;
    const line = text.slice(0, (match.index ?? 0) + match[0].length).split('\n').length;
    const file = specifier.startsWith('.')
      ? normalize(join(dirname(path), specifier)).replace(/\.js$/, '.ts')
      : undefined;
    return { line, specifier, file };
  });
}

/** A broken rule: 'src/a.ts:12: what is wrong; what to do'. */
export const complaint = (path: string, line: number, what: string, remedy: string): string =>
  `${path}:${line}: ${what}; ${remedy}`;

/** The text without comments and the contents of strings, line by line as before: for scans that look for code. */
export function codeOnly(text: string): string {
  const blank = (match: string) => match.replace(/[^\n]/g, ' ');
  return text.replace(
    /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|\/(?![*/\s])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[dgimsuvy]*(?=[\s.,;)\]}])/g,
    blank,
  );
}
