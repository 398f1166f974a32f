import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type Answer, decode, encode, type Question } from 'dns-packet';

/** Answers to the questions for one name and type: the first, the second, …, the last one for ever. */
export type Rounds = readonly (readonly Answer[])[];

/** A name server on loopback that says what a test wishes, and may change its mind with each question. */
export interface TestNameServer {
  /** As `--dns-server` takes it. */
  readonly address: string;
  /** Names and types in the order in which they were asked for: `a.example A`. */
  readonly asked: readonly string[];
  close(): Promise<void>;
}

/** @param records By `name type`; what is not in it has no such name. */
export async function createNameServer(
  records: ReadonlyMap<string, Rounds>,
): Promise<TestNameServer> {
  const socket = createSocket('udp4');
  const asked: string[] = [];
  socket.on('message', (message, from) => {
    const { id = 0, questions = [] } = decode(message);
    const answers = questions.flatMap((question) => roundOf(question));
    const isKnown = questions.some(({ name }) => knows(name.toLowerCase()));
    const answer = encode({
      type: 'response',
      id,
      // Recursion was done; three in the last bits: no such name.
      flags: 0x0180 | (isKnown ? 0 : 3),
      questions,
      answers,
    });
    socket.send(answer, from.port, from.address);
  });
  await once(socket.bind(0, '127.0.0.1'), 'listening');

  function knows(name: string): boolean {
    return [...records.keys()].some((key) => key.split(' ')[0] === name);
  }

  function roundOf({ name, type }: Question): readonly Answer[] {
    const key = `${name.toLowerCase()} ${type}`;
    const round = asked.filter((one) => one === key).length;
    asked.push(key);
    return records.get(key)?.at(Math.min(round, (records.get(key)?.length ?? 1) - 1)) ?? [];
  }

  return {
    address: `127.0.0.1:${socket.address().port}`,
    asked,
    async close() {
      const closed = once(socket, 'close');
      socket.close();
      await closed;
    },
  };
}

export function a(name: string, address: string): Answer {
  return { type: 'A', name, data: address, ttl: 0 };
}

export function aaaa(name: string, address: string): Answer {
  return { type: 'AAAA', name, data: address, ttl: 0 };
}

export function cname(name: string, target: string): Answer {
  return { type: 'CNAME', name, data: target, ttl: 0 };
}
