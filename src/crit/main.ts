/** The entry of dist/crit.cjs, which bin/crit loads. */
import { run } from './run.js';

process.exitCode = run(process.argv.slice(2));
