import { describeAdapter } from '@ezthrottle/testkit/adapter-suite';
import { nestSubject } from './nest-subject.ts';

describeAdapter(nestSubject('12', 'Express'));
describeAdapter(nestSubject('12', 'Fastify'));
