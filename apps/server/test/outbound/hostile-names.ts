import { a, aaaa, cname, type Rounds } from './name-server.ts';

/** What the names of the corpus mean. */
export const HOSTILE_NAMES: ReadonlyMap<string, Rounds> = new Map([
  ['loopback.example A', [[a('loopback.example', '127.0.0.1')]]],
  ['six.example AAAA', [[aaaa('six.example', '::1')]]],
  ['mapped.example AAAA', [[aaaa('mapped.example', '::ffff:7f00:1')]]],
  ['compatible.example AAAA', [[aaaa('compatible.example', '::808:808')]]],
  ['nat64.example AAAA', [[aaaa('nat64.example', '64:ff9b::7f00:1')]]],
  ['zero.example A', [[a('zero.example', '0.0.0.0')]]],
  ['inner.example A', [[a('inner.example', '10.0.0.1')]]],
  ['metadata.example A', [[a('metadata.example', '169.254.169.254')]]],
  [
    'alias.example A',
    [
      [
        cname('alias.example', 'other.example'),
        cname('other.example', 'loopback.example'),
        a('loopback.example', '127.0.0.1'),
      ],
    ],
  ],
  [
    'all-inner.example A',
    [[a('all-inner.example', '10.0.0.1'), a('all-inner.example', '127.0.0.1')]],
  ],
  ['all-inner.example AAAA', [[aaaa('all-inner.example', 'fd00::1')]]],
  [
    'second-answer.example A',
    [[a('second-answer.example', '192.0.2.1')], [a('second-answer.example', '127.0.0.1')]],
  ],
]);
