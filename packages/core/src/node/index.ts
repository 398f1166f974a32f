/** Receiving webhooks on Node's own requests and responses. */
export { readRawBody, type ParsedIncomingMessage, type RawBodyOptions } from './raw-body.ts';
export {
  answerNodeRequest,
  nodeListener,
  writeAnswer,
  type AnswerNodeRequestOptions,
} from './node-listener.ts';
