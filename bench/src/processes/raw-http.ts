import type { Socket } from 'node:net';

/** A request or an answer: the first line with the headers, and the body. */
export interface Message {
  readonly head: string;
  readonly body: Buffer;
}

const HEAD_END = Buffer.from('\r\n\r\n');
const LENGTH = /\r\ncontent-length: *(\d+)/i;
const CHUNKED = /\r\ntransfer-encoding: *chunked/i;

/**
 * Reads HTTP/1.1 messages off a socket. Load and targets share the processors with what is measured, so
 * they do as little as can be: bodies must come with their length.
 */
export function readMessages(socket: Socket, take: (message: Message) => void): void {
  let rest: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (;;) {
      const headEnd = rest.indexOf(HEAD_END);
      if (headEnd < 0) return;
      const head = rest.toString('latin1', 0, headEnd);
      if (CHUNKED.test(head)) throw new Error('a body came without its length');
      const bodyStart = headEnd + HEAD_END.length;
      const end = bodyStart + Number(LENGTH.exec(head)?.[1] ?? 0);
      if (rest.length < end) return;
      const body = rest.subarray(bodyStart, end);
      rest = rest.subarray(end);
      take({ head, body });
    }
  });
}
