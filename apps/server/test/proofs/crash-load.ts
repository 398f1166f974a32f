import type { JobRequest, SubmitReply } from '@ezthrottle/core/protocol';
import { kindOf } from './crash-kinds.ts';
import type { Outside } from './crash-outside.ts';
import { pause } from './pause.ts';
import { headersOf, type ServerPlace } from './server-process.ts';

/** Unfinished jobs above which no client submits. */
const MOST_UNFINISHED = 300;

/** The clients: each job is submitted again, under its own key, until it was accepted. */
export class CrashLoad {
  /** Ids of the accepted jobs, by their numbers. */
  readonly accepted: Map<number, string> = new Map();
  readonly contradictions: string[] = [];
  unanswered = 0;
  readonly #place: ServerPlace;
  readonly #outside: Outside;
  readonly #random: () => number;
  readonly #bodies = new Map<number, string>();
  #url: string | null = null;
  #number = 0;
  #isFinished = false;
  #isAbandoned = false;

  constructor(place: ServerPlace, outside: Outside, random: () => number) {
    this.#place = place;
    this.#outside = outside;
    this.#random = random;
  }

  serve(url: string): void {
    this.#url = url;
  }

  /** Requests under way go on. */
  pause(): void {
    this.#url = null;
  }

  /** What was begun is submitted until it is accepted; nothing new is. */
  finish(): void {
    this.#isFinished = true;
  }

  /** Nobody answers any more. */
  abandon(): void {
    this.#isFinished = true;
    this.#isAbandoned = true;
  }

  async run(): Promise<void> {
    while (!this.#isFinished) {
      if (this.accepted.size - this.#outside.heardOf.size > MOST_UNFINISHED) {
        await pause(10);
        continue;
      }
      const number = this.#number;
      this.#number += 1;
      while (!this.#isAbandoned && !(await this.#submit(number))) await pause(5);
    }
  }

  async #submit(number: number): Promise<boolean> {
    const url = this.#url;
    if (url === null) return false;
    const response = await fetch(`${url}/api/v1/jobs`, {
      method: 'POST',
      headers: headersOf(this.#place),
      body: this.#bodyOf(number),
    }).catch(() => null);
    // A kill may cut the answer in the middle.
    const text = (await response?.text().catch(() => null)) ?? null;
    if (response === null || text === null) {
      this.unanswered += 1;
      return false;
    }
    if (response.status !== 201 && response.status !== 200) {
      this.contradictions.push(`job ${number} was answered ${response.status}`);
      return true;
    }
    const { job_id: id }: SubmitReply = JSON.parse(text);
    this.accepted.set(number, id);
    return true;
  }

  /** The same each time: a job that is submitted again is the same job. */
  #bodyOf(number: number): string {
    const known = this.#bodies.get(number);
    if (known !== undefined) return known;
    const { places } = this.#outside;
    const job: JobRequest = {
      url: `${places.target}/job/${number}`,
      method: 'POST',
      body: `the body of job ${number}`,
      idempotent_key: `job-${number}`,
      ...kindOf(number).fields(places, this.#random),
    };
    const body = JSON.stringify(job);
    this.#bodies.set(number, body);
    return body;
  }
}
