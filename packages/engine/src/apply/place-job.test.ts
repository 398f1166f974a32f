import { describe, expect, it } from 'vitest';
import { toJobSpec } from '../admit/to-job-spec.ts';
import { type KeyParts, partOfAccount } from '../cluster/split-key.ts';
import { pathOfLeg } from '../decide/redirect.ts';
import { type PartsOf, placedSpec } from './place-job.ts';
import { lineOf } from './queued-work.ts';

const ORGANIZATION = '01890a5d-ac96-774b-bcce-b302099a8057';
const HOT = 'https://hot.example.com';
const OWNER = { organization: ORGANIZATION, apiKey: 'key' };

const spec = toJobSpec({
  url: `${HOT}/call`,
  user_id: userOfPart(3),
  limits: [{ key: 'calls' }],
  fallback_job: { url: 'https://cool.example.com/call', fallback_job: { url: `${HOT}/other` } },
});

function userOfPart(part: number): string {
  for (let number = 0; ; number += 1) {
    const userId = `user-${number}`;
    if (partOfAccount({ apiKey: 'key', userId }, 4) === part) return userId;
  }
}

function divided(parts: KeyParts): PartsOf {
  return (organization, origin) => (organization === ORGANIZATION && origin === HOT ? parts : 1);
}

describe('a new job of a divided destination', () => {
  it('stands in its account’s part, on each of its paths that lead there', () => {
    const { paths } = placedSpec(spec, OWNER, divided(4));
    expect(paths.map(lineOf)).toEqual([
      `${HOT}#3 ["calls"]`,
      'https://cool.example.com',
      `${HOT}#3`,
    ]);
  });

  it('is left as it is where nothing is divided', () => {
    expect(placedSpec(spec, OWNER, undefined)).toBe(spec);
    expect(placedSpec(spec, OWNER, divided(1))).toBe(spec);
    expect(placedSpec(spec, { ...OWNER, organization: 'other' }, divided(4))).toBe(spec);
  });

  it('that is sent again stands where calls of its account stand now', () => {
    const before = placedSpec(spec, OWNER, divided(4));
    expect(placedSpec(before, OWNER, divided(4))).toBe(before);
    expect(placedSpec(before, OWNER, divided(1))).toEqual(spec);
    expect(placedSpec(before, OWNER, undefined)).toEqual(spec);
  });

  it('keeps its place where an answer leads to the same origin, and has none at another', () => {
    const placed = placedSpec(spec, OWNER, divided(4));
    const ledTo = (url: string): string => {
      const redirect = { url, hops: 1, method: 'GET', hasBody: false, isElsewhere: false };
      const path = pathOfLeg(placed, { path: 0, redirect });
      return path === undefined ? '' : lineOf(path);
    };
    expect(ledTo(`${HOT}/next`)).toBe(`${HOT}#3 ["calls"]`);
    expect(ledTo('https://cool.example.com/next')).toBe('https://cool.example.com ["calls"]');
  });
});
