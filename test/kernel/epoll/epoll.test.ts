import { type KernelTest, kernelTest } from '../../support/kernel.js';

const cases: [play: string, name: string, more?: Partial<KernelTest>][] = [
  [
    'modes',
    'epoll keeps level, edge, one-shot and exclusive targets',
    { criuFails: 'it arms one-shot targets that have fired for errors and hang-ups' },
  ],
  ['nested', 'epoll instances watch one another, timers and signals'],
  ['waiting', 'a child that waits in epoll_wait goes on waiting'],
  [
    'moved',
    'epoll keeps targets whose number is closed or stands for something else',
    // A number above all that are open is not kept: the kernel's report has no number in it.
    {
      ignore: [/fdinfo\/3$/],
      criuFails: 'it adds a target under a number that leads to it',
    },
  ],
  [
    'child',
    'epoll keeps a target that only a child has open',
    { criuFails: 'it looks for targets in one process alone' },
  ],
  ['many', 'epoll keeps hundreds of targets apart'],
];

for (const [play, name, more] of cases) {
  kernelTest({ name, program: 'epoll/epoll.c', args: [play], rounds: 2, ...more });
}
