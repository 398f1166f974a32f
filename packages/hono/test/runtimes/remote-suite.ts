import type { Question, SubjectSettings } from '@ezthrottle/testkit/adapter-suite';
import {
  receiverUnderTest,
  type ReceiverUnderTest,
} from '@ezthrottle/testkit/adapter-suite/receiver';
import { Hono } from 'hono';
import { suiteApp } from '../suite-app.ts';

/** What a case of the suite wants, as it comes over the wire. */
export interface RemoteStart {
  readonly settings: SubjectSettings;
  readonly prefix?: string;
  readonly parser?: string;
}

interface Run {
  readonly app: Hono;
  readonly subject: ReceiverUnderTest;
}

/**
 * Runs the suite's app in the runtime that serves it: `POST /runs` starts one and tells its number,
 * `POST /ask/<number>/<question>` asks its receiver, and everything else goes to the one started last.
 */
export function remoteSuite(): Hono {
  const runs: Run[] = [];
  const host = new Hono();
  host.use(async (_context, next) => keptAwake(next));
  host.post('/runs', async (context) => {
    const { settings, ...mounting }: RemoteStart = await context.req.json();
    const subject = receiverUnderTest(settings);
    const app = suiteApp({ ...mounting, receiver: subject.options });
    const number = runs.push({ app, subject }) - 1;
    return context.json({ number });
  });
  host.post('/ask/:number/:question', async (context) => {
    const { number, question } = context.req.param();
    const answer = await runs[Number(number)]?.subject.ask(questionOf(question));
    return context.json({ answer: answer ?? null });
  });
  host.all('*', (context) => runs.at(-1)?.app.fetch(context.req.raw) ?? context.notFound());
  return host;
}

/** workerd ends a request that waits for another request only; a timer is something of its own. */
async function keptAwake(work: () => Promise<void>): Promise<void> {
  const timer = setInterval(() => undefined, 10);
  try {
    await work();
  } finally {
    clearInterval(timer);
  }
}

function questionOf(text: string): Question {
  const known = (['record', 'arrival', 'open', 'deadline'] as const).find((each) => each === text);
  if (known === undefined) throw new Error(`nobody asks ${text}`);
  return known;
}
