import { kernelTest } from '../../support/kernel.js';

const owners = (play: string, name: string, more: object = {}): void =>
  kernelTest({ name, program: 'owners/owners.c', args: [play], rounds: 2, ...more });

owners('kinds', 'owners of descriptors stay: processes, threads, groups, and their signals', {
  criuFails: 'it sets owners before there are threads',
});
owners('async', 'a descriptor with O_ASYNC tells its owner, and by which number');
owners('child', 'a child that owns a descriptor is told');
owners('user', 'an owner that an ordinary user set stays that');
