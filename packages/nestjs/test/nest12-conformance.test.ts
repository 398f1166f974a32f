import { describeAdapter } from '@ezthrottle/testkit/adapter-suite';
import { expect, it } from 'vitest';
import { nestSubject, nestVersion } from './nest-subject.ts';
import { describePlacing } from './placing-cases.ts';

it('is tried on NestJS 12', () => {
  expect(nestVersion()).toMatch(/^12\./);
});

describeAdapter(nestSubject('12', 'Express'));
describeAdapter(nestSubject('12', 'Fastify'));
describePlacing('12');
