import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describeAdapter } from '@ezthrottle/testkit/adapter-suite';
import { afterAll, expect, it } from 'vitest';
import type * as placing from './placing-cases.ts';
import type * as subjects from './nest-subject.ts';

/**
 * A copy of the sources beside NestJS 11. Its packages find each other by their names only, so it needs
 * a `node_modules` of its own, and a module is looked up from where it stands.
 */
const copy = join(import.meta.dirname, `nest11/.cache/${process.pid}`);
for (const part of ['src', 'test/nest-subject.ts', 'test/placing-cases.ts']) {
  cpSync(join(import.meta.dirname, '..', part), join(copy, part), { recursive: true });
}
afterAll(() => rmSync(copy, { recursive: true, force: true }));

const { nestSubject, nestVersion }: typeof subjects = await import(
  join(copy, 'test/nest-subject.ts')
);
const { describePlacing }: typeof placing = await import(join(copy, 'test/placing-cases.ts'));

it('is tried on NestJS 11', () => {
  expect(nestVersion()).toMatch(/^11\./);
});

describeAdapter(nestSubject('11', 'Express'));
describeAdapter(nestSubject('11', 'Fastify'));
describePlacing('11');
