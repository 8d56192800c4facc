import { kernelTest } from '../../support/kernel.js';

const owners = (play: string, name: string): void =>
  kernelTest({ name, program: 'owners/owners.c', args: [play], rounds: 2 });

owners('kinds', 'owners of descriptors stay: processes, threads, groups, and their signals');
owners('async', 'a descriptor with O_ASYNC tells its owner, and by which number');
owners('child', 'a child that owns a descriptor is told');
owners('user', 'an owner that an ordinary user set stays that');
