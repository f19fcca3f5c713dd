// A port whose connections go where they were told to go last: what one server has in its configuration can be two others in turn.
import { once } from 'node:events';
import net from 'node:net';

/** Listens on a free port of 127.0.0.1. */
export async function switchboard() {
  let target;
  const open = new Set();
  const server = net.createServer({ noDelay: true }, (from) => {
    const to = net.connect({ ...target, noDelay: true });
    for (const [one, other] of [[from, to], [to, from]]) {
      open.add(one);
      one.pipe(other);
      one.on('error', () => other.destroy());
      one.on('close', () => open.delete(one) && other.destroy());
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    /** New connections go to `origin`; those that are open end. */
    to(origin) {
      const { hostname, port } = new URL(origin);
      target = { host: hostname, port: Number(port) };
      for (const socket of open) socket.destroy();
    },
    close() {
      for (const socket of open) socket.destroy();
      server.close();
    },
  };
}
