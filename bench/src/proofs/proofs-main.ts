// pnpm bench proofs [--quick] [--only rate,crash,memory,fairness,convergence,disk,redrive,fuzz,explain,chaos]
//
// What the engine promises, tried from outside on the real server process, at full size; `npm test`
// holds small versions of the same.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { printMachine } from '../machine.ts';
import { tableOf } from '../numbers.ts';
import { chaosProof } from './chaos-proof.ts';
import { convergenceProof } from './convergence-proof.ts';
import { crashProof } from './crash-proof.ts';
import { diskProof } from './disk-proof.ts';
import { explainProof } from './explain-proof.ts';
import { fairnessProof } from './fairness-proof.ts';
import { fuzzProof } from './fuzz-proof.ts';
import { memoryProof } from './memory-proof.ts';
import type { Finding, Proof } from './proof.ts';
import { rateProof } from './rate-proof.ts';
import { redriveProof } from './redrive-proof.ts';

const PROOFS: readonly Proof[] = [
  rateProof,
  crashProof,
  diskProof,
  memoryProof,
  fairnessProof,
  convergenceProof,
  fuzzProof,
  redriveProof,
  explainProof,
  chaosProof,
];

const { values } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, only: { type: 'string' } },
});
const wanted = values.only?.split(',') ?? PROOFS.map(({ key }) => key);
if (wanted.some((key) => !PROOFS.some((proof) => proof.key === key))) {
  console.error('usage: bench proofs [--quick] [--only <proof>,…]');
  console.error(`proofs: ${PROOFS.map(({ key }) => key).join(', ')}`);
  process.exit(2);
}

const folders: string[] = [];
const program = [
  fileURLToPath(
    new URL('./dist/cli/main.js', import.meta.resolve('@ezthrottle/server/package.json')),
  ),
];
let missed = 0;
printMachine();
try {
  for (const proof of PROOFS.filter(({ key }) => wanted.includes(key))) {
    const startedAt = performance.now();
    const findings = await proof.run({ program, folder, isQuick: values.quick });
    missed += findings.filter(({ holds }) => holds === false).length;
    const seconds = Math.round((performance.now() - startedAt) / 1_000);
    console.log(`\n${proof.key}: ${proof.title} (${seconds} s)\n\n${tableOf(findings.map(row))}`);
  }
} finally {
  for (const path of folders) rmSync(path, { recursive: true, force: true });
}
console.log(missed === 0 ? '\nall of it holds' : `\n${missed} missed`);

function folder(name: string): string {
  const path = mkdtempSync(join(tmpdir(), `ezthrottle-proof-${name}-`));
  folders.push(path);
  return path;
}

function row({ what, measured, asked, holds }: Finding): readonly string[] {
  return [what, measured, asked, holds === null ? '' : holds ? 'holds' : 'MISSED'];
}
