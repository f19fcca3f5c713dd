import { cleanup, fireEvent, render, screen, waitFor, within } from '@testing-library/svelte';
import { afterEach, expect, it } from 'vitest';
import App from './app.svelte';
import { content, request } from './host/fixtures';
import { MemoryHost } from './host/memory';
import { scenes } from './host/scenes';
import type { RequestContent } from './protocol/RequestContent';
import { router } from './state/route.svelte';

function start(scene: string): MemoryHost {
  const build = scenes[scene];
  if (build === undefined) throw new Error(`no scene ${scene}`);
  const { world, fragment } = build();
  location.hash = fragment;
  router.current = { view: 'pending' };
  const host = new MemoryHost(world);
  render(App, { host });
  return host;
}

const called = (host: MemoryHost, command: string): unknown[] => host.calls.filter((call) => call.command === command).map(({ input }) => input);

afterEach(() => {
  cleanup();
  location.hash = '';
});

it('pairs with what was typed, and keeps no PIN', async () => {
  const host = start('first-run');
  await fireEvent.input(await screen.findByTestId('pair-backend'), { target: { value: ' ad.example.org ' } });
  await fireEvent.input(screen.getByTestId('pair-pin'), { target: { value: '123456' } });
  await fireEvent.input(screen.getByTestId('pair-pin-repeat'), { target: { value: '123456' } });
  await fireEvent.click(screen.getByTestId('pair-submit'));
  await waitFor(() => {
    expect(called(host, 'pair')).toEqual([{ backend: 'ad.example.org', device_name: 'Anna’s ThinkPad', pin: '123456' }]);
  });
  await fireEvent.click(await screen.findByTestId('pairing-finish', undefined, { timeout: 4000 }));
  expect(await screen.findByTestId('inbox')).toBeTruthy();
});

it('names each field that is wrong and pairs nothing', async () => {
  const host = start('first-run');
  await fireEvent.input(await screen.findByTestId('pair-pin'), { target: { value: '12345' } });
  await fireEvent.click(screen.getByTestId('pair-submit'));
  expect(await screen.findByText('Enter the address you were given.')).toBeTruthy();
  expect(screen.getByText('A PIN has 6 to 12 digits.')).toBeTruthy();
  expect(called(host, 'pair')).toEqual([]);
});

it('a cancelled pairing leads back to the form', async () => {
  start('pair-waiting');
  await fireEvent.input(await screen.findByTestId('pair-backend'), { target: { value: 'ad.example.org' } });
  for (const field of ['pair-pin', 'pair-pin-repeat']) await fireEvent.input(screen.getByTestId(field), { target: { value: '123456' } });
  await fireEvent.click(screen.getByTestId('pair-submit'));
  await screen.findByTestId('pairing-copy');
  await fireEvent.click(screen.getByTestId('pairing-cancel'));
  expect(await screen.findByTestId('pair-submit')).toBeTruthy();
});

/** V-021: a title can be copied, so the address is beside it, and what is chosen is the issuer. */
it('where several providers are offered the person chooses one by its address', async () => {
  const host = start('pair-choose');
  await fireEvent.input(await screen.findByTestId('pair-backend'), { target: { value: 'ad.example.org' } });
  for (const field of ['pair-pin', 'pair-pin-repeat']) await fireEvent.input(screen.getByTestId(field), { target: { value: '123456' } });
  await fireEvent.click(screen.getByTestId('pair-submit'));
  const offered = await screen.findAllByTestId('provider');
  expect(offered.map((one) => one.textContent.replaceAll(/\s+/g, ' ').trim()), 'V-021').toEqual([
    'Example City ad.example.org',
    'Acme sso.acme.example/realms/acme',
    'Acme Sports Club id.acne-club.example',
  ]);
  await fireEvent.click(offered[1] as HTMLElement);
  expect(called(host, 'choose_provider')).toEqual([{ issuer: 'https://sso.acme.example/realms/acme' }]);
  expect(called(host, 'pair'), 'the PIN is asked for once and kept by nobody here').toHaveLength(1);
  await fireEvent.click(await screen.findByTestId('pairing-finish', undefined, { timeout: 4000 }));
  expect(host.world.status.accounts.map(({ title }) => title)).toEqual(['Acme']);
});

