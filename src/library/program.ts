/** The program of Workers and helpers: beside this module and, in the package, beside the bundle that holds it. */
export const WORKER = new URL('./worker.js', import.meta.url);
