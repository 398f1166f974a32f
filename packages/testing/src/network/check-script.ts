import { TestServerError } from '../test-server-error.ts';
import { isDuration } from '../time/duration.ts';
import type { Script, ScriptedAnswer } from './script.ts';

/** Whether a member of an answer is right, and what would be. */
interface MemberCheck {
  readonly isRight: (value: unknown) => boolean;
  readonly expected: string;
}

const FIRST_STATUS = 200;
const LAST_STATUS = 599;

const STATUS = {
  isRight: (value: unknown) =>
    Number.isInteger(value) && Number(value) >= FIRST_STATUS && Number(value) <= LAST_STATUS,
  expected: `a status from ${FIRST_STATUS} to ${LAST_STATUS}`,
};

const MEMBERS: Readonly<Record<keyof ScriptedAnswer, MemberCheck>> = {
  status: STATUS,
  headers: {
    isRight: (value) => isRecord(value) && Object.values(value).every((text) => isText(text)),
    expected: 'an object of header names and strings',
  },
  body: { isRight: isBody, expected: 'text, bytes, or what JSON has' },
  delay: {
    isRight: isDuration,
    expected: "milliseconds, or text such as '30s' or '6h'",
  },
  networkError: {
    isRight: (value) => value === true || (isText(value) && value !== ''),
    expected: "true, or a code such as 'connection_reset'",
  },
  hang: { isRight: (value) => value === true, expected: 'true' },
};

/** @throws {TestServerError} `invalid_script` naming everything that no target could do. */
export function checkScript(script: Script): void {
  const steps: unknown = script;
  if (!Array.isArray(steps)) {
    refuse(stepProblems(steps, 'the script'));
    return;
  }
  if (steps.length === 0) refuse(['the script is an empty list; expected at least one step']);
  refuse(steps.flatMap((step: unknown, index) => stepProblems(step, `step [${index}]`)));
}

/** The same for what a function of a script has given. */
export function checkAnswer(answer: unknown): void {
  refuse(answerProblems(answer, 'the answer of the script'));
}

function stepProblems(step: unknown, where: string): readonly string[] {
  return typeof step === 'function' ? [] : answerProblems(step, where);
}

function answerProblems(answer: unknown, where: string): readonly string[] {
  if (typeof answer === 'number') {
    return STATUS.isRight(answer) ? [] : [`${where} is ${answer}; expected ${STATUS.expected}`];
  }
  if (!isRecord(answer) || answer instanceof Response) {
    return [`${where} is ${nameOf(answer)}; expected a status, an answer or a function`];
  }
  return Object.entries(answer).flatMap(([name, value]) => {
    if (value === undefined) return [];
    if (!isMember(name)) {
      const known = Object.keys(MEMBERS).join(', ');
      return [`${where} has a member ${JSON.stringify(name)}; expected some of ${known}`];
    }
    const { isRight, expected } = MEMBERS[name];
    return isRight(value) ? [] : [`${name} of ${where} is ${nameOf(value)}; expected ${expected}`];
  });
}

function refuse(problems: readonly string[]): void {
  if (problems.length > 0) throw new TestServerError('invalid_script', `${problems.join('. ')}.`);
}

function isMember(name: string): name is keyof ScriptedAnswer {
  return Object.hasOwn(MEMBERS, name);
}

function isBody(value: unknown): boolean {
  try {
    return value instanceof Uint8Array || JSON.stringify(value) !== undefined;
  } catch {
    return false;
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function nameOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (value instanceof Response) return 'a Response, which can be read only once';
  if (typeof value === 'bigint' || typeof value === 'function') return `a ${typeof value}`;
  return isRecord(value) ? 'an object' : (JSON.stringify(value) ?? 'undefined');
}
