import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * Milliseconds of processor time that some processes have used so far; null where it cannot be told.
 *
 * @param options.withEnded Also what those have used that they had started, and that have ended.
 */
export function cpuTimeMs(
  processIds: readonly number[],
  options: { readonly withEnded?: boolean } = {},
): number | null {
  if (process.platform !== 'linux' || processIds.length === 0) return null;
  const ticks = processIds.map((id) => {
    const line = readFileSync(`/proc/${id}/stat`, 'utf8');
    // The second field is the program's name in brackets and may hold anything; the rest are numbers.
    const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
    const ended = options.withEnded === true ? Number(fields[13]) + Number(fields[14]) : 0;
    return Number(fields[11]) + Number(fields[12]) + ended;
  });
  return (ticks.reduce((sum, each) => sum + each, 0) * 1000) / ticksPerSecond();
}

let known = 0;

function ticksPerSecond(): number {
  known ||= Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
  return known;
}
