/** Who is the parent of the restored root task: a command (--exec-cmd), or woodfrog's parent (-S). */
import assert from 'node:assert/strict';
import { isAlive, procStatus, stateOf } from '../../support/proc.js';
import { Tool, tool } from '../../support/tool.js';
import { type Steady, steadyTest } from './steady.js';

/** Runs a line of shell that may call woodfrog as $0. */
function shell(steady: Steady, script: string) {
  return new Tool('/bin/sh').run(['-c', script, tool.path], { cwd: steady.program.dir });
}

const EXEC = ['-d', '--exec-cmd', '--'];

steadyTest('--exec-cmd: the command is the parent, and collects the tasks', async (steady) => {
  await steady.dump();
  steady.program.release();
  const run = await steady.woodfrog(
    ['restore', '-D', steady.images, ...EXEC, 'perl', '-e', COLLECT],
    7,
  );
  assert.match(run.stdout, new RegExp(`^collected ${steady.pid} with 0\n$`));
  assert.match(steady.program.output(), /PASS\n$/);
});

const COLLECT = 'my $pid = wait(); print "collected $pid with $?\\n"; exit 7';

const SHOW = 'printf "%s|" "$@"; echo; echo error >&2; grep SigIgn /proc/self/status';

steadyTest('--exec-cmd: arguments, streams and signals reach the command', async (steady) => {
  await steady.dump();
  const run = await steady.woodfrog([
    ...['restore', '-D', steady.images, ...EXEC, 'sh', '-c', SHOW, 'sh', 'a b', '', '--json'],
  ]);
  assert.equal(run.stdout, 'a b||--json|\nSigIgn:\t0000000000000000\n');
  assert.equal(run.stderr, 'error\n');
  await steady.program.mustPass();
});

steadyTest(
  '--exec-cmd: a command that cannot be run is named; the tree runs on',
  async (steady) => {
    await steady.dump();
    const args = ['restore', '-D', steady.images, ...EXEC, '/no/such/program'];
    const { stderr } = await steady.woodfrog(args, 1);
    assert.match(stderr, /'\/no\/such\/program' cannot be run: execve: ENOENT/);
    assert.ok(isAlive(steady.pid));
    await steady.program.mustPass();
  },
);

steadyTest('--exec-cmd without a command is a wrong call', async (steady) => {
  await steady.dump();
  const { stderr } = await steady.woodfrog(['restore', '-D', steady.images, '--exec-cmd'], 2);
  assert.match(stderr, /'--exec-cmd' has no command/);
  assert.equal(stateOf(steady.pid), undefined);
});

steadyTest('-S: the root task is a child of the caller', async (steady) => {
  await steady.dump();
  const { pid, images } = steady;
  const script = `"$0" restore -D ${images} -d -S || exit; grep PPid: /proc/${pid}/status; echo $$`;
  const run = await shell(steady, script);
  const [parent, self] = run.stdout.trimEnd().split('\n');
  assert.equal(parent, `PPid:\t${self}`, run.stderr);
  await steady.program.mustPass();
});

steadyTest('-d: the root task belongs to nobody of ours', async (steady) => {
  await steady.dump();
  const { pid, images } = steady;
  const script = `"$0" restore -D ${images} -d || exit; grep PPid: /proc/${pid}/status; echo $$`;
  const [parent, self] = (await shell(steady, script)).stdout.trimEnd().split('\n');
  assert.notEqual(parent, `PPid:\t${self}`);
  assert.equal(procStatus(pid).get('PPid'), String(process.pid), 'the reaper has it');
  await steady.program.mustPass();
});

steadyTest('-S without -d is a wrong call', async (steady) => {
  await steady.dump();
  const { stderr } = await steady.woodfrog(['restore', '-D', steady.images, '-S'], 2);
  assert.match(stderr, /'--restore-sibling' only works with '--restore-detached'/);
  assert.equal(stateOf(steady.pid), undefined);
});
