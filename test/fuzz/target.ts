/**
 * What every input goes through: verify, show, crit both ways, page lookups, core files. The outcome is success or a typed
 * error, in bounded time and memory; anything else is a finding.
 */

import { summarizeTasks } from '../../src/checkpoint/summary.js';
import { refuseUnsupported } from '../../src/checkpoint/unsupported-entries.js';
import { verifyStore } from '../../src/checkpoint/verify-store.js';
import { coreTasks, writeCore } from '../../src/coredump/coredump.js';
import { IMAGES, identifyImage } from '../../src/images/catalogue.js';
import { readImageSet } from '../../src/images/directory.js';
import { imageFromJson, imageToJson } from '../../src/images/json-image.js';
import { parseJson, printJson } from '../../src/images/json-text.js';
import {
  PageReader,
  type ParentedStore,
  parentChain,
  supersededPages,
} from '../../src/images/parents.js';
import { CheckpointError } from '../../src/support/errors.js';
import { withParent } from '../support/chain.js';
import { memoryStore } from '../support/memory-store.js';
import { compileRestore, type UnchangedHost, unchangedHost } from './compile.js';
import { type Files, mutate, type Random } from './mutate.js';

/** What one input may cost: a machine under load is some ten times slower than this takes. */
export const INPUT_MS_MAX = 5000;
const READ_BYTES_MAX = 64 << 20;

export interface Outcome {
  /** What was done to the checkpoint. */
  readonly mutations: readonly string[];
  /** Parts that refused the input with a typed error. */
  readonly refused: number;
  /** Parts that took it. */
  readonly accepted: number;
  /** 'verify: TypeError: ...': what must not happen. */
  readonly findings: readonly string[];
  readonly ms: number;
}

/** Runs everything on one mutated checkpoint. `random` decides on the mutations and on the parents. */
export function fuzzOnce(golden: Files, random: Random): Outcome {
  const files: Files = new Map(golden);
  const mutations = mutate(files, random);
  const parent = storeOf(golden, undefined);
  const kinds = [undefined, () => parent, () => store];
  const store: ParentedStore = storeOf(
    files,
    kinds[random(6)] as (() => ParentedStore) | undefined,
  );
  const outcome = { refused: 0, accepted: 0, findings: [] as string[] };
  const started = performance.now();
  for (const [name, run] of Object.entries(PARTS)) {
    const partStarted = performance.now();
    try {
      run(store, files, golden);
      outcome.accepted++;
    } catch (error) {
      const isTyped =
        error instanceof CheckpointError && error.code !== 'bug' && error.code !== 'gone';
      if (isTyped) outcome.refused++;
      else outcome.findings.push(`${name}: ${describe(error)}`);
    }
    const ms = performance.now() - partStarted;
    if (ms > INPUT_MS_MAX) outcome.findings.push(`${name}: took ${Math.round(ms)} ms`);
  }
  return { ...outcome, mutations, ms: performance.now() - started };
}

const describe = (error: unknown): string =>
  error instanceof Error
    ? (error.stack ?? error.message).split('\n').slice(0, 6).join(' | ')
    : String(error);

/** Readings are checked: a lying length must not become an allocation. */
function storeOf(files: Files, parent: (() => ParentedStore) | undefined): ParentedStore {
  const store = memoryStore(files);
  const open = store.open.bind(store);
  return withParent(
    {
      ...store,
      open(name) {
        const reader = open(name);
        return (
          reader && {
            ...reader,
            read(offset, length) {
              if (length > READ_BYTES_MAX || offset + length > reader.size) {
                throw new Error(`${name}: ${length} bytes are read at ${offset} of ${reader.size}`);
              }
              return reader.read(offset, length);
            },
          }
        );
      },
    },
    parent,
  );
}

/** By the checkpoint that was not mutated. */
const hosts = new WeakMap<Files, UnchangedHost>();

type Part = (store: ParentedStore, files: Files, golden: Files) => void;

const PARTS: Readonly<Record<string, Part>> = {
  verify(store) {
    const { sound } = verifyStore(store);
    if (sound) refuseUnsupported(readImageSet(store), { fileTypes: [] });
  },
  restore(store, _, golden) {
    let host = hosts.get(golden);
    if (!host) {
      host = unchangedHost(storeOf(golden, undefined));
      hosts.set(golden, host);
    }
    compileRestore(store, host);
  },
  show(store) {
    const chain = parentChain(store);
    summarizeTasks(
      readImageSet(store),
      (pid) => new PageReader(chain, IMAGES.PAGEMAP, pid).runs().length,
    );
  },
  crit(store, files) {
    for (const name of files.keys()) convert(store, name);
  },
  dedup(store) {
    const chain = parentChain(store);
    for (const name of store.list()) {
      const found = identifyImage(name);
      if (found?.image.key !== IMAGES.PAGEMAP.key) continue;
      for (const _ of supersededPages(chain, IMAGES.PAGEMAP, Number(found.id)));
    }
  },
  coredump(store) {
    const chain = parentChain(store);
    const set = readImageSet(store);
    for (const task of coreTasks(set, undefined)) {
      const output = { write: () => {}, skip: () => {} };
      writeCore(chain, set, { task, output });
    }
  },
};

/** To JSON and back; what JSON holds, an image can hold. */
function convert(store: ParentedStore, name: string): void {
  const image = identifyImage(name)?.image;
  const reader = image && store.open(name);
  if (!image || !reader || image.entries === 'raw') return;
  let entries: ReturnType<typeof parseJson>[];
  try {
    const json = imageToJson(image, reader, { pretty: true, file: name });
    entries = [...json].map((entry) => parseJson(printJson(entry, 4)));
  } catch (error) {
    if (error instanceof CheckpointError && error.code === 'image') return;
    throw error;
  }
  const out = memoryStore().create(name);
  try {
    imageFromJson(image, entries, out);
  } catch (error) {
    if (!(error instanceof CheckpointError) || error.code !== 'image') throw error;
  }
}
