// One keep-alive HTTP/1.1 connection with one request at a time: little enough that the generator is never what is measured.
import net from 'node:net';
import tls from 'node:tls';

const PATIENCE_MS = 30_000;

export class Connection {
  #url;
  #insecure;
  #socket = null;
  #buffer = null;
  #waiting = null;

  constructor(url, { insecure = false } = {}) {
    this.#url = url;
    this.#insecure = insecure;
  }

  get origin() {
    return this.#url.origin;
  }

  /** Sends a request; resolves to `{ status, head, body }`. */
  request(method, path, headers, body = '') {
    if (!this.#socket) this.#open();
    let head = `${method} ${path} HTTP/1.1\r\nhost: ${this.#url.host}\r\n`;
    for (const name in headers) head += `${name}: ${headers[name]}\r\n`;
    if (method !== 'GET') head += `content-length: ${Buffer.byteLength(body)}\r\n`;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#fail(new Error(`no answer in ${PATIENCE_MS / 1000} s`)), PATIENCE_MS);
      const settled = (settle) => (value) => {
        clearTimeout(timer);
        settle(value);
      };
      this.#waiting = { resolve: settled(resolve), reject: settled(reject) };
      this.#socket.write(`${head}\r\n${body}`);
    });
  }

  close() {
    this.#socket?.removeAllListeners('close');
    this.#socket?.destroy();
    this.#socket = null;
    this.#buffer = null;
  }

  #open() {
    const { protocol, hostname } = this.#url;
    const port = Number(this.#url.port || (protocol === 'https:' ? 443 : 80));
    const servername = net.isIP(hostname) ? undefined : hostname;
    const socket =
      protocol === 'https:'
        ? tls.connect({ host: hostname, port, servername, rejectUnauthorized: !this.#insecure })
        : net.connect({ host: hostname, port });
    socket.setNoDelay(true);
    socket.on('data', (bytes) => this.#take(bytes));
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#fail(new Error('the server hung up')));
    this.#socket = socket;
  }

  #fail(error) {
    const waiting = this.#waiting;
    this.#waiting = null;
    this.close();
    waiting?.reject(error);
  }

  #take(bytes) {
    this.#buffer = this.#buffer ? Buffer.concat([this.#buffer, bytes]) : bytes;
    const answer = read(this.#buffer);
    if (!answer) return;
    this.#buffer = answer.used < this.#buffer.length ? this.#buffer.subarray(answer.used) : null;
    if (/\r\nconnection: *close/i.test(answer.head)) this.close();
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.resolve(answer);
  }
}

// The answer at the start of `buffer`, when all of it is there.
function read(buffer) {
  const headEnd = buffer.indexOf('\r\n\r\n');
  if (headEnd < 0) return null;
  const head = buffer.toString('latin1', 0, headEnd);
  const status = Number(head.slice(9, 12));
  const start = headEnd + 4;
  const length = /\r\ncontent-length: *(\d+)/i.exec(head);
  if (length) {
    const used = start + Number(length[1]);
    return buffer.length < used ? null : { status, head, used, body: buffer.toString('utf8', start, used) };
  }
  if (!/\r\ntransfer-encoding: *chunked/i.test(head)) return { status, head, used: start, body: '' };
  const parts = [];
  for (let at = start; ; ) {
    const lineEnd = buffer.indexOf('\r\n', at);
    if (lineEnd < 0) return null;
    const size = parseInt(buffer.toString('latin1', at, lineEnd), 16);
    const next = lineEnd + 2 + size + 2;
    if (buffer.length < next) return null;
    if (size === 0) return { status, head, used: next, body: Buffer.concat(parts).toString('utf8') };
    parts.push(buffer.subarray(lineEnd + 2, next - 2));
    at = next;
  }
}

/** Gets a JSON document. */
export async function getJson(address, options) {
  const url = new URL(address);
  const connection = new Connection(url, options);
  const { status, body } = await connection.request('GET', url.pathname + url.search, {});
  connection.close();
  if (status !== 200) throw new Error(`GET ${address}: ${status}`);
  return JSON.parse(body);
}
