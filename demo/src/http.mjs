// The demo's own web server: static pages, three calls, one stream.
import { createServer } from 'node:http';
import { readFile, readdir } from 'node:fs/promises';
import { extname } from 'node:path';
import { RefusedError } from './approvals.mjs';
import { InputError } from './scenes.mjs';

const PUBLIC = new URL('../public/', import.meta.url);
const TYPES = { '.html': 'text/html; charset=utf-8', '.css': 'text/css; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.svg': 'image/svg+xml' };
const BODY_LIMIT = 4096;
const HEARTBEAT_MS = 15_000;

const HEADERS = {
  // Own files only, nothing inline, and no way to turn a string into markup.
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};

/** Builds the server; the caller listens and closes. */
export async function createDemoServer(approvals, config) {
  const files = await readFiles();
  const server = createServer((request, response) => {
    answer(request, response).catch((error) => {
      console.error(error);
      if (!response.headersSent) json(response, 500, { code: 'internal' });
      else response.destroy();
    });
  });

  async function answer(request, response) {
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
    // A name that somebody points at 127.0.0.1 must not open this page to their scripts (DNS rebinding).
    const origin = `127.0.0.1:${server.address().port}`;
    if (request.headers.host !== origin) return json(response, 421, { code: 'wrong_host' });

    const url = `http://${origin}${request.url}`;
    if (!URL.canParse(url)) return json(response, 400, { code: 'invalid_path' });
    const { pathname } = new URL(url);
    const [, approvalId, rest] = /^\/api\/approvals\/([\w-]{36})(\/events)?$/.exec(pathname) ?? [];
    const route = `${request.method} ${approvalId ? `/api/approvals/:id${rest ?? ''}` : pathname}`;
    const approval = approvals.find(approvalId);
    if (approvalId && !approval) return json(response, 404, { code: 'not_found' });

    switch (route) {
      case 'GET /api/settings':
        return json(response, 200, { login_hint: config.loginHint, issuer: config.issuer.origin });
      case 'POST /api/approvals':
        return start(request, response, origin);
      case 'GET /api/approvals/:id/events':
        return stream(response, approval);
      case 'DELETE /api/approvals/:id':
        approval.cancel();
        return response.writeHead(204).end();
      default:
        return file(request, response, pathname);
    }
  }

  async function start(request, response, origin) {
    // A form on another site can send neither this type nor this origin without asking first.
    if (request.headers['content-type'] !== 'application/json') return json(response, 415, { code: 'unsupported_media_type' });
    if (request.headers.origin !== `http://${origin}`) return json(response, 403, { code: 'wrong_origin' });
    try {
      const { scene, ...input } = await body(request);
      const approval = await approvals.start(scene, input);
      return json(response, 201, approval.view());
    } catch (error) {
      if (error instanceof InputError) return json(response, 400, { code: 'invalid_input', detail: error.message });
      if (error instanceof RefusedError) return json(response, 502, { code: error.code, detail: error.detail });
      throw error;
    }
  }

  function file(request, response, pathname) {
    const found = files.get(pathname);
    if (!found) return json(response, 404, { code: 'not_found' });
    if (request.method !== 'GET' && request.method !== 'HEAD') return json(response, 405, { code: 'method_not_allowed' });
    return response.writeHead(200, { 'content-type': found.type, 'content-length': found.bytes.length }).end(request.method === 'HEAD' ? undefined : found.bytes);
  }

  return server;
}

// Every event is the whole view, so a page that reconnects needs no memory.
function stream(response, approval) {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write('retry: 1000\n\n');
  const heartbeat = setInterval(() => response.write(':\n\n'), HEARTBEAT_MS);
  const stop = approval.listen((view) => {
    response.write(`event: approval\ndata: ${JSON.stringify(view)}\n\n`);
    if (approval.settled) response.end();
  });
  response.on('close', () => {
    clearInterval(heartbeat);
    stop();
  });
}

async function body(request) {
  let text = '';
  request.setEncoding('utf8');
  for await (const chunk of request) {
    text += chunk;
    if (text.length > BODY_LIMIT) throw new InputError('That is too long.');
  }
  try {
    const value = JSON.parse(text);
    if (value !== null && typeof value === 'object') return value;
  } catch {
    // not JSON: answered below
  }
  throw new InputError('The body must be a JSON object.');
}

async function readFiles() {
  const files = new Map();
  for (const name of await readdir(PUBLIC)) {
    const entry = { bytes: await readFile(new URL(name, PUBLIC)), type: TYPES[extname(name)] };
    files.set(`/${name}`, entry);
    if (extname(name) === '.html') files.set(name === 'index.html' ? '/' : `/${name.slice(0, -'.html'.length)}`, entry);
  }
  return files;
}

function json(response, status, value) {
  const bytes = Buffer.from(JSON.stringify(value));
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': bytes.length }).end(bytes);
}
