// An intake that takes everything at once and keeps nothing: what handing over costs a provider whoever it hands over to.
import http from 'node:http';

const answer = JSON.stringify({ handle: 'stub', expires_at: 0 });
const server = http.createServer((request, response) => {
  request.resume();
  request.once('end', () => response.writeHead(201, { 'content-type': 'application/json', 'content-length': answer.length }).end(answer));
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${server.address().port}`));
