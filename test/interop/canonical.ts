/**
 * An image folder in a form that two dumps of one standing program have in common: ids that each dump gives as it likes
 * become what they stand for ('fd 412/3', 'file /bin/sh'), and lists without an order of their own are sorted.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { identifyImage } from '../../src/images/catalogue.js';
import { isObject } from '../../src/images/json.js';
import { imageToJson } from '../../src/images/json-image.js';
import type { Json, JsonObject } from '../../src/images/json-text.js';
import { readerOf } from '../support/memory-store.js';

/** Entries by the image's name. */
type Folder = Map<string, JsonObject[]>;

const RAW = /^(?:pages-|stats-)/;

export function readCanonical(dir: string): Folder {
  const folder: Folder = new Map();
  for (const file of readdirSync(dir).filter((name) => /\.img$/.test(name) && !RAW.test(name))) {
    const found = identifyImage(file);
    if (!found) continue;
    const reader = readerOf(readFileSync(join(dir, file)));
    folder.set(file, [
      ...imageToJson(found.image, reader, { pretty: false, file }),
    ] as JsonObject[]);
  }
  const names = nameFiles(folder);
  renameFiles(folder, names);
  byAddress(folder);
  return folder;
}

const matching = (folder: Folder, pattern: RegExp): [string, JsonObject[]][] =>
  [...folder].filter(([name]) => pattern.test(name));
const numberIn = (name: string): number => Number(/\d+/.exec(name)?.[0]);
const objects = (json: Json | undefined): JsonObject[] =>
  Array.isArray(json) ? json.filter(isObject) : [];
const padded = (value: Json | undefined): string => String(value ?? '').padStart(20, '0');

