/** What a run of the suite finds around it. */
export interface World {
  /** Base address of the job server and of the targets, for this run alone. */
  readonly serverUrl: string;
  /** Where this very runtime answers with `answerHook`. */
  readonly hookUrl: string;
  /** Whether variables of the environment can be read here. */
  readonly environment: 'readable' | 'unreadable';
}

/** A promise in words, and how it is tried; fails by throwing. */
export type Suite = Readonly<Record<string, (world: World) => void | Promise<void>>>;

/** One request that the job server or a target has seen. */
export interface SeenRequest {
  readonly method: string;
  /** Without the base of the run. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly bodyBase64: string;
  readonly text: string;
}

/** What the server has seen under paths that begin so. */
export async function seenUnder(world: World, path: string): Promise<readonly SeenRequest[]> {
  const response = await fetch(`${world.serverUrl}/seen?under=${encodeURIComponent(path)}`);
  const seen: readonly SeenRequest[] = JSON.parse(await response.text());
  return seen;
}

/** Jobs that were submitted for addresses that end so. */
export async function submittedFor(
  world: World,
  urlEnd: string,
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const seen = await seenUnder(world, '/api/v1/jobs');
  const jobs: Readonly<Record<string, unknown>>[] = seen
    .filter(({ method }) => method === 'POST')
    .map(({ text }) => JSON.parse(text));
  return jobs.filter(({ url }) => String(url).endsWith(urlEnd));
}
