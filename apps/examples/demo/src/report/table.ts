/** One scenario's line in the table at the end. */
export interface ScenarioReport {
  readonly scenario: string;
  readonly passed: boolean;
  readonly expected: string;
  readonly happened: string;
  readonly differences: readonly string[];
  readonly milliseconds: number;
}

/** The table a person reads: a line per scenario, what differed below it. */
export function renderTable(reports: readonly ScenarioReport[], colour: boolean): string {
  const headings = ['', 'scenario', 'expected', 'happened', 'time'] as const;
  const rows = reports.map(
    (report) =>
      [
        report.passed ? '✔' : '✘',
        report.scenario,
        report.expected,
        report.happened,
        `${(report.milliseconds / 1_000).toFixed(1)} s`,
      ] as const,
  );
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  const body = reports.flatMap((report, index) => {
    const text = line(rows[index] ?? []);
    const code = report.passed ? 32 : 31;
    const differences = report.differences.map((difference) => `     ${difference}`);
    return [colour ? `\u001b[${code}m${text}\u001b[0m` : text, ...differences];
  });
  return [line(headings), line(widths.map((width) => '─'.repeat(width))), ...body].join('\n');
}
