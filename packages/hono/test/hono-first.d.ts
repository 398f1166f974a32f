/** Hono 4.0.0 under another name. Its types differ from those of later ones in nothing that is used here. */
declare module 'hono-first' {
  export { Hono } from 'hono';
}
