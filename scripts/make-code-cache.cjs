// node make-code-cache.cjs CACHE PROGRAM ARGUMENT...: runs a program of bin/ and, when it ends, stores what V8 has
// compiled of it, in whichever form bin/ handed it to V8.
const { writeFileSync } = require('node:fs');
const v8 = require('node:v8');
const vm = require('node:vm');

const [cache, program, ...args] = process.argv.slice(2);
const { Script } = vm;
vm.Script = class extends Script {
  constructor(...given) {
    super(...given);
    process.on('exit', () => writeFileSync(cache, this.createCachedData()));
  }
};
// A cache fits the flags of V8 it was made with: those with which it is read.
v8.setFlagsFromString = () => undefined;
process.argv.splice(1, process.argv.length, program, ...args);
require(program);
