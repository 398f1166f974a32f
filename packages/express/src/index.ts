export { ezthrottle } from './webhook-handler.ts';
