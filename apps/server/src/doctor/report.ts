import type { Finding } from './finding.ts';

const MARKS = { ok: 'ok  ', warn: 'warn', fail: 'FAIL' } as const;

/** Whether the server can be expected to work as it promises. */
export function isWell(findings: readonly Finding[]): boolean {
  return findings.every(({ status }) => status !== 'fail');
}

/** For people: what is wrong comes last, where it is read first. */
export function reportText(findings: readonly Finding[]): string {
  const order = ['ok', 'warn', 'fail'] as const;
  const lines = order.flatMap((wanted) =>
    findings
      .filter(({ status }) => status === wanted)
      .flatMap(({ check, status, message, fix }) => [
        `${MARKS[status]}  ${check}: ${message}`,
        ...(fix === null ? [] : [`      fix: ${fix}`]),
      ]),
  );
  return `${lines.join('\n')}\n${summaryOf(findings)}\n`;
}

/** One line for programs. */
export function reportJson(findings: readonly Finding[]): string {
  return `${JSON.stringify({ ok: isWell(findings), findings })}\n`;
}

function summaryOf(findings: readonly Finding[]): string {
  const count = (wanted: Finding['status']): number =>
    findings.filter(({ status }) => status === wanted).length;
  return `${count('ok')} ok, ${count('warn')} to be changed, ${count('fail')} wrong`;
}
