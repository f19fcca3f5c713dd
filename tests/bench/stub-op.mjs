// A provider that answers from a can: what the load generator itself can do, without crypto and state. Usage: node stub-op.mjs [port]
import http from 'node:http';

const tokens = JSON.stringify({ access_token: 'x', token_type: 'Bearer', expires_in: 300, id_token: 'a.b.c' });
let count = 0;
let metadata = '';

function answer(path) {
  if (path === '/bc') return `{"auth_req_id":"r${count++}","expires_in":120,"interval":5}`;
  if (path === '/token') return tokens;
  return path.startsWith('/.well-known') ? metadata : '{}';
}

const server = http.createServer((request, response) => {
  request.resume();
  const body = answer(request.url);
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
  response.end(body);
});
server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  metadata = JSON.stringify({ issuer, backchannel_authentication_endpoint: `${issuer}/bc`, token_endpoint: `${issuer}/token` });
  console.log(`listening on ${issuer}`);
});
