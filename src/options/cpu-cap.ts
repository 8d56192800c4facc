/** --cpu-cap: what of the processor is recorded by a dump, and must be there at a restore. criu(8). Pure. */
import { usage } from '../support/errors.js';
import type { Settings } from './settings.js';

/** 'fpu': its extended registers; 'ins': its instructions; 'cpu': every feature, neither less nor more. */
export type CpuCap = 'fpu' | 'ins' | 'cpu';

const ALL: readonly CpuCap[] = ['fpu', 'ins', 'cpu'];
const DEFAULT: readonly CpuCap[] = ['fpu', 'ins'];

/** A list of names with commas between them; a name with ^ is taken away again, at first from the default. */
export function parseCpuCaps(text: string): CpuCap[] {
  if (text === '') return [...ALL];
  const names = text.split(',');
  const caps = new Set<CpuCap>(names[0]?.startsWith('^') ? DEFAULT : []);
  for (const name of names) {
    const isOff = name.startsWith('^');
    const plain = isOff ? name.slice(1) : name;
    if (plain === 'none' && !isOff) caps.clear();
    else for (const cap of namedCaps(plain)) caps[isOff ? 'delete' : 'add'](cap);
  }
  return ALL.filter((cap) => caps.has(cap));
}

function namedCaps(name: string): readonly CpuCap[] {
  if (name === 'all') return ALL;
  const cap = ALL.find((one) => one === name);
  if (cap !== undefined) return [cap];
  throw usage(`Option '--cpu-cap' has the value '${name}'`, {
    remedy:
      'it is a list of cpu, fpu, ins, all and none, each but none with ^ before it or without',
  });
}

/** undefined: the option was not given. */
export function cpuCapsFrom(settings: Settings): { cpuCaps?: CpuCap[] } {
  const text = settings.text('cpu-cap');
  return text === undefined ? {} : { cpuCaps: parseCpuCaps(text) };
}