it('a choice of providers can be cancelled', async () => {
  start('pair-choose');
  await fireEvent.input(await screen.findByTestId('pair-backend'), { target: { value: 'ad.example.org' } });
  for (const field of ['pair-pin', 'pair-pin-repeat']) await fireEvent.input(screen.getByTestId(field), { target: { value: '123456' } });
  await fireEvent.click(screen.getByTestId('pair-submit'));
  await screen.findAllByTestId('provider');
  await fireEvent.click(screen.getByTestId('pairing-cancel'));
  expect(await screen.findByTestId('pair-submit')).toBeTruthy();
});

it('the encrypted file is chosen by the person, never by default', async () => {
  const host = start('first-run-no-key-store');
  expect(screen.queryByTestId('pair-backend')).toBeNull();
  await fireEvent.click(await screen.findByTestId('keystore-choose'));
  for (const field of ['keystore-passphrase', 'keystore-passphrase-repeat']) await fireEvent.input(screen.getByTestId(field), { target: { value: 'four words make one' } });
  await fireEvent.click(screen.getByTestId('keystore-submit'));
  expect(await screen.findByTestId('pair-backend')).toBeTruthy();
  expect(called(host, 'choose_encrypted_file')).toEqual([{ passphrase: 'four words make one' }]);
});

/** S-072 */
it('a click that no hand made does not approve', async () => {
  const host = start('request-show');
  const approve = await screen.findByTestId<HTMLButtonElement>('approve', undefined, { timeout: 3000 });
  await waitFor(() => { expect(approve.disabled).toBe(false); }, { timeout: 4000 });
  await fireEvent.click(approve);
  approve.click();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(called(host, 'approve'), 'S-072').toEqual([]);
});

it('a request that cannot be laid out is not half shown: there is nothing to approve', async () => {
  const host = start('inbox-empty');
  const broken = { ...content(), scopes: undefined } as unknown as RequestContent;
  host.world.inbox = { loaded: true, requests: [request({ content: broken })] };
  location.hash = '#/request/anna/h-1';
  expect(await screen.findByText('Something went wrong in this app.')).toBeTruthy();
  expect(screen.queryByTestId('approve')).toBeNull();
});

/** S-079 */
it('one key denies, even from a field, and no PIN is asked for', async () => {
  const host = start('request-unlock');
  await fireEvent.keyDown(await screen.findByTestId('match-input'), { key: 'd', bubbles: true });
  await waitFor(() => { expect(screen.getByTestId('state').dataset['state']).toBe('denied'); });
  expect(called(host, 'deny'), 'S-079').toEqual([{ account_id: 'anna', handle: 'h-1', reason: 'changed_mind' }]);
});

it('the menu of Deny sends the reason', async () => {
  const host = start('request-show');
  await fireEvent.click(await screen.findByTestId('deny-menu'));
  await fireEvent.click(screen.getByTestId('deny-not-me'));
  expect(await screen.findByText('What to do now')).toBeTruthy();
  expect(called(host, 'deny')).toEqual([{ account_id: 'anna', handle: 'h-1', reason: 'not_me' }]);
});

it('an open request flips when another device was first', async () => {
  const host = start('request-show');
  await screen.findByTestId('deny');
  const by = { device_id: 'd-2', name: 'Anna’s phone' };
  host.become('h-1', { kind: 'handled_elsewhere', settled: { state: 'approved', decided_by: by }, by });
  await waitFor(() => { expect(screen.getByTestId('state').dataset['state']).toBe('handled_elsewhere'); });
  expect(screen.getByRole('heading', { level: 1 }).textContent).toContain('Anna’s phone');
});

/** S-082 */
it('a new request is announced', async () => {
  start('inbox-arrival');
  await waitFor(() => { expect(screen.getByTestId('announcer').textContent, 'S-082').toBe('New request from ACME Shop'); }, { timeout: 4000 });
});

