export { createUpstream, type Upstream, type UpstreamOptions } from './upstream.ts';
export type { RecordedRequest, UpstreamAnswer, UpstreamScript } from './upstream-script.ts';
