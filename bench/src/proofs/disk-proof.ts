import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import {
  type DiskOptions,
  type DiskReport,
  proveDisk,
  smallFiles,
} from '../../../apps/server/test/proofs/disk.ts';
import { injector, whyNoTrace } from '../../../apps/server/test/proofs/system-trace.ts';
import { percentileOf, shown } from '../numbers.ts';
import { asked, type Finding, type Proof, type ProofSetting, reported } from './proof.ts';

const REFUSED = '503 unavailable';
const LONGEST_MS = 60_000;

export const diskProof: Proof = {
  key: 'disk',
  title: 'bad disks: 16 clients submit, a quarter of the jobs runs at once',
  async run(setting) {
    const findings = [...(await smallDisk(setting)), ...(await smallFile(setting))];
    const why = whyNoTrace();
    if (why !== null) return [...findings, reported('slow and failing flushes: not tried', why)];
    return [...findings, ...(await failingFlush(setting)), ...(await slowFlush(setting))];
  },
};

async function smallDisk({ program, folder }: ProofSetting): Promise<readonly Finding[]> {
  const place = folder('full-disk');
  if (process.getuid?.() !== 0)
    return [reported('a full tmpfs: not tried', 'only root may mount one')];
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=32m', 'none', place]);
  try {
    const mend = (): void => void execFileSync('mount', ['-o', 'remount,size=128m', place]);
    return fullFindings(
      'a tmpfs of 32 MiB',
      await prove({ program, folder: place, before: [], mend }),
    );
  } finally {
    execFileSync('umount', [place]);
  }
}

async function smallFile({ program, folder }: ProofSetting): Promise<readonly Finding[]> {
  const before = smallFiles(16_384);
  return fullFindings(
    'files of 16 MiB',
    await prove({ program, folder: folder('small-files'), before }),
  );
}

async function failingFlush({ program, folder }: ProofSetting): Promise<readonly Finding[]> {
  const place = folder('failing-flush');
  const before = injector('fsync,fdatasync:error=EIO:when=1000+', join(place, 'trace'));
  return fullFindings(
    'EIO at each flush from the 1 000th',
    await prove({ program, folder: place, before }),
  );
}

async function slowFlush({ program, folder, isQuick }: ProofSetting): Promise<readonly Finding[]> {
  const longestMs = isQuick ? 3_000 : 10_000;
  const findings: Finding[] = [];
  for (const [name, micros] of [
    ['5 ms', 5_000],
    ['no delay, traced alike', 1],
  ] as const) {
    const place = folder('slow-flush');
    const before = injector(`fsync,fdatasync:delay_exit=${micros}`, join(place, 'trace'));
    const report = await prove({ program, folder: place, before, longestMs, clients: 64 });
    const { accepted, seconds, latenciesMs } = report.submits;
    findings.push(
      reported(`flush ${name}: submits a second`, shown(accepted.length / seconds)),
      reported(`flush ${name}: p50 and p99, ms`, latencies(latenciesMs)),
      lostOf(`flush ${name}, then killed`, report),
    );
  }
  return findings;
}

function prove(
  options: Omit<DiskOptions, 'longestMs'> & { readonly longestMs?: number },
): Promise<DiskReport> {
  return proveDisk({ longestMs: LONGEST_MS, ...options });
}

function fullFindings(name: string, report: DiskReport): readonly Finding[] {
  const { submits, ended, said } = report;
  const answers = [...submits.answers].map(([word, times]) => `${times} × ${word}`).join(', ');
  const isClear = [...submits.answers.keys()].every((word) => word === '201' || word === REFUSED);
  const words = said.trim().split('\n').at(-1) ?? '';
  return [
    lostOf(name, report),
    asked(`${name}: answers`, answers, '201 and 503', isClear),
    reported(`${name}: requests without an answer`, `${submits.broken}`),
    asked(`${name}: the process ends with`, `${ended}`, '1', ended === 1),
    reported(
      `${name}: last words`,
      words.replace('ezthrottle: the store failed, stopping at once: ', ''),
    ),
  ];
}

function lostOf(name: string, { submits, lost }: DiskReport): Finding {
  const measured = `${lost.length} of ${submits.accepted.length}`;
  return asked(`${name}: accepted and lost`, measured, '0', lost.length === 0);
}

function latencies(values: readonly number[]): string {
  return `${shown(percentileOf(values, 0.5))}, ${shown(percentileOf(values, 0.99))}`;
}
