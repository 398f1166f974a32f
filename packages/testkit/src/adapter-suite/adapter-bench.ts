import { expect } from 'vitest';
import type { AdapterSubject, RunningAdapter } from './adapter-subject.ts';
import {
  receiverUnderTest,
  type Question,
  type SubjectRecord,
  type SubjectSettings,
} from './receiver-under-test.ts';
import { SECRET, type Answer } from './sending.ts';

export interface StartOptions extends Partial<SubjectSettings> {
  readonly prefix?: string;
  readonly parser?: string;
}

/** What a case works with; whatever it starts is closed afterwards. */
export interface AdapterBench {
  readonly subject: AdapterSubject;
  readonly start: (options?: StartOptions) => Promise<RunningSubject>;
}

/** An app that runs, and what its receiver says about itself. */
export class RunningSubject {
  readonly url: string;
  readonly echoUrl: string;
  readonly #ask: (question: Question) => Promise<unknown>;

  constructor(running: RunningAdapter, ask: (question: Question) => Promise<unknown>) {
    this.url = running.url;
    this.echoUrl = running.echoUrl;
    this.#ask = ask;
  }

  async record(): Promise<SubjectRecord> {
    const record = await this.#ask('record');
    if (!isRecord(record)) throw new TypeError('the subject answers no record');
    return record;
  }

  async ask(question: Exclude<Question, 'record'>): Promise<void> {
    await this.#ask(question);
  }
}

export function createBench(subject: AdapterSubject): {
  readonly bench: AdapterBench;
  readonly close: () => Promise<void>;
} {
  const running: RunningAdapter[] = [];
  const bench: AdapterBench = {
    subject,
    start: async ({ prefix, parser, ...given } = {}) => {
      const settings: SubjectSettings = { secrets: [SECRET], ...given };
      const own = receiverUnderTest(settings);
      const app = await subject.start({
        receiver: own.options,
        settings,
        ...(prefix === undefined ? {} : { prefix }),
        ...(parser === undefined ? {} : { parser }),
      });
      running.push(app);
      return new RunningSubject(app, (question) => app.ask?.(question) ?? own.ask(question));
    },
  };
  return {
    bench,
    close: async () => {
      await Promise.all(running.splice(0).map((app) => app.close()));
    },
  };
}

export const RECEIVED = { status: 'received' };
export const DUPLICATE = { status: 'duplicate' };

export function expectAnswer(answer: Answer, status: number, body: object): void {
  expect({ status: answer.status, body: jsonOf(answer) }).toEqual({ status, body });
}

/** A refusal with this code and a message, and nothing else. */
export function expectRefusal(answer: Answer, status: number, error: string): void {
  expectAnswer(answer, status, { error, message: expect.any(String) });
}

export function jsonOf(answer: Answer): unknown {
  try {
    return JSON.parse(answer.text);
  } catch {
    return answer.text;
  }
}

function isRecord(value: unknown): value is SubjectRecord {
  return typeof value === 'object' && value !== null && 'handled' in value && 'errors' in value;
}
