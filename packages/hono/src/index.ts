/** The webhook receiver as a Hono handler, on every runtime. */
export {
  ezthrottle,
  type HonoReceiverOptions,
  type HonoReceiverPerRequest,
  type HonoReceiverSource,
} from './webhook-handler.ts';
