// What this page asks of its server.

export async function settings() {
  return (await fetch('/api/settings')).json();
}

/** The server's answer when it could not ask the person. */
export class NotStarted extends Error {
  constructor(code, detail) {
    super(code);
    this.code = code;
    this.detail = detail;
  }
}

/** Asks the person. Throws `NotStarted`. */
export async function start(scene, input) {
  let response;
  try {
    response = await fetch('/api/approvals', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ scene, ...input }) });
  } catch {
    throw new NotStarted('demo_gone');
  }
  const answer = await response.json();
  if (!response.ok) throw new NotStarted(answer.code, answer.detail);
  return answer;
}

/** Calls `onView` with every change until the request is settled. A reader who leaves closes the stream, and so the server notices. */
export function follow(id, onView) {
  const source = new EventSource(`/api/approvals/${id}/events`);
  source.addEventListener('approval', (event) => {
    const view = JSON.parse(event.data);
    if (view.name !== 'waiting') source.close();
    onView(view);
  });
  source.addEventListener('error', () => {
    // A broken connection is tried again by the browser itself; CLOSED means the server no longer knows this request.
    if (source.readyState !== EventSource.CLOSED) return;
    onView({ name: 'failed', code: 'demo_gone', log: [] });
  });
}

/** Stops asking. */
export function cancel(id) {
  fetch(`/api/approvals/${id}`, { method: 'DELETE' }).catch(() => {});
}
