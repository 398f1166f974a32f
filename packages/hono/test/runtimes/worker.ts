import type { Hono } from 'hono';
import { remoteSuite } from './remote-suite.ts';

const remote: Hono = remoteSuite();

// oxlint-disable-next-line import/no-default-export -- workerd finds a worker by it.
export default remote;
