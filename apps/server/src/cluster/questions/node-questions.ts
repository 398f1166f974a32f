import type { Id } from '@ezthrottle/engine';
import { Agent, request } from 'undici';
import type { CallingPeer } from '../calls/remote-calls.ts';
import type { NodeEnvelope } from '../calls/node-envelope.ts';

/** Where a node answers what only it knows. */
export const QUESTIONS_PATH = '/cluster/v1/questions';

/** Why a job waits whose line another node has. */
export interface NodeQuestion {
  readonly from: Id;
  readonly type: 'explain';
  readonly organization: Id;
  readonly jobId: Id;
}

export interface NodeQuestions {
  /** Null: no answer came, for whatever reason. */
  ask(peer: CallingPeer, question: Omit<NodeQuestion, 'from'>): Promise<object | null>;
  close(): Promise<void>;
}

/** Somebody waits for it. */
const ANSWER_MS = 5_000;

export function createNodeQuestions(options: {
  readonly self: Id;
  readonly envelope: NodeEnvelope;
}): NodeQuestions {
  const { self, envelope } = options;
  const agent = new Agent({
    connect: { timeout: ANSWER_MS },
    headersTimeout: ANSWER_MS,
    bodyTimeout: ANSWER_MS,
  });
  return {
    async ask({ node, url }, question) {
      try {
        const { statusCode, body } = await request(`${url}${QUESTIONS_PATH}`, {
          method: 'POST',
          dispatcher: agent,
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(envelope.seal('question', node, { ...question, from: self })),
        });
        const text = await body.text();
        const answer = statusCode === 200 ? envelope.open('answer', JSON.parse(text)) : null;
        return typeof answer === 'object' ? answer : null;
      } catch {
        return null;
      }
    },
    close: () => agent.destroy(),
  };
}
