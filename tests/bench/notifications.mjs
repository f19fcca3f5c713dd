// The endpoint of a client in ping mode: remembers who was told what, and who waits to be told.
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';

const PATIENCE_MS = 10_000;

export class Notifications {
  #told = new Map();
  #server = null;
  count = 0;
  malformed = 0;

  async listen({ 'notify-listen': address, 'notify-cert': cert, 'notify-key': key }) {
    const [host, port] = address.split(':');
    const answer = (request, response) => this.#answer(request, response);
    this.#server = cert
      ? https.createServer({ cert: fs.readFileSync(cert), key: fs.readFileSync(key) }, answer)
      : http.createServer(answer);
    await new Promise((resolve) => this.#server.listen(Number(port), host, resolve));
  }

  /** Waits for the ping about `id`; resolves to the authorization that came with it. */
  async about(id) {
    const entry = this.#entry(id);
    if (!entry.done) {
      await new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`no ping in ${PATIENCE_MS / 1000} s`)), PATIENCE_MS);
        entry.resolve = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#told.delete(id);
    return entry.authorization;
  }

  close() {
    this.#server?.close();
    this.#server?.closeAllConnections();
  }

  #entry(id) {
    if (!this.#told.has(id)) this.#told.set(id, {});
    return this.#told.get(id);
  }

  #answer(request, response) {
    let body = '';
    request.on('data', (chunk) => (body += chunk));
    request.on('end', () => {
      response.writeHead(204).end();
      this.count += 1;
      try {
        const entry = this.#entry(JSON.parse(body).auth_req_id);
        entry.authorization = request.headers.authorization;
        entry.done = true;
        entry.resolve?.();
      } catch {
        this.malformed += 1;
      }
    });
  }
}
