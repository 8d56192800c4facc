import { kernelTest } from '../../support/kernel.js';

kernelTest({
  name: 'BPF arrays and hashes keep their elements',
  program: 'bpf/maps.c',
  rounds: 2,
  // The number of a map, and the memory that a hash takes at the moment.
  ignore: [/fdinfo\/([3-9]|10)$/],
  criuFails: 'it is built without libbpf',
});
