// One app with one webhook, in a process of its own: says its port, and its processor time when asked.

import { inputOfChild, say } from '../processes/child.ts';
import { ownCpuTime } from '../sdk/rounds.ts';
import type { Way } from './framework.ts';
import { FRAMEWORKS } from './frameworks.ts';

const { framework, way } = inputOfChild<{ framework: string; way: Way }>();
const ways = await FRAMEWORKS[framework]?.();
const start = ways?.[way];
if (start === undefined) throw new Error(`${framework} has no way called ${way}`);
say({ port: await start() });
process.on('message', () => say({ cpuTime: ownCpuTime() }));
