/** Receiving webhooks on Node's own requests and responses. */
export { readRawBody, type ParsedIncomingMessage, type RawBodyOptions } from './raw-body.ts';
export { nodeReceiverRequest, type NodeRequestOptions } from './node-request.ts';
export { answerNodeRequest, nodeListener, writeAnswer } from './node-listener.ts';
