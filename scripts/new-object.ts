/**
 * npm run new-object files/eventfd: the file of a new kernel object, a test program and its test, which fails until
 * they are written. docs/adding-a-kernel-object.md goes on from there.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

interface Names {
  /** 'eventfd', 'signal-fd'. */
  readonly name: string;
  /** 'signalFd'. */
  readonly value: string;
}

interface Template {
  object(names: Names): string;
  /** Where it is registered, and the line. */
  registry(names: Names): string;
}

const TEMPLATES: Readonly<Record<string, Template>> = {
  files: {
    object: ({
      name,
      value,
    }) => `/** ${name}: what it is, where its state can be seen, its manual page, since which Linux. */
import { fd_types } from '../../images/messages/fdinfo.js';
import { unsupported } from '../../support/errors.js';
import { defineFileKind } from '../kinds.js';

export const ${value} = defineFileKind({
  name: '${name}',
  fdType: fd_types.UND,
  unionField: 'ext',
  recognize: [{ anonInode: '[${name}]' }],
  inspect() {
    throw unsupported('it is not saved yet');
  },
  open() {
    throw unsupported('it is not restored yet');
  },
});
`,
    registry: ({ name, value }) =>
      `src/objects/files/index.ts: import { ${value} } from './${name}.js', and add it to FILE_KINDS`,
  },
  tasks: {
    object: ({
      name,
      value,
    }) => `/** ${name}: what it is, where it can be seen, its manual page, since which Linux. */
import { unsupported } from '../../support/errors.js';
import { defineTaskState } from '../kinds.js';

export const ${value} = defineTaskState({
  name: '${name.replaceAll('-', ' ')}',
  scope: 'thread',
  inspect() {
    throw unsupported('it is not saved yet');
  },
  rebuild() {
    throw unsupported('it is not restored yet');
  },
});
`,
    registry: ({ name, value }) =>
      `src/objects/tasks/index.ts: import { ${value} } from './${name}.js', and add it where its steps belong`,
  },
};

const program = ({
  name,
}: Names): string => `// ${name}: every property that a checkpoint must keep, one check each.
#include "woodfrog-test.h"

int main(int argc, char **argv) {
  setup(argc, argv);
  // Make the object here, in a state that is not its first one.

  ready();

  // Verify here that everything is as it was, and still works.
  fail("nothing is verified yet");
  pass();
}
`;

const kernelTest = ({
  name,
}: Names): string => `import { kernelTest } from '../../support/kernel.js';

kernelTest({
  name: '${name} returns as it was',
  program: '${name}/${name}.c',
  rounds: 2,
});
`;

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');

function main([path = '']: readonly string[]): number {
  const [, folder = '', name = ''] = /^([a-z-]+)\/([a-z0-9]+(?:-[a-z0-9]+)*)$/.exec(path) ?? [];
  const template = TEMPLATES[folder];
  if (template === undefined) {
    const folders = Object.keys(TEMPLATES).join(' or ');
    process.stderr.write(`Usage: npm run new-object FOLDER/NAME, with FOLDER ${folders}\n`);
    return 2;
  }
  const value = name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
  const names = { name, value };
  const files = {
    [`src/objects/${folder}/${name}.ts`]: template.object(names),
    [`test/kernel/${name}/${name}.c`]: program(names),
    [`test/kernel/${name}/${name}.test.ts`]: kernelTest(names),
  };
  const taken = Object.keys(files).find((file) => existsSync(join(root, file)));
  if (taken !== undefined) {
    process.stderr.write(`Error: '${taken}' exists already\nRemedy: choose another name\n`);
    return 1;
  }
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
    process.stdout.write(`Wrote ${file}\n`);
  }
  process.stdout.write(`Next: ${template.registry(names)};\n`);
  process.stdout.write(`then npm test -- kernel/${name}, and docs/adding-a-kernel-object.md\n`);
  return 0;
}

process.exitCode = main(process.argv.slice(2));
