/** What is measured, and how often. */

export interface Workload {
  name: string;
  args: readonly string[];
  /** Runs that count, after a first one that does not. */
  runs: number;
}

export const workloads: readonly Workload[] = [
  { name: 'idle loop', args: ['idle'], runs: 7 },
  { name: '100 processes', args: ['tree', '100'], runs: 5 },
  { name: '1,000 threads', args: ['threads', '1000'], runs: 5 },
  { name: '256 MiB', args: ['memory', '256'], runs: 5 },
  { name: '1 GiB', args: ['memory', '1024'], runs: 3 },
  { name: '5,000 mappings', args: ['mappings', '5000'], runs: 5 },
  { name: '1,000 files', args: ['files', '1000'], runs: 5 },
  { name: '1,000 files, mixed kinds', args: ['mixed', '1000'], runs: 5 },
];
