import { describeAdapter } from '@ezthrottle/testkit/adapter-suite';
import { lambdaSubject } from './lambda-subject.ts';
import { honoOnNode } from './node-subject.ts';

describeAdapter(honoOnNode);
describeAdapter(lambdaSubject('plain'));
describeAdapter(lambdaSubject('base64'));
