import type { Id } from '@ezthrottle/engine';
import type { DestinationAsked } from '../../limits/destination-states.ts';
import { Agent, request } from 'undici';
import type { CallingPeer } from '../calls/remote-calls.ts';
import type { NodeEnvelope } from '../calls/node-envelope.ts';

/** Where a node answers what only it knows. */
export const QUESTIONS_PATH = '/cluster/v1/questions';

/** What only the node knows that has a line. */
export type Question =
  /** Why a job waits. */
  | { readonly type: 'explain'; readonly organization: Id; readonly jobId: Id }
  /** How destinations stand. */
  | {
      readonly type: 'destinations';
      readonly organization: Id;
      readonly asked: readonly DestinationAsked[];
    };

export type NodeQuestion = Question & { readonly from: Id };

export interface NodeQuestions {
  /** Null: no answer came in time, for whatever reason. */
  ask(peer: CallingPeer, question: Question): Promise<object | null>;
  close(): Promise<void>;
}

/** Somebody waits for it: so long for all of it together. */
const ANSWER_MS = 5_000;

export function createNodeQuestions(options: {
  readonly self: Id;
  readonly envelope: NodeEnvelope;
}): NodeQuestions {
  const { self, envelope } = options;
  const agent = new Agent({ connect: { timeout: ANSWER_MS } });
  return {
    async ask({ node, url }, question) {
      try {
        const { statusCode, body } = await request(`${url}${QUESTIONS_PATH}`, {
          method: 'POST',
          dispatcher: agent,
          signal: AbortSignal.timeout(ANSWER_MS),
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
