// pnpm bench sdk [--quick] [--only sizes,compile,verify,frugal]
//
// Measures the SDK and its peers in the same run, round by round in turn, by processor time.

import { execFileSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { printMachine } from '../machine.ts';
import { printBundleSizes } from './bundle-sizes.ts';
import { printCompileTimes } from './compile-times.ts';
import { printFrugalCost } from './frugal-cost.ts';
import { printVerificationTimes } from './verification-times.ts';

const BENCHMARKS: Readonly<Record<string, (isQuick: boolean) => Promise<void>>> = {
  sizes: printBundleSizes,
  compile: printCompileTimes,
  verify: printVerificationTimes,
  frugal: printFrugalCost,
};

const { values } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, only: { type: 'string' } },
});
const asked = values.only?.split(',') ?? Object.keys(BENCHMARKS);
const unknown = asked.filter((name) => BENCHMARKS[name] === undefined);
if (unknown.length > 0) {
  const known = Object.keys(BENCHMARKS).join(', ');
  console.error(`usage: bench sdk [--quick] [--only <benchmark>,…]   benchmarks: ${known}`);
  process.exit(2);
}
const [only] = asked;
if (asked.length === 1 && only !== undefined) {
  printMachine();
  await BENCHMARKS[only]?.(values.quick);
} else {
  // Each in a process of its own: what one has compiled for itself would slow the next one down.
  const [main = ''] = process.argv.slice(1);
  for (const name of asked) {
    const options = ['sdk', '--only', name, ...(values.quick ? ['--quick'] : [])];
    execFileSync(process.execPath, [...process.execArgv, main, ...options], { stdio: 'inherit' });
    console.log();
  }
}
