import type { Id } from '@ezthrottle/engine';
import { ApiError } from '../../api/api-error.ts';
import type { Surface } from '../../api/route.ts';
import type { StatesOfDestinations } from '../../limits/destination-states.ts';
import type { NodeEnvelope } from '../calls/node-envelope.ts';
import { type NodeQuestion, QUESTIONS_PATH } from './node-questions.ts';

/** What only this node knows. */
export interface Answers {
  /** Null: there is no such job. */
  readonly explain: (organization: Id, jobId: Id) => Promise<object | null>;
  readonly destinations: StatesOfDestinations;
}

/** Answers other nodes. Nobody without the master key gets an answer. */
export function createQuestionsSurface(options: {
  readonly envelope: NodeEnvelope;
  readonly answers: Answers;
}): Surface {
  const { envelope, answers } = options;
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
          const answer = await answerTo(question, answers);
          return { status: 200, body: envelope.seal('answer', question.from, answer) };
        },
      },
    ],
  };
}

async function answerTo(question: NodeQuestion, answers: Answers): Promise<object | null> {
  const { organization } = question;
  if (question.type === 'explain') return await answers.explain(organization, question.jobId);
  return { states: answers.destinations(organization, question.asked) };
}

/** Only another node can have sealed it: its shape is ours, unless that node is of another version. */
function isQuestion(value: unknown): value is NodeQuestion {
  if (typeof value !== 'object' || value === null || !('type' in value)) return false;
  return value.type === 'explain' || value.type === 'destinations';
}