function sortBy(entries: JsonObject[], ...keys: readonly string[]): void {
  const keyOf = (entry: JsonObject): string => keys.map((key) => padded(entry[key])).join();
  entries.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

type Names = (id: Json | undefined) => string;
/** What no path and no descriptor leads to; behind all others. */
const UNNAMED = '~'.repeat(20);

/** What an id in files.img stands for: the first descriptor that leads to it, or its path. */
function nameFiles(folder: Folder): Names {
  const names = new Map<number, string>();
  const owners = new Map<number, number>();
  for (const [name, [ids]] of matching(folder, /^ids-/)) {
    const table = Number(ids?.files_id);
    owners.set(table, Math.min(numberIn(name), owners.get(table) ?? Infinity));
  }
  for (const [name, entries] of matching(folder, /^fdinfo-/)) {
    for (const { id, fd } of entries) {
      const text = `fd ${owners.get(numberIn(name))}/${padded(fd)}`;
      const known = names.get(Number(id));
      if (known === undefined || text < known) names.set(Number(id), text);
    }
  }
  for (const { id, reg, fifo, tty } of folder.get('files.img') ?? []) {
    if (isObject(reg ?? null) && !names.has(Number(id))) {
      const { name, flags } = reg as JsonObject;
      names.set(Number(id), `file ${String(name)} ${Number(flags)}`);
    }
    const path = (fifo ?? tty) as JsonObject | undefined;
    if (path) names.set(Number(path.regf_id), `path of ${names.get(Number(id))}`);
  }
  return (id) => names.get(Number(id)) ?? UNNAMED;
}

/** A number that the kernel gave (a pipe's inode): the first description of it. */
function representative(entries: readonly JsonObject[], field: string): Names {
  const firsts = new Map<string, string>();
  for (const entry of entries) {
    for (const body of Object.values(entry).filter((one) => isObject(one))) {
      const key = String((body as JsonObject)[field]);
      const name = String(entry.id);
      if (name < (firsts.get(key) ?? '~')) firsts.set(key, name);
    }
  }
  return (number) => firsts.get(String(number)) ?? UNNAMED;
}

function renameFiles(folder: Folder, nameOf: Names): void {
  const files = folder.get('files.img') ?? [];
  for (const entry of files) {
    entry.id = nameOf(entry.id);
    for (const body of Object.values(entry).filter((one) => isObject(one)) as JsonObject[]) {
      if (body.id !== undefined) body.id = entry.id;
      if (body.regf_id !== undefined) body.regf_id = nameOf(body.regf_id);
      sortBy(objects(body.tfd).length > 0 ? (body.tfd as JsonObject[]) : [], 'tfd', 'events');
      sortBy(objects(body.wd).length > 0 ? (body.wd as JsonObject[]) : [], 'wd');
    }
  }
  sortBy(files, 'id');
  const pipeOf = representative(files, 'pipe_id');
  const memfdOf = representative(files, 'inode_id');
  for (const body of files
    .flatMap((entry) => Object.values(entry))
    .filter((one) => isObject(one))) {
    const given = body as JsonObject;
    if (given.pipe_id !== undefined) given.pipe_id = pipeOf(given.pipe_id);
    if (given.inode_id !== undefined) given.inode_id = memfdOf(given.inode_id);
  }
  const rename = (pattern: RegExp, fields: readonly string[], name: Names, sort?: string): void => {
    for (const [, entries] of matching(folder, pattern)) {
      for (const entry of entries) for (const field of fields) entry[field] = name(entry[field]);
      if (sort !== undefined) sortBy(entries, sort);
    }
  };
  rename(/^fdinfo-/, ['id'], nameOf, 'fd');
  rename(/^fs-/, ['cwd_id', 'root_id'], nameOf);
  rename(/^mm-/, ['exe_file_id'], nameOf);
  rename(/^remap-fpath/, ['orig_id'], nameOf, 'orig_id');
  rename(/^(?:pipes|fifo)-data/, ['pipe_id'], pipeOf, 'pipe_id');
  rename(/^memfd/, ['inode_id'], memfdOf, 'name');
  rename(/^pstree/, [], nameOf, 'pid');
  rename(/^filelocks/, [], nameOf, 'start');
  for (const [, [mm]] of matching(folder, /^mm-/)) {
    for (const vma of objects(mm?.vmas)) {
      if (Number(vma.status) & VMA_FILES) vma.shmid = nameOf(vma.shmid);
    }
  }
}

/** VMA_FILE_PRIVATE, VMA_FILE_SHARED. */
const VMA_FILES = 0x40 | 0x80;

/** Mappings and pages by their address, so that one more does not shift the others. */
function byAddress(folder: Folder): void {
  for (const [, [mm]] of matching(folder, /^mm-/)) {
    if (mm) mm.vmas = Object.fromEntries(objects(mm.vmas).map((vma) => [`@${vma.start}`, vma]));
  }
  for (const [name, entries] of matching(folder, /^pagemap-/)) {
    const pages: JsonObject = {};
    for (const { vaddr, nr_pages, flags } of entries.slice(1)) {
      for (let i = 0; i < Number(nr_pages); i++) pages[`@${Number(vaddr) + 4096 * i}`] = flags ?? 0;
    }
    folder.set(name, [pages]);
  }
}

/** 'core-N.img [].tc.comm' -> its values, numbers in names and places left out. */
export function flatten(folder: Folder): Map<string, string> {
  const flat = new Map<string, string>();
  const add = (value: Json, path: string): void => {
    if (value === null || typeof value !== 'object') {
      flat.set(path, String(value));
      return;
    }
    const items = Array.isArray(value)
      ? value.map((one, i) => [`[${i}]`, one])
      : Object.entries(value);
    if (items.length === 0) flat.set(path, 'empty');
    for (const [key, one] of items)
      add(one as Json, `${path}${String(key).startsWith('[') ? '' : '.'}${key}`);
  };
  for (const [name, entries] of folder) add(entries, `${name} `);
  return flat;
}

export interface ImageDifference {
  /** 'mm-N.img [].vmas.@.fdflags'. */
  field: string;
  ours: string | undefined;
  theirs: string | undefined;
}

/** Fields in which the two folders differ; an image that only one has is one difference. */
export function compareFolders(ours: Folder, theirs: Folder): ImageDifference[] {
  const [one, other] = [flatten(ours), flatten(theirs)];
  const found = new Map<string, ImageDifference>();
  for (const path of new Set([...one.keys(), ...other.keys()])) {
    const [a, b] = [one.get(path), other.get(path)];
    if (a === b) continue;
    const image = path.slice(0, path.indexOf(' '));
    const isMissing = !ours.has(image) || !theirs.has(image);
    const field = (isMissing ? image : path)
      .replace(/\d+/g, 'N')
      .replace(/\[N\]/g, '[]')
      .replace(/@N/g, '@');
    found.set(field, { field, ours: a?.slice(0, 80), theirs: b?.slice(0, 80) });
  }
  return [...found.values()];
}
