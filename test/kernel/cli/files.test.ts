/** What woodfrog writes beside the images, and reads beside its arguments: pidfile, log, statistics, configuration. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive, stateOf } from '../../support/proc.js';
import { tool } from '../../support/tool.js';
import { steadyTest } from './steady.js';

steadyTest('--pidfile holds the root task, for dump and restore', async (steady) => {
  const { images, pid } = steady;
  await steady.dump('--pidfile', 'dumped');
  assert.equal(readFileSync(join(images, 'dumped'), 'utf8').trim(), String(pid));
  const absolute = join(steady.program.dir, 'restored');
  await steady.restore('-d', '--pidfile', absolute);
  assert.equal(readFileSync(absolute, 'utf8').trim(), String(pid));
  await steady.program.mustPass();
});

steadyTest('a pidfile that is there stays, and nothing is done', async (steady) => {
  const { images, pid, program } = steady;
  const pidfile = join(images, 'pidfile');
  writeFileSync(pidfile, 'mine');
  const args = ['dump', '-t', String(pid), '-D', images, '--pidfile', 'pidfile'];
  assert.match((await steady.woodfrog(args, 1)).stderr, /pidfile.*EEXIST/);
  assert.ok(isAlive(pid));
  assert.deepEqual(readdirSync(images), ['pidfile'], 'no image is left');
  await steady.dump();
  const { stderr } = await steady.woodfrog(
    ['restore', '-D', images, '-d', '--pidfile', 'pidfile'],
    1,
  );
  assert.match(stderr, /pidfile.*EEXIST[\s\S]*Remedy: remove it first/);
  assert.equal(stateOf(pid), undefined);
  assert.equal(readFileSync(pidfile, 'utf8'), 'mine');
  await steady.restore('-d');
  await program.mustPass();
});

steadyTest('-W takes log, statistics and pidfile', async (steady) => {
  const work = steady.folder('work');
  await steady.dump('-W', work, '-o', 'dump.log', '-v4', '--pidfile', 'dumped');
  assert.deepEqual(readdirSync(work).sort(), ['dump.log', 'dumped', 'stats-dump']);
  await steady.restore('-d', '-W', work, '-o', 'restore.log', '-v4', '--pidfile', 'restored');
  const all = ['dump.log', 'dumped', 'restore.log', 'restored', 'stats-dump', 'stats-restore'];
  assert.deepEqual(readdirSync(work).sort(), all);
  assert.ok(!readdirSync(steady.images).some((name) => /log|stats|dumped|restored/.test(name)));
  assert.match(readFileSync(join(work, 'dump.log'), 'utf8'), /Dumping finished successfully/);
  assert.match(readFileSync(join(work, 'restore.log'), 'utf8'), /Restore finished successfully/);
  await steady.program.mustPass();
});

steadyTest('--config gives options, the command line has the last word', async (steady) => {
  const config = join(steady.program.dir, 'options.conf');
  writeFileSync(config, '# a comment\nlog-file from-config.log\nverbosity 4\nleave-running\n');
  const { pid, images, program } = steady;
  await steady.woodfrog(['dump', '-t', String(pid), '-D', images, '--config', config]);
  assert.ok(isAlive(pid), 'leave-running was read');
  assert.match(readFileSync(join(images, 'from-config.log'), 'utf8'), /Froze 2 processes/);
  const other = steady.folder('other');
  const line = ['-o', 'mine.log', '-v1'];
  await steady.woodfrog(['dump', '-t', String(pid), '-D', other, '--config', config, ...line]);
  assert.ok(!existsSync(join(other, 'from-config.log')));
  assert.equal(readFileSync(join(other, 'mine.log'), 'utf8'), '');
  await program.mustPass();
});

steadyTest('the default configuration of a user is read, unless it is declined', async (steady) => {
  const home = steady.folder('home/.criu');
  writeFileSync(join(home, 'default.conf'), 'leave-running\n');
  const { pid, images, program } = steady;
  const env = { HOME: join(home, '..') };
  const args = ['dump', '-t', String(pid), '-D', images];
  const run = await tool.run(args, { env });
  assert.equal(run.status, 0, run.stderr);
  assert.ok(isAlive(pid));
  const pids = program.tree();
  await tool.run([...args, '--no-default-config'], { env });
  await program.mustVanish(pids);
  await steady.restore('-d');
  await program.mustPass();
});

steadyTest('an option of a feature to come is refused by name, with its line', async (steady) => {
  const config = join(steady.program.dir, 'options.conf');
  writeFileSync(config, 'leave-running\ntcp-established\n');
  const { pid, images, program } = steady;
  const args = ['dump', '-t', String(pid), '-D', images];
  const inFile = await steady.woodfrog([...args, '--config', config], 1);
  assert.match(inFile.stderr, /'--tcp-established'.*options\.conf, line 2/);
  const inLine = await steady.woodfrog([...args, '--tls'], 1);
  assert.match(inLine.stderr, /'--tls'/);
  assert.match((await steady.woodfrog([...args, '--no-such-option'], 2)).stderr, /no-such-option/);
  await program.mustPass();
});

steadyTest('a log folder that is not there is named, and nothing is done', async (steady) => {
  const { pid, images, program } = steady;
  const args = ['dump', '-t', String(pid), '-D', images, '-W', '/no/such', '-o', 'x.log'];
  assert.match((await steady.woodfrog(args, 1)).stderr, /\/no\/such/);
  await program.mustPass();
});
