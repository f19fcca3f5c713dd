/**
 * Where the window is. The address is the fragment, so the system's back button works and the app can open a view by its name.
 *
 * A route only shows. Nothing is decided, paired or removed by going somewhere.
 */
export type Route =
  | { view: 'pending' }
  | { view: 'request'; account_id: string; handle: string }
  | { view: 'history' }
  | { view: 'record'; account_id: string; handle: string }
  | { view: 'devices' }
  | { view: 'settings' }
  | { view: 'pair' };

/** The views without anything behind their name. */
const PLAIN = ['pending', 'history', 'devices', 'settings', 'pair'] as const;

function decoded(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}

/** Reads a fragment; anything that is no route is Pending. */
export function parseRoute(fragment: string): Route {
  const [name, ...rest] = fragment.replace(/^#?\/?/, '').split('/');
  const plain = PLAIN.find((view) => view === name);
  if (plain !== undefined && rest.length === 0) return { view: plain };
  const [account_id, handle] = rest.map(decoded);
  if ((name === 'request' || name === 'record') && rest.length === 2 && account_id && handle) return { view: name, account_id, handle };
  return { view: 'pending' };
}

/** Writes a route as a fragment. */
export function fragmentOf(route: Route): string {
  if (route.view !== 'request' && route.view !== 'record') return `#/${route.view}`;
  return `#/${route.view}/${encodeURIComponent(route.account_id)}/${encodeURIComponent(route.handle)}`;
}

class Router {
  current = $state.raw<Route>(parseRoute(location.hash));

  /** Follows the address. Returns how to stop. */
  start(): () => void {
    const follow = (): void => {
      this.current = parseRoute(location.hash);
    };
    follow();
    addEventListener('hashchange', follow);
    return () => {
      removeEventListener('hashchange', follow);
    };
  }

  /** Goes to `route`. */
  go(route: Route): void {
    location.hash = fragmentOf(route);
    this.current = route;
  }
}

export const router = new Router();
