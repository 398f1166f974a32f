import { describeAdapter } from '@ezthrottle/testkit/adapter-suite';
import { Hono } from 'hono';
import { Hono as FirstHono } from 'hono-first';
import { lambdaSubject } from './lambda-subject.ts';
import { nodeSubject } from './node-subject.ts';

describeAdapter(nodeSubject('4', Hono));
// It keeps what it has parsed, not what it was parsed from: that is named, never written again.
describeAdapter(
  nodeSubject('4.0.0', FirstHono, {
    'c.req.json()': { contentType: 'application/json', says: [/c\.req\.json\(\)/] },
    'c.req.parseBody()': {
      contentType: 'application/x-www-form-urlencoded',
      says: [/c\.req\.parseBody\(\)/],
    },
  }),
);
describeAdapter(lambdaSubject('plain'));
describeAdapter(lambdaSubject('base64'));
