/**
 * An independent reader: the crit of Debian's package criu (3.17), or the one that CRIT names. Whatever it knows of an image
 * has the same value in ours; what it lacks are fields and images younger than it is.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { identifyImage, magicName } from '../../src/images/catalogue.js';
import { isObject } from '../../src/images/json.js';
import { imageToJson } from '../../src/images/json-image.js';
import { type Json, parseJson, printJson } from '../../src/images/json-text.js';
import { goldenFolder, goldenImages } from '../support/golden.js';
import { readerOf } from '../support/memory-store.js';

const theirs = process.env.CRIT ?? '/usr/bin/crit';
const skip = existsSync(theirs) ? false : `there is no '${theirs}'`;

function run(program: string, ...args: string[]): { status: number | null; stdout: string } {
  return spawnSync(program, args, { encoding: 'utf8', timeout: 60_000 });
}

/** Where a part of `known` has another value in `ours`; pretty names that only one of the two has do not count. */
function differences(known: Json, ours: Json | undefined, path: string): string[] {
  if (isObject(known)) {
    if (ours === undefined || !isObject(ours)) return [`${path}: no object`];
    return Object.entries(known).flatMap(([key, value]) =>
      differences(value, ours[key], `${path}.${key}`),
    );
  }
  if (Array.isArray(known)) {
    if (!Array.isArray(ours) || ours.length !== known.length) return [`${path}: another length`];
    return known.flatMap((value, i) => differences(value, ours[i], `${path}[${i}]`));
  }
  return known === ours ? [] : [`${path}: ${String(ours)} instead of ${String(known)}`];
}

test("Debian's crit reads the same from captured images, and from images that ours wrote", {
  skip,
}, () => {
  let compared = 0;
  for (const { set, name, bytes } of goldenImages()) {
    // 3.17 gives the name nr_pages to the field that is compat_nr_pages since there are two.
    if (name.startsWith('pagemap-')) continue;
    const path = join(goldenFolder(set), name);
    const known = run(theirs, 'decode', '-i', path);
    if (known.status !== 0) continue;
    const image = identifyImage(name)?.image;
    assert.ok(image);
    const entries = [...imageToJson(image, readerOf(bytes), { pretty: false, file: name })];
    const ours = parseJson(printJson({ magic: magicName(image), entries }));
    assert.deepEqual(differences(parseJson(known.stdout), ours, name), [], set);
    compared++;
  }
  assert.ok(compared >= 20, `only ${compared} images were compared`);
});
