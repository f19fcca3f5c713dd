import { expect, it } from 'vitest';
import { fragmentOf, parseRoute, type Route } from './route.svelte';

it('reads back what it wrote', () => {
  const routes: Route[] = [{ view: 'pending' }, { view: 'request', account_id: 'a/b #?', handle: 'ü%' }, { view: 'record', account_id: 'x', handle: 'y' }, { view: 'pair' }];
  for (const route of routes) expect(parseRoute(fragmentOf(route))).toEqual(route);
});

/** S-032: no address decides anything; what is no view is Pending. */
it('knows no address that acts', () => {
  for (const address of ['', '#', '#/approve/a/b', '#/request/a', '#/request/a/b/approve', '#/request/%/b', '#/request//b', '#/deny']) {
    expect(parseRoute(address), `S-032: ${address}`).toEqual({ view: 'pending' });
  }
});
