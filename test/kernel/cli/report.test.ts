/** What dump and restore tell of what they did: --json, --display-stats and the statistics images. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { Host } from '../../../src/host/host.js';
import { HostImageStore } from '../../../src/host/image-store.js';
import { IMAGES } from '../../../src/images/catalogue.js';
import { readImageSet } from '../../../src/images/directory.js';
import { tool } from '../../support/tool.js';
import { steadyTest } from './steady.js';

const PAGE = 4096;

function statsIn(folder: string) {
  using host = new Host();
  using store = new HostImageStore(host, folder, { sync: false });
  const images = readImageSet(store);
  return {
    dump: images.get(IMAGES.STATS, 'dump')?.dump,
    restore: images.get(IMAGES.STATS, 'restore')?.restore,
  };
}

const pageFiles = (folder: string): number =>
  readdirSync(folder)
    .filter((name) => /^pages-\d+\.img$/.test(name))
    .reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);

steadyTest('stats-dump counts the pages that are in the page files', async (steady) => {
  await steady.dump();
  const { dump } = statsIn(steady.images);
  assert.ok(dump);
  const shared = dump.shpages_written ?? 0;
  assert.equal(shared, 50);
  assert.equal((dump.pages_written + shared) * PAGE, pageFiles(steady.images));
  assert.ok(dump.pages_written >= 101, 'the private pages, and the one that the child changed');
  assert.ok(dump.freezing_time > 0 && dump.frozen_time > 0);
  assert.ok(dump.memwrite_time > 0 && dump.memwrite_time <= dump.frozen_time);
  await steady.restore('-d');
  const { restore } = statsIn(steady.images);
  assert.ok(restore && restore.restore_time >= restore.forking_time && restore.forking_time > 0);
  await steady.program.mustPass();
});

const figure = (text: string, label: string): number =>
  Number(new RegExp(`^${label}: (\\d+)`, 'm').exec(text)?.[1] ?? Number.NaN);

steadyTest('--display-stats prints the figures of the images', async (steady) => {
  const dumped = (await steady.dump('--display-stats')).stdout;
  const { dump } = statsIn(steady.images);
  assert.equal(figure(dumped, 'Freezing time'), dump?.freezing_time);
  assert.equal(figure(dumped, 'Frozen time'), dump?.frozen_time);
  assert.equal(figure(dumped, 'Memory pages written'), dump?.pages_written);
  const restored = (await steady.restore('-d', '--display-stats')).stdout;
  const { restore } = statsIn(steady.images);
  assert.equal(figure(restored, 'Restore time'), restore?.restore_time);
  assert.equal(figure(restored, 'Forking time'), restore?.forking_time);
  await steady.program.mustPass();
});

/** Standard output is one line of JSON. */
const json = ({ stdout }: { stdout: string }) => {
  assert.match(stdout, /^\{.*\}\n$/);
  return JSON.parse(stdout);
};

steadyTest('--json gives the results', async (steady) => {
  const { pid } = steady;
  const dumped = json(await steady.dump('--json'));
  assert.deepEqual([dumped.kind, dumped.pid, dumped.taskCount], ['dumped', pid, 2]);
  assert.equal(dumped.stats.pages_written, statsIn(steady.images).dump?.pages_written);
  const restored = json(await steady.restore('-d', '--json'));
  assert.deepEqual([restored.kind, restored.pid, restored.taskCount], ['restored', pid, 2]);
  await steady.program.mustPass();
});

steadyTest('--json gives errors, too, with what and where', async (steady) => {
  const { images } = steady;
  const { error } = json(
    await steady.woodfrog(['dump', '-t', '4194304', '-D', images, '--json'], 1),
  );
  assert.equal(error.code, 'gone');
  assert.equal(error.pid, 4194304);
  assert.match(error.message, /no such process/);
  const usage = json(await steady.woodfrog(['dump', '-D', images, '--json'], 2));
  assert.equal(usage.error.code, 'usage');
  await steady.program.mustPass();
});

steadyTest('a dump that fails leaves no image', async (steady) => {
  await steady.woodfrog(['dump', '-t', '4194304', '-D', steady.images], 1);
  assert.deepEqual(readdirSync(steady.images), []);
  await steady.program.mustPass();
});

test('a folder that is not there is named', async () => {
  assert.ok(!existsSync('/no/such/folder'));
  const run = await tool.run(['dump', '-t', String(process.pid), '-D', '/no/such/folder']);
  assert.equal(run.status, 1);
  assert.match(run.stderr, /\/no\/such\/folder.*ENOENT[\s\S]*Remedy: /);
});

test('a tree that holds woodfrog itself is refused before anything stops', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'woodfrog-self-'));
  const line = `'${tool.path}' dump -t $$ -D '${folder}'; echo "status $?"`;
  const { stdout, stderr } = await promisify(execFile)('setsid', ['-w', 'sh', '-c', line], {
    timeout: 60_000,
    killSignal: 'SIGKILL',
  });
  assert.equal(stdout, 'status 1\n');
  assert.match(stderr, /^Error: Cannot dump pid \d+.*: woodfrog itself runs in this tree$/m);
  assert.match(stderr, /^Remedy: call it from outside of the tree/m);
  rmSync(folder, { recursive: true });
});
