/** Express 4 under another name. Its types differ from those of 5 in nothing that is used here. */
declare module 'express4' {
  import express from 'express';

  export default express;
}
