// Loaded with --import into the process of a server: its connections to hosts under example.com lead
// to a server of the test. They are not encrypted, and pretend to be, so that no certificate is needed.

import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';
import tls from 'node:tls';
import { isExampleHost } from './example-host.ts';

const upstream = new URL(process.env['SNIPPET_UPSTREAM'] ?? '');
delete process.env['SNIPPET_UPSTREAM'];

const { connect } = tls;
Object.assign(tls, {
  connect: (options: unknown, ...rest: unknown[]): unknown => {
    if (!isForExample(options)) return Reflect.apply(connect, tls, [options, ...rest]);
    const socket = net.connect({ host: upstream.hostname, port: Number(upstream.port) });
    socket.once('connect', () => socket.emit('secureConnect'));
    return socket;
  },
});
syncBuiltinESMExports();

function isForExample(options: unknown): boolean {
  if (typeof options !== 'object' || options === null || !('host' in options)) return false;
  return typeof options.host === 'string' && isExampleHost(options.host);
}
