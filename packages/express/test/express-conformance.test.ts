import { describeAdapter } from '@ezthrottle/testkit/adapter-suite';
import express5 from 'express';
import express4 from 'express4';
import { expressSubject, type Mount } from './express-subject.ts';

const asMiddleware: Mount = (router, webhook) => router.use('/hook', webhook);
const asRoute: Mount = (router, webhook) => router.all('/hook', webhook);

describeAdapter(expressSubject('Express 4, app.use', express4, asMiddleware));
describeAdapter(expressSubject('Express 4, a route', express4, asRoute));
describeAdapter(expressSubject('Express 5, app.use', express5, asMiddleware));
describeAdapter(expressSubject('Express 5, a route', express5, asRoute));
