import type { TemporarySchema } from '../temporary-postgres-store.ts';

/** One step of a plan, as PostgreSQL tells it. */
export interface Step {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly Plans?: readonly Step[];
}

/** All steps of a statement's plan, the outermost first. */
export async function stepsOf(
  place: TemporarySchema,
  sql: string,
  values: readonly unknown[],
): Promise<readonly Step[]> {
  const text = sql.replaceAll(/\{(\w+)\}/g, '$1');
  const [row] = await place.query(`EXPLAIN (FORMAT JSON) ${text}`, values);
  const [{ Plan: plan }]: [{ readonly Plan: Step }] = Object(row)['QUERY PLAN'];
  const flat = (step: Step): readonly Step[] => [step, ...(step.Plans ?? []).flatMap(flat)];
  return flat(plan);
}

/** Tables that are walked through. */
export function scanned(steps: readonly Step[]): readonly (string | undefined)[] {
  return steps
    .filter((step) => step['Node Type'] === 'Seq Scan')
    .map((step) => step['Relation Name']);
}
