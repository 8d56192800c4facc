import { kernelTest } from '../../support/kernel.js';

kernelTest({
  name: 'pipes keep data, capacity, flags and closed ends',
  program: 'pipes/pipes.c',
  rounds: 2,
});

const criuFails = 'packet mode is refused';
for (const [play, name] of [
  ['packets', 'a pipe in packet mode keeps its packets apart'],
  ['mixed', 'packets and plain bytes in one pipe stay what they are'],
  ['opened', 'packets in a FIFO, and from another description of an end, stay apart'],
] as const) {
  kernelTest({ name, program: 'pipes/packets.c', args: [play], rounds: 2, criuFails });
}
