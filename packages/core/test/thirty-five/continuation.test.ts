// What the SDKs before this one did wrong or differently, and what holds here: one test each. These
// are about FRUGAL steps that follow a job.

import { afterEach, beforeEach, expect, it } from 'vitest';
import { StepType, type Step } from '@ezthrottle/core';
import { createContext, createWorld, deliveryOf, errorOf, HOOK, type World } from './world.ts';

let world: World;

beforeEach(async () => {
  world = await createWorld();
});

afterEach(() => world[Symbol.asyncDispose]());

const job = (path = 'job200'): Step => world.step(path).webhooks([{ url: HOOK }]);
const here = (path: string): Step => world.step(path).type(StepType.FRUGAL);

it('row 3: a FRUGAL step below a job is not sent to the server to run, but runs here afterwards', async () => {
  await job().onSuccess(here('child200')).execute();
  const [sent] = world.jobs();
  expect(sent).not.toHaveProperty('on_success');
  expect(JSON.stringify(sent)).not.toContain('child200');
  await world
    .client()
    .continuations()
    .run(deliveryOf(sent ?? {}), createContext());
  expect(world.calls()).toEqual(['child200']);
});

it('row 4: every step that follows has one owner, and runs once', async () => {
  const step = job().onSuccess(here('child200')).onFailure(world.step('remedy200'));
  await step.execute();
  const [sent] = world.jobs();
  expect(sent).toMatchObject({ on_failure: { url: `${world.target.url}/remedy200` } });
  const runner = world.client().continuations();
  const context = createContext();
  for (let repeat = 0; repeat < 3; repeat += 1) await runner.run(deliveryOf(sent ?? {}), context);
  await runner.run(deliveryOf(sent ?? {}, 'failed'), context);
  expect(world.calls()).toEqual(['child200']);
  expect(world.jobs()).toHaveLength(1);
});

it('row 5: a delivery that overtakes the answer to its submit finds what follows', async () => {
  const runner = world.client().continuations();
  const { server } = world;
  const { answer } = server;
  server.answer = async (request) => {
    await runner.run(deliveryOf(JSON.parse(request.text)), createContext());
    return answer(request);
  };
  expect(await job().onSuccess(here('child200')).execute()).toMatchObject({ job_id: 'job-1' });
  expect(world.calls()).toEqual(['child200']);
});

it('row 6: executing a step changes neither it nor the lists it was made from', async () => {
  const webhooks = [{ url: HOOK }];
  const step = world
    .step('job200')
    .webhooks(webhooks)
    .continueAt('https://app.example/other')
    .onSuccess(here('child200'));
  const before = JSON.stringify(step);
  await step.execute();
  await step.execute();
  expect(JSON.stringify(step)).toBe(before);
  expect(webhooks).toEqual([{ url: HOOK }]);
  expect(world.jobs().map((sent) => sent['webhooks'])).toMatchObject([
    [{ url: HOOK }, { url: 'https://app.example/other' }],
    [{ url: HOOK }, { url: 'https://app.example/other' }],
  ]);
});

it('row 7: the way back is an address that the application names, and never guessed', async () => {
  const step = world.step('job200').onSuccess(here('child200'));
  const error = await errorOf(() => step.execute());
  expect(error).toMatchObject({ code: 'step_validation' });
  expect(String(error)).toMatch(/continueAt/);
  await step.execute(world.client({ continueAt: HOOK }));
  expect(world.jobs()).toMatchObject([{ webhooks: [{ url: HOOK }] }]);
});
