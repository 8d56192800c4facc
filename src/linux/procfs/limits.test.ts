import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  RLIM_INFINITY,
  RLIMIT_CORE,
  RLIMIT_FSIZE,
  RLIMIT_NICE,
  RLIMIT_NOFILE,
  RLIMIT_RTTIME,
} from '../resource.js';
import { parseLimits } from './limits.js';

// Linux 6.18.
const LIMITS = `Limit                     Soft Limit           Hard Limit           Units     
Max cpu time              unlimited            unlimited            seconds   
Max file size             9223372036854775809  18446744073709551614 bytes     
Max data size             unlimited            unlimited            bytes     
Max stack size            8388608              unlimited            bytes     
Max core file size        0                    unlimited            bytes     
Max resident set          unlimited            unlimited            bytes     
Max processes             96365                96365                processes 
Max open files            1024                 20000                files     
Max locked memory         8388608              8388608              bytes     
Max address space         unlimited            unlimited            bytes     
Max file locks            unlimited            unlimited            locks     
Max pending signals       96365                96365                signals   
Max msgqueue size         819200               819200               bytes     
Max nice priority         40                   0                    
Max realtime priority     0                    0                    
Max realtime timeout      unlimited            unlimited            us        
`;

test('each limit stands at its number', () => {
  const limits = parseLimits(LIMITS);
  assert.equal(limits.length, 16);
  assert.deepEqual(limits[RLIMIT_CORE], { soft: 0n, hard: RLIM_INFINITY });
  assert.deepEqual(limits[RLIMIT_NOFILE], { soft: 1024n, hard: 20000n });
  assert.deepEqual(limits[RLIMIT_NICE], { soft: 40n, hard: 0n });
  assert.deepEqual(limits[RLIMIT_RTTIME], { soft: RLIM_INFINITY, hard: RLIM_INFINITY });
});

test('limits above 2^53 are exact', () => {
  const limit = parseLimits(LIMITS)[RLIMIT_FSIZE];
  assert.deepEqual(limit, { soft: 9223372036854775809n, hard: 18446744073709551614n });
});

test('an unknown, missing or broken limit is refused', () => {
  assert.throws(
    () => parseLimits(LIMITS.replace('Max file locks', 'Max new locks ')),
    /Max new locks/,
  );
  assert.throws(() => parseLimits(LIMITS.replace(/Max cpu.*\n/, '')), /no Max cpu time/);
  assert.throws(() => parseLimits(LIMITS.replace('1024 ', 'many ')), /Max open files/);
  assert.throws(() => parseLimits(''), /no Max cpu time/);
});