it('history filters by result and opens older pages', async () => {
  start('history');
  await waitFor(() => { expect(screen.getAllByTestId('history-row')).toHaveLength(5); });
  await fireEvent.click(screen.getByTestId('history-more'));
  await waitFor(() => { expect(screen.getAllByTestId('history-row')).toHaveLength(7); });
  await fireEvent.change(screen.getByLabelText('Result'), { target: { value: 'denied' } });
  await waitFor(() => { expect(screen.getAllByTestId('history-row')).toHaveLength(1); });
});

it('a device is renamed in its place and removed after a question', async () => {
  const host = start('devices');
  await waitFor(() => { expect(screen.getAllByTestId('device-row')).toHaveLength(3); });
  const phone = screen.getAllByTestId('device-row')[1] as HTMLElement;
  await fireEvent.click(within(phone).getByTestId('device-rename'));
  await fireEvent.input(within(phone).getByTestId('device-name'), { target: { value: 'New phone' } });
  await fireEvent.click(within(phone).getByTestId('device-save'));
  await screen.findByText('New phone');
  await fireEvent.click(within(screen.getAllByTestId('device-row')[1] as HTMLElement).getByTestId('device-remove'));
  expect(called(host, 'revoke_device')).toEqual([]);
  await fireEvent.click(screen.getByTestId('device-remove-confirm'));
  await waitFor(() => { expect(screen.getAllByTestId('device-row')).toHaveLength(2); });
});

it('signing the last account out leads back to the start', async () => {
  start('settings');
  await fireEvent.click(await screen.findByTestId('sign-out'));
  await fireEvent.click(screen.getByTestId('sign-out-confirm'));
  expect(await screen.findByTestId('pair-backend')).toBeTruthy();
});

it('a code for shops is set, changed and removed with the PIN, and stays nowhere in the window', async () => {
  const host = start('settings-code');
  await fireEvent.click(await screen.findByTestId('user-code-add'));
  const type = async (testid: string, value: string): Promise<void> => {
    await fireEvent.input(screen.getByTestId(testid), { target: { value } });
  };
  const save = async (): Promise<void> => {
    await fireEvent.submit(screen.getByTestId('user-code-new').closest('form') as HTMLFormElement);
  };
  await type('user-code-new', '123456');
  await type('user-code-pin', '123456');
  await save();
  expect(await screen.findByText('This is your PIN. Take another code.')).toBeTruthy();
  expect(called(host, 'set_user_code'), 'R-112: not even sent').toEqual([]);
  await type('user-code-new', 'correct horse');
  await save();
  expect(await screen.findByText('This is your password. Take another code.'), 'R-112').toBeTruthy();
  await type('user-code-new', 'blue moon 7');
  await type('user-code-pin', '000000');
  await save();
  expect(await screen.findByText('That PIN is wrong.'), 'R-113').toBeTruthy();
  await type('user-code-pin', '123456');
  await save();
  expect(await screen.findByTestId('user-code-change'), 'R-113').toBeTruthy();
  expect(called(host, 'set_user_code').at(-1)).toEqual({ account_id: 'anna', pin: '123456', user_code: 'blue moon 7' });
  expect(document.body.innerHTML, 'nothing of it is shown any more').not.toContain('blue moon');
  await fireEvent.click(screen.getByTestId('user-code-remove'));
  await type('user-code-pin', '123456');
  await fireEvent.submit(screen.getByTestId('user-code-pin').closest('form') as HTMLFormElement);
  expect(await screen.findByTestId('user-code-add'), 'R-113').toBeTruthy();
  expect(called(host, 'set_user_code').at(-1), 'R-113: without a code it is taken away').toEqual({ account_id: 'anna', pin: '123456' });
});

it('where shops ask for no code nobody is told of one', async () => {
  start('settings');
  await screen.findByTestId('account');
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(screen.queryByText('Code for calls and counters'), 'R-110').toBeNull();
});
