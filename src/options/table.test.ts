import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COMMANDS } from './commands.js';
import { helpText } from './help.js';
import { OPTIONS, optionNamed } from './table.js';

/** The long options of CRIU 4.2: `!` can be negated, `=` takes an argument, `?` may take one. */
const CRIU_OPTIONS = `
  tree= leave-stopped leave-running restore-detached! restore-sibling! daemon! images-dir= work-dir= log-file=
  join-ns= root= help close= log-pid! version evasive-devices! pidfile= veth-pair= action-script= page-server!
  address= port= prev-images-dir= ms track-mem! auto-dedup! libdir= cpu-cap? force-irmap! ext-mount-map= exec-cmd
  manage-cgroups? cgroup-root= inherit-fd= feature= skip-mnt= enable-fs= enable-external-sharing
  enable-external-masters freeze-cgroup= ghost-limit= irmap-scan-path= lsm-profile= timeout= external= empty-ns=
  lazy-pages extra! experimental! all cgroup-props= cgroup-props-file= cgroup-dump-controller= deprecated!
  display-stats! weak-sysctls! status-fd= verbosity? ps-socket= stream! config= no-default-config tls-cacert=
  tls-cacrl= tls-cert= tls-key= tls! tls-no-cn-verify cgroup-yard= pre-dump-mode= file-validation=
  skip-file-rwx-check! lsm-mount-context= network-lock= mntns-compat-mode! unprivileged! ghost-fiemap! ext-unix-sk?
  tcp-established! link-remap! shell-job! file-locks! skip-in-flight! tcp-close! allow-uprobes!
`;

test('every option of CRIU 4.2 is in the table, as CRIU parses it', () => {
  const expected = CRIU_OPTIONS.trim().split(/\s+/);
  assert.equal(expected.length, 85);
  const marks = { none: '', required: '=', optional: '?' };
  const actual = OPTIONS.filter(({ own }) => !own).map(
    ({ name, argument, negatable }) => `${name}${negatable ? '!' : marks[argument]}`,
  );
  assert.deepEqual([...actual].sort(), [...expected].sort());
});

test("CRIU's letters are there", () => {
  const letters = OPTIONS.filter(({ own }) => !own)
    .flatMap(({ short, name }) => (short ? [`${short} ${name}`] : []))
    .sort();
  assert.deepEqual(letters, [
    'D images-dir',
    'J join-ns',
    'L libdir',
    'M ext-mount-map',
    'R leave-running',
    'S restore-sibling',
    'V version',
    'W work-dir',
    'd restore-detached',
    'h help',
    'j shell-job',
    'l file-locks',
    'o log-file',
    'r root',
    's leave-stopped',
    't tree',
    'v verbosity',
    'x ext-unix-sk',
  ]);
});

test('each row is complete: no name twice, known commands, a reason for what is to come', () => {
  const names = OPTIONS.flatMap(({ name, negatable }) =>
    negatable ? [name, `no-${name}`] : [name],
  );
  assert.deepEqual(names.length, new Set(names).size);
  const commands = new Set(COMMANDS.map(({ name }) => name));
  for (const { name, commands: of, feature, belongsTo, argument, placeholder, help } of OPTIONS) {
    assert.ok(of.length > 0 && of.every((command) => commands.has(command)), name);
    assert.equal(feature === 'later', belongsTo !== undefined, name);
    if (belongsTo) assert.match(belongsTo, /, which woodfrog (cannot|does not) .* yet$/);
    assert.equal(argument === 'none', placeholder === undefined, name);
    assert.ok(help.length > 0 && !help.endsWith('.'), name);
  }
});

test('rpc fields stand once each', () => {
  const fields = OPTIONS.flatMap(({ rpc }) => rpc ?? []);
  assert.equal(fields.length, new Set(fields).size);
  assert.equal(optionNamed('tree').rpc, 'pid');
});

test('help shows every option that exists, and names those to come', () => {
  const text = helpText();
  for (const { name, hidden } of OPTIONS) {
    if (hidden) assert.doesNotMatch(text, new RegExp(`--${name}\\b(?!-)`));
    else assert.match(text, new RegExp(`--(\\[no-\\])?${name}\\b`));
  }
  for (const line of text.split('\n')) assert.ok(line.length <= 110, line);
  assert.match(helpText('restore'), /--\[no-\]restore-detached/);
  assert.doesNotMatch(helpText('restore'), /--leave-running/);
  assert.match(helpText('swrk'), /does not exist yet/);
});
