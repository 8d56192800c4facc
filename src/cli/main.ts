/** The entry of dist/woodfrog.cjs, which bin/woodfrog loads. */
import { run } from './run.js';

run(process.argv.slice(2), process.env).then((status) => {
  process.exitCode = status;
});
