import { cpus, release, totalmem, type } from 'node:os';
import { shown } from './numbers.ts';

/** Says when and on what the figures below were measured. */
export function printMachine(): void {
  const [first] = cpus();
  const processor = `${cpus().length} × ${first?.model.trim() ?? 'unknown processor'}`;
  const memory = `${shown(totalmem() / 2 ** 30)} GiB`;
  const now = new Date().toISOString().slice(0, 10);
  console.log(`${now}, Node ${process.versions.node}, ${type()} ${release()}`);
  console.log(`${processor}, ${memory}`);
}
