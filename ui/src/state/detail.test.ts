import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { MemoryHost } from '../host/memory';
import { scenes } from '../host/scenes';
import { clock } from './clock.svelte';
import { Detail } from './detail.svelte';
import { outcomeOf } from './outcome';
import { DWELL, Presence } from './presence.svelte';

const INPUT = { account_id: 'anna', handle: 'h-1' };

function hostOf(scene: string): MemoryHost {
  const build = scenes[scene];
  if (build === undefined) throw new Error(`no scene ${scene}`);
  return new MemoryHost(build().world);
}

async function opened(scene: string): Promise<{ host: MemoryHost; detail: Detail }> {
  const host = hostOf(scene);
  const detail = new Detail(host, INPUT);
  await detail.load();
  return { host, detail };
}

it('a wrong number leaves one try, and the second ends the request', async () => {
  const { detail } = await opened('request-type');
  expect(detail.kind).toBe('ready');
  await detail.approve('999', undefined);
  expect(detail.kind).toBe('wrong_number');
  await detail.approve('998', undefined);
  expect(detail.kind).toBe('mismatch');
});

it('a wrong PIN leaves the request open and says so at the field', async () => {
  const { detail } = await opened('request-unlock');
  expect(detail.kind).toBe('needs_unlock');
  await detail.approve('471', '000000');
  expect(detail.kind).toBe('needs_unlock');
  expect(detail.fieldFailure?.code).toBe('wrong_pin');
  await detail.approve('471', '123456');
  expect(detail.kind).toBe('approved');
});

it.each([
  ['request-acme', 'approved'],
  ['request-acme-failed', 'failed'],
  ['request-acme-unclear', 'unclear'],
])('%s is no success before its provider was told, and ends as %s', async (scene, ending) => {
  const { detail } = await opened(scene);
  await detail.approve(undefined, undefined);
  expect(detail.kind, 'approved is not yet told').toBe('telling');
  expect(detail.unsettled, 'there is news to come').toBe(true);
  await vi.waitFor(async () => {
    await detail.load();
    expect(detail.kind).toBe(ending);
  }, { timeout: 3000 });
  expect(detail.unsettled).toBe(false);
});

it('a denial is one whatever becomes of telling it', async () => {
  for (const scene of ['request-denied-telling', 'request-denied-told', 'request-denied-untold', 'request-denied-unclear']) {
    const { detail } = await opened(scene);
    expect(detail.kind, scene).toBe('denied');
    expect(outcomeOf(detail.kind, detail, false).tone, scene).toBe('calm');
  }
});

it('a decision that breaks off is not sent again by itself', async () => {
  const { host, detail } = await opened('request-offline');
  await detail.approve(undefined, undefined);
  expect(detail.kind).toBe('offline');
  await detail.lookAgain();
  expect(detail.kind).toBe('ready');
  expect(host.calls.filter(({ command }) => command === 'approve')).toHaveLength(1);
});

it('a PIN that is asked for late can be given', async () => {
  const { host, detail } = await opened('request-show');
  host.world.failing = { approve: 'pin_required' };
  await detail.approve(undefined, undefined);
  expect(detail.kind).toBe('ready');
  expect(detail.pinAsked).toBe(true);
});

it('a request that the app forgot after its time is over has expired', async () => {
  const { host, detail } = await opened('request-last-seconds');
  host.world.inbox = { loaded: true, requests: [] };
  vi.setSystemTime(Date.now() + 60_000);
  clock.now = Date.now();
  await detail.load();
  expect(detail.kind).toBe('expired');
});

it('two clicks send one decision', async () => {
  const { host, detail } = await opened('request-show');
  await Promise.all([detail.approve(undefined, undefined), detail.approve(undefined, undefined), detail.deny('changed_mind')]);
  expect(host.calls.filter(({ command }) => command === 'approve' || command === 'deny')).toHaveLength(1);
});

it('nothing is shown of a request without verified content', async () => {
  const host = hostOf('request-cannot-verify');
  const detail = new Detail(host, { account_id: 'anna', handle: 'h-9' });
  await detail.load();
  expect(detail.kind).toBe('cannot_verify');
  expect(detail.open).toBe(false);
});

it('a removed device and a lost request say which they are', async () => {
  const host = hostOf('request-show');
  host.world.failing = { approve: 'device_removed' };
  const detail = new Detail(host, INPUT);
  await detail.load();
  await detail.approve(undefined, undefined);
  expect(detail.kind).toBe('device_removed');
  const lost = new Detail(host, { account_id: 'anna', handle: 'none' });
  await lost.load();
  expect(lost.kind).toBe('error');
});

/** S-032, S-072 */
it('approval waits for one unbroken second in the focused window', async () => {
  const host = hostOf('request-show');
  const presence = new Presence(host, INPUT);
  const stop = presence.start();
  await vi.advanceTimersByTimeAsync(DWELL - 100);
  expect(presence.ready, 'S-032: not before a second').toBe(false);
  dispatchEvent(new Event('blur'));
  await vi.advanceTimersByTimeAsync(DWELL * 2);
  expect(presence.ready, 'S-072: not without the focus').toBe(false);
  dispatchEvent(new Event('focus'));
  await vi.advanceTimersByTimeAsync(DWELL - 100);
  expect(presence.ready, 'S-072: the second starts anew').toBe(false);
  await vi.advanceTimersByTimeAsync(200);
  expect(presence.ready).toBe(true);
  stop();
  await vi.advanceTimersByTimeAsync(0);
  expect(host.calls.map(({ command }) => command)).toEqual(['present', 'conceal', 'present', 'conceal']);
});

/** S-032 */
it('a slow farewell never overtakes the next greeting', async () => {
  const host = hostOf('request-show');
  const conceal = host.conceal.bind(host);
  let finished = false;
  host.conceal = async (input) => {
    await new Promise((resolve) => setTimeout(resolve, 500));
    finished = true;
    return conceal(input);
  };
  const presence = new Presence(host, INPUT);
  presence.start()();
  const stop = presence.start();
  await vi.advanceTimersByTimeAsync(400);
  expect(host.calls.map(({ command }) => command), 'present waits for conceal').toEqual(['present']);
  await vi.advanceTimersByTimeAsync(DWELL + 200);
  expect(finished && presence.ready, 'and then the second starts').toBe(true);
  stop();
});

beforeEach(() => {
  vi.useFakeTimers({ shouldAdvanceTime: true });
  clock.now = Date.now();
});

afterEach(() => {
  vi.useRealTimers();
});
