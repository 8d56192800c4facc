/** The page writer against a stopped program: what lands in the images is what the program has, and nothing else. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { ProcessView } from '../../../src/checkpoint/views.js';
import { attemptReadDir } from '../../../src/host/files.js';
import { Host } from '../../../src/host/host.js';
import { HostImageStore } from '../../../src/host/image-store.js';
import { IMAGES } from '../../../src/images/catalogue.js';
import { PagemapWriter, readPagemap, type StoredRun } from '../../../src/images/pagemap.js';
import { parseMaps } from '../../../src/linux/procfs/maps.js';
import { type InspectedMemory, inspectMemory } from '../../../src/objects/memory/inspect.js';
import { mapFilesPath, observeMemory } from '../../../src/objects/memory/observe.js';
import { ObjectPort } from '../../../src/operations/object-port.js';
import { pid } from '../../../src/support/brand.js';
import { scanContent, scanEntries } from '../../../src/tracer/page-scan.js';
import { type PageTarget, writeProcessPages } from '../../../src/tracer/pages.js';
import { writeSegmentPages } from '../../../src/tracer/segment-pages.js';
import { compile } from '../../support/compile.js';
import { waitFor } from '../../support/wait.js';

const BULK_MIB = 20;
const isRoot = process.getuid?.() === 0;

describe('pages of a program', { skip: !isRoot && 'needs root' }, () => {
  const host = new Host();
  let child: ChildProcess;
  let folder: string;
  let store: HostImageStore;
  let memory: InspectedMemory;
  let guards: { start: number; end: number }[];
  const places = new Map<string, { start: number; end: number }>();
  const place = (name: string) => places.get(name) ?? assert.fail(`no place '${name}'`);

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'pages-'));
    store = new HostImageStore(host, folder, { sync: false });
    const program = compile('kernel/memory-pages/contents.c');
    child = spawn(program, [String(BULK_MIB)], { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout?.on('data', (chunk) => {
      output += chunk;
    });
    await waitFor('READY', () => output.endsWith('READY\n') || undefined, 20_000);
    for (const line of output.split('\n')) {
      const [name = '', start = '', end = ''] = line.split(' ');
      if (end)
        places.set(name, { start: Number.parseInt(start, 16), end: Number.parseInt(end, 16) });
    }
    const mappings = parseMaps(readFileSync(`/proc/${child.pid}/maps`, 'latin1'));
    const task = pid(child.pid ?? 0);
    const view = { pid: task, task, comm: 'contents', mappings } as unknown as ProcessView;
    const seen = observeMemory(new ObjectPort(host), view);
    guards = seen.guards;
    memory = inspectMemory(seen, { path: () => 1 });
    const total = BULK_MIB << 20;
    assert.ok(seen.anonymousBytes >= total, `${seen.anonymousBytes} bytes`);
  });

  after(() => {
    child?.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  /** Runs a writer, and reads back what it wrote. */
  function written(
    name: { kind: typeof IMAGES.PAGEMAP | typeof IMAGES.SHMEM_PAGEMAP; pagesId: number },
    write: (target: PageTarget) => number,
  ): { runs: StoredRun[]; content: Uint8Array; progress: number } {
    const pagesName = `pages-${name.pagesId}.img`;
    const pages = store.create(pagesName);
    const pagemap = new PagemapWriter(name.kind, store.create('pagemap-1.img'), name.pagesId);
    let progress = 0;
    const onProgress = (bytes: number): void => {
      progress += bytes;
    };
    const count = write({ pages, pagemap, name: pagesName, onProgress });
    pagemap.finish();
    pages.finish();
    const reader = store.open('pagemap-1.img') ?? assert.fail('no pagemap');
    const runs = [...readPagemap(name.kind, reader, 'pagemap-1.img').runs];
    const content = readFileSync(join(folder, pagesName));
    assert.equal(count * 4096, content.length);
    assert.equal(
      runs.reduce((sum, run) => sum + run.pageCount, 0),
      count,
    );
    assert.equal(progress, content.length);
    return { runs, content, progress };
  }

  function mustEqualMemory(runs: readonly StoredRun[], content: Uint8Array, base = 0): void {
    const fd = openSync(`/proc/${child.pid}/mem`, 'r');
    for (const { vaddr, pageCount, pagesOffset = -1 } of runs) {
      const length = pageCount * 4096;
      const bytes = Buffer.alloc(length);
      assert.equal(readSync(fd, bytes, 0, length, base + vaddr), length);
      const same = bytes.equals(content.subarray(pagesOffset, pagesOffset + length));
      assert.ok(same, `pages at 0x${vaddr.toString(16)}`);
    }
    closeSync(fd);
  }

  /** Page numbers within a place that runs cover. */
  function pagesOf(name: string, runs: readonly StoredRun[]): number[] {
    const { start, end } = place(name);
    const found: number[] = [];
    for (const { vaddr, pageCount } of runs) {
      for (let at = vaddr; at < vaddr + pageCount * 4096; at += 4096) {
        if (at >= start && at < end) found.push((at - start) / 4096);
      }
    }
    return found;
  }

  test('all with content are written, equal to memory, and no others', () => {
    const { runs, content } = written({ kind: IMAGES.PAGEMAP, pagesId: 1 }, (target) =>
      writeProcessPages(host, child.pid ?? 0, memory.areas, target),
    );
    mustEqualMemory(runs, content);
    assert.equal(pagesOf('bulk', runs).length, BULK_MIB * 256);
    const odd = pagesOf('sieve', runs).filter((page) => page % 2 === 1);
    assert.deepEqual([pagesOf('sieve', runs).length, odd.length], [6000, 0]);
    assert.deepEqual(pagesOf('hidden', runs), [0, 1]);
    assert.deepEqual(pagesOf('zero', runs), [2]);
    assert.deepEqual(pagesOf('file', runs), [1]);
    assert.deepEqual(pagesOf('shared', runs), []);
    if (places.has('guard')) assert.deepEqual(pagesOf('guard', runs), []);
  });

  test('guard pages are found', () => {
    if (!places.has('guard')) return;
    assert.deepEqual(guards, [place('guard')]);
  });

  test('both ways to scan find the same', () => {
    using scope = host.scope();
    const ranges = memory.areas.filter(({ pages }) => pages === 'content');
    const input = { pid: child.pid ?? 0, ranges, scope };
    assert.deepEqual([...scanEntries(host, input)], [...scanContent(host, input)]);
  });

  test('of a shared object the pages that hold data are written, wherever it is mapped', () => {
    const [segment = assert.fail('no shared memory')] = memory.segments;
    assert.equal(memory.segments.length, 1);
    assert.equal(segment.size, 16 << 20);
    const link = mapFilesPath(child.pid ?? 0, segment);
    const { runs, content } = written({ kind: IMAGES.SHMEM_PAGEMAP, pagesId: 2 }, (target) =>
      writeSegmentPages(host, { link, flags: 4 }, target),
    );
    assert.deepEqual(
      runs.map(({ vaddr, pageCount }) => [vaddr, pageCount]),
      [
        [5 * 4096, 3],
        [9 << 20, 1],
      ],
    );
    mustEqualMemory(runs, content, segment.start);
  });

  test('a full disk is an error that names the image', () => {
    const fd = openSync('/dev/full', 'w');
    const pages = { fd, position: 0, advance: () => {} };
    const target = { pages, pagemap: { add: () => {} }, name: 'pages-3.img' };
    const write = () => writeProcessPages(host, child.pid ?? 0, memory.areas, target);
    assert.throws(write, /Cannot handle pages-3.img: writing pages failed: pwrite64: ENOSPC/);
    closeSync(fd);
  });

  test('nothing stays open or allocated', () => {
    const before = [host.arena.mark, attemptReadDir(host, '/proc/self/fd')];
    const target = { pagemap: { add: () => {} }, name: 'pages-3.img' };
    const fail = () => {
      throw new Error('ended');
    };
    const pages = { fd: -1, position: 0, advance: () => {} };
    assert.throws(() =>
      writeProcessPages(host, child.pid ?? 0, memory.areas, { ...target, pages, onProgress: fail }),
    );
    assert.deepEqual([host.arena.mark, attemptReadDir(host, '/proc/self/fd')], before);
  });
});
