// The headers that peers want to be handed, by name.

type ReadHeader = (name: string) => string | string[] | undefined;

export function octokitHeaders(header: ReadHeader): {
  id: string;
  name: string;
  signature: string;
} {
  return {
    id: String(header('x-github-delivery') ?? ''),
    name: String(header('x-github-event') ?? ''),
    signature: String(header('x-hub-signature-256') ?? ''),
  };
}

export function svixHeaders(header: ReadHeader): Record<string, string> {
  return {
    'svix-id': String(header('svix-id') ?? ''),
    'svix-timestamp': String(header('svix-timestamp') ?? ''),
    'svix-signature': String(header('svix-signature') ?? ''),
  };
}
