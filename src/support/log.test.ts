import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { formatLine, LOG_DEBUG, LOG_ERROR, LOG_INFO, LOG_NOTHING, LOG_WARN, Log } from './log.js';

function inFolder(fn: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'woodfrog-log-'));
  try {
    fn(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('a line carries time, pid and part, the time from level 3 on', () => {
  const text = 'Error (woodfrog/dump): no';
  assert.equal(formatLine({ text, pid: undefined, ms: 1.234 }, LOG_DEBUG), `(00.001234) ${text}\n`);
  assert.equal(
    formatLine({ text, pid: 42, ms: 61_000 }, LOG_INFO),
    `(61.000000)     42: ${text}\n`,
  );
  assert.equal(formatLine({ text, pid: undefined, ms: 5 }, LOG_WARN), `${text}\n`);
  assert.equal(formatLine({ text: 'a\nb', pid: 7, ms: 0 }, LOG_WARN), '     7: a\n     7: b\n');
});

test('what was said before the log is open is written too, at its level', () => {
  inFolder((folder) => {
    const file = join(folder, 'x.log');
    const log = new Log();
    log.info('a', 'early');
    log.debug('a', 'too much');
    log.open({ level: LOG_INFO, file });
    log.error('dump', 'bad');
    log.warn('dump', 'hm');
    assert.match(
      readFileSync(file, 'utf8'),
      /^\(\d\d\.\d{6}\) a: early\n\(\d\d\.\d{6}\) Error \(woodfrog\/dump\): bad\n\(.*\) Warn {2}\(woodfrog\/dump\): hm\n$/,
    );
    assert.equal(statSync(file).mode & 0o777, 0o600);
    log.close();
  });
});

test('the level bounds what is written', () => {
  for (const [level, expected] of [
    [LOG_NOTHING, 0],
    [LOG_ERROR, 1],
    [LOG_WARN, 2],
    [LOG_INFO, 3],
    [LOG_DEBUG, 4],
  ] as const) {
    inFolder((folder) => {
      const file = join(folder, 'x.log');
      const log = new Log();
      log.open({ level, file });
      assert.equal(log.enabled(LOG_DEBUG), level === LOG_DEBUG);
      log.error('x', '1');
      log.warn('x', '2');
      log.info('x', '3');
      log.debug('x', '4');
      assert.equal(readFileSync(file, 'utf8').split('\n').length - 1, expected);
      log.close();
    });
  }
});

test('a task can have a log of its own', () => {
  inFolder((folder) => {
    const log = new Log();
    log.open({ level: LOG_WARN, file: join(folder, 'x.log'), perTask: true });
    log.task(12).warn('x', 'one');
    log.task(12).warn('x', 'two');
    log.warn('x', 'all');
    log.close();
    assert.deepEqual(readdirSync(folder).sort(), ['x.log', 'x.log.12']);
    assert.equal(readFileSync(join(folder, 'x.log.12'), 'utf8').split('\n').length - 1, 2);
  });
});

test('a log that cannot be created is refused; one that cannot be written says so and disturbs nothing', () => {
  assert.throws(
    () => new Log().open({ level: LOG_WARN, file: '/nonexistent/x.log' }),
    /Cannot create log file '\/nonexistent\/x.log': ENOENT/,
  );
  const log = new Log();
  log.open({ level: LOG_WARN, file: '/dev/full' });
  log.error('x', 'lost');
  assert.equal(log.failure, 'ENOSPC');
  log.close();
});
