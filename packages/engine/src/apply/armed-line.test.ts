import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ArmedLine } from './armed-line.ts';

function ref(jobId: string): { jobId: string; leg: number; attempt: number; token: string } {
  return { jobId, leg: 0, attempt: 1, token: jobId };
}

function sent(line: ArmedLine<{ readonly jobId: string }>): string[] {
  const order: string[] = [];
  while (line.first !== undefined) {
    order.push(line.first.jobId);
    line.shift();
  }
  return order;
}

it('who comes late goes next, not behind all that a busy key has armed ahead', () => {
  const line = new ArmedLine<ReturnType<typeof ref>>();
  for (const id of ['n1', 'n2', 'n3', 'n4']) line.push(ref(id), 'noisy');
  line.shift();
  line.push(ref('q1'), 'quiet');
  line.push(ref('q2'), 'quiet');
  expect(sent(line)).toEqual(['q1', 'n2', 'q2', 'n3', 'n4']);
});

it('who arms one after the other takes turns with whoever arms many ahead', () => {
  const line = new ArmedLine<ReturnType<typeof ref>>();
  for (const id of ['n1', 'n2', 'n3']) line.push(ref(id), 'noisy');
  const order: (string | undefined)[] = [];
  for (let turn = 0; turn < 6; turn += 1) {
    if (!line.has('single')) line.push(ref(`s${turn}`), 'single');
    order.push(line.first?.jobId.slice(0, 1));
    line.shift();
  }
  // Once each in every round.
  expect(order.join('')).toBe('snnsns');
});

it('one key alone is sent in the order in which it was armed', () => {
  const line = new ArmedLine<ReturnType<typeof ref>>();
  for (const id of ['a', 'b', 'c']) line.push(ref(id), 'key');
  expect(line.has('key')).toBe(true);
  expect(line.has('other')).toBe(false);
  expect(sent(line)).toEqual(['a', 'b', 'c']);
});

it('takes out what is withdrawn, and all of it when the server stops', () => {
  const line = new ArmedLine<ReturnType<typeof ref>>();
  for (const id of ['a', 'b', 'c']) line.push(ref(id), 'key');
  line.keep(({ jobId }) => jobId !== 'b');
  expect(line.length).toBe(2);
  expect(line.drain().map(({ jobId }) => jobId)).toEqual(['a', 'c']);
  expect(line.length).toBe(0);
});

it('whatever is armed, a key that had nothing armed waits for one attempt of each other key at most', () => {
  const operation = fc.oneof(
    fc.record({ push: fc.constantFrom('a', 'b', 'c', 'd') }),
    fc.constant({ push: null }),
  );
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 80 }), (operations) => {
      const line = new ArmedLine<ReturnType<typeof ref>>();
      let count = 0;
      for (const { push } of operations) {
        if (push === null) line.shift();
        else line.push(ref(`${push}${(count += 1)}`), push);
      }
      line.push(ref('new'), 'new');
      const before = sent(line).findIndex((id) => id === 'new');
      expect(before).toBeLessThanOrEqual(4);
    }),
  );
});

it('within a key nothing overtakes', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 60 }), (keys) => {
      const line = new ArmedLine<ReturnType<typeof ref>>();
      keys.forEach((key, index) => line.push(ref(`${key}${index}`), key));
      const order = sent(line);
      for (const key of ['a', 'b', 'c']) {
        const own = order.filter((id) => id.startsWith(key)).map((id) => Number(id.slice(1)));
        expect(own).toEqual(own.toSorted((one, other) => one - other));
      }
    }),
  );
});
