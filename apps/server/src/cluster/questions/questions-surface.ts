import type { Id } from '@ezthrottle/engine';
import { ApiError } from '../../api/api-error.ts';
import type { Surface } from '../../api/route.ts';
import type { NodeEnvelope } from '../calls/node-envelope.ts';
import { type NodeQuestion, QUESTIONS_PATH } from './node-questions.ts';

/** Answers other nodes. Nobody without the master key gets an answer. */
export function createQuestionsSurface(options: {
  readonly envelope: NodeEnvelope;
  /** Null: there is no such job. */
  readonly explain: (organization: Id, jobId: Id) => Promise<object | null>;
}): Surface {
  const { envelope, explain } = options;
  return {
    prefix: '',
    routes: [
      {
        method: 'POST',
        path: QUESTIONS_PATH,
        access: 'public',
        async handle({ body }) {
          const question = envelope.open('question', body);
          if (!isQuestion(question)) {
            throw new ApiError('not_found', 'there is nothing at this address');
          }
          const answer = await explain(question.organization, question.jobId);
          return { status: 200, body: envelope.seal('answer', question.from, answer) };
        },
      },
    ],
  };
}

/** Only another node can have sealed it: its shape is ours. */
function isQuestion(value: unknown): value is NodeQuestion {
  return typeof value === 'object' && value !== null && 'type' in value && value.type === 'explain';
}
