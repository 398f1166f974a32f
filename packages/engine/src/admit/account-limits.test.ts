import { describe, expect, it } from 'vitest';
import { toJobSpec } from './to-job-spec.ts';
import { withAccountLimits } from './account-limits.ts';

const url = 'https://api.example.com/';
const keyOf = (userId: string): string | null => (userId === 'ann' ? 'account:ann' : null);

describe('the limit of an account', () => {
  it('is among the limits of every call of its jobs, fallbacks and followers too', () => {
    const spec = withAccountLimits(
      toJobSpec({
        url,
        user_id: 'ann',
        limits: [{ key: 'tokens', cost: 5 }],
        fallback_job: { url },
        on_success: { url, user_id: 'ann' },
      }),
      keyOf,
    );
    expect(spec.paths.map(({ limits }) => limits?.map(({ key }) => key))).toEqual([
      ['tokens', 'account:ann'],
      ['account:ann'],
    ]);
    expect(spec.paths[0].onSuccess?.paths[0].limits).toEqual([{ key: 'account:ann', cost: 1 }]);
  });

  it('touches no job of another account', () => {
    const spec = toJobSpec({ url, user_id: 'bob', on_failure: { url } });
    expect(withAccountLimits(spec, keyOf)).toBe(spec);
  });
});
