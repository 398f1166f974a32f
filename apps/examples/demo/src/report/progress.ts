import type { StepResult } from '@ezthrottle/core';
import { EventSourceParserStream } from 'eventsource-parser/stream';

/** Shows live what happens to the jobs it follows, as the server's event streams tell it. */
export class Progress {
  readonly #serverUrl: string;
  readonly #apiKey: string;
  readonly #write: (line: string) => void;
  readonly #closing = new AbortController();

  constructor(serverUrl: string, apiKey: string, write: (line: string) => void) {
    this.#serverUrl = serverUrl;
    this.#apiKey = apiKey;
    this.#write = write;
  }

  /** Follows the job of a submitted result and returns its id; empty for a local one. */
  follow(label: string, result: StepResult): string {
    if (result.kind !== 'submitted') return '';
    this.#watch(label, result.job_id).catch(() => undefined);
    return result.job_id;
  }

  say(label: string, text: string): void {
    this.#write(`  ${label.padEnd(14)} ${text}`);
  }

  close(): void {
    this.#closing.abort();
  }

  async #watch(label: string, jobId: string): Promise<void> {
    const response = await fetch(`${this.#serverUrl}/api/v1/jobs/${jobId}/stream`, {
      headers: { authorization: `Bearer ${this.#apiKey}` },
      signal: this.#closing.signal,
    });
    if (!response.ok || response.body === null) return;
    const events = response.body
      .pipeThrough(new TextDecoderStream())
      .pipeThrough(new EventSourceParserStream());
    let shown = '';
    for await (const event of events) {
      const data: unknown = JSON.parse(event.data);
      const name = event.event ?? 'message';
      // A job that only moved up in line has nothing new to say.
      const news = `${name} ${textOf(data, 'reason')} ${textOf(data, 'attempt')}`;
      if (news !== shown) this.say(label, `${name}${details(data)}`);
      shown = news;
    }
  }
}

/** The few fields that tell a person why a job is where it is. */
function details(data: unknown): string {
  const shown = ['attempt', 'region', 'key', 'reason', 'until', 'retry_at'].flatMap((name) => {
    const text = textOf(data, name);
    return text === '' ? [] : [`${name} ${text}`];
  });
  return shown.length === 0 ? '' : ` (${shown.join(', ')})`;
}

function textOf(data: unknown, name: string): string {
  if (typeof data !== 'object' || data === null) return '';
  const value: unknown = Reflect.get(data, name);
  if (typeof value === 'string') return value;
  if (typeof value !== 'number') return '';
  return value > 1e12 ? inSeconds(value) : String(value);
}

function inSeconds(instant: number): string {
  return `in ${Math.max(0, (instant - Date.now()) / 1_000).toFixed(1)} s`;
}
