import { describe, expect, it } from 'vitest';
import { StepType } from '../step/step-node.ts';
import { Step } from '../step/step.ts';

const { FRUGAL, PERFORMANCE } = StepType;

const mail = new Step().url('https://mail.example.com/send').method('POST');
const track = new Step().url('https://stats.example.com/track').type(FRUGAL).timeout(2_500);

const order = new Step()
  .url('https://user:password@api.example.com/orders?token=secret#top')
  .method('POST')
  .bearer('secret')
  .description('Place the\n order')
  .fallback(
    new Step()
      .url('https://backup.example.com/orders')
      .type(FRUGAL)
      .fallback(new Step().url('https://last.example.com/orders')),
    { triggerOnError: [500, 502] },
  )
  .fallback(new Step().url('https://slow.example.com/').query({ token: 'secret' }), {
    triggerOnTimeout: 800,
  })
  .onSuccess(mail.onSuccess(track))
  .onFailure(new Step(), 60_000);

const textOf = (step: Step): string => step.describe();
const chartOf = (step: Step): string => step.describe('mermaid');

describe('a tree that the server runs', () => {
  it('as text: which step runs where, what follows what, and no secrets', () => {
    expect(textOf(order)).toBe(
      [
        'POST https://api.example.com/orders?… (on the server): Place the order',
        '├─ fallback on 500, 502: GET https://backup.example.com/orders (on the server)',
        '│  └─ fallback on any failure: GET https://last.example.com/orders (on the server)',
        '├─ fallback after 800 ms: GET https://slow.example.com/?… (on the server)',
        '├─ on success: POST https://mail.example.com/send (on the server, in the same submit)',
        '│  └─ on success: GET https://stats.example.com/track (here, when the delivery of the job arrives, handed on after 429, 500, 502, 503, 504, or no answer within 2.5 s)',
        '└─ on failure, or after 60000 ms: GET (no address yet) (on the server, in the same submit)',
      ].join('\n'),
    );
  });

  it('as a Mermaid chart', () => {
    expect(chartOf(mail.description('Say "done" & <more>').onSuccess(track))).toBe(
      [
        'flowchart TD',
        '  step1["Say #quot;done#quot; #amp; #lt;more#gt;<br/>POST https://mail.example.com/send<br/>on the server"]',
        '  step2["GET https://stats.example.com/track<br/>here, when the delivery of the job arrives, handed on after 429, 500, 502, 503, 504, or no answer within 2.5 s"]',
        '  step1 -->|"on success"| step2',
      ].join('\n'),
    );
  });
});

describe('a tree that begins here', () => {
  it('says what is called here, and what the server gets and when', () => {
    const step = new Step()
      .url('https://api.example.com/')
      .type(FRUGAL)
      .fallbackOnError([503])
      .fallback(
        new Step()
          .url('https://far.example.com/')
          .type(PERFORMANCE)
          .fallback(new Step().url('https://farther.example.com/')),
      )
      .fallback(new Step().url('https://near.example.com/').onSuccess(mail))
      .onSuccess(mail)
      .onFailure(track);
    expect(textOf(step)).toBe(
      [
        'GET https://api.example.com/ (here, handed on after 503, or no answer within 30 s)',
        '├─ fallback on any failure: GET https://far.example.com/ (on the server, once the step is handed on)',
        '│  └─ fallback on any failure: GET https://farther.example.com/ (on the server, once the step is handed on)',
        '├─ fallback on any failure: GET https://near.example.com/ (here)',
        '│  └─ on success: POST https://mail.example.com/send (on the server, submitted then)',
        '├─ on success: POST https://mail.example.com/send (on the server, submitted then)',
        '└─ on failure: GET https://stats.example.com/track (here, handed on after 429, 500, 502, 503, 504, or no answer within 2.5 s)',
      ].join('\n'),
    );
  });

  it('draws what has no address yet, or a wrong one', () => {
    expect(textOf(new Step().url('orders'))).toBe('GET (not an address) (on the server)');
    expect(chartOf(new Step())).toContain('(no address yet)');
  });
});

it('a tree of more steps than anyone takes is refused at once, however few objects it shares', () => {
  let shared = mail;
  for (let level = 0; level < 40; level += 1) shared = mail.onSuccess(shared).onFailure(shared);
  expect(() => textOf(shared)).toThrow(expect.objectContaining({ code: 'step_validation' }));
  let chain = mail;
  for (let level = 0; level < 20_000; level += 1) chain = mail.onSuccess(chain);
  expect(() => chartOf(chain)).toThrow(expect.objectContaining({ code: 'step_validation' }));
});
