/** What is known about the device at which the request began. All of it was said by the client; nobody has checked it. */

/** The facts that people look for, in this order; the words for them are messages. */
export const LOOKED_FOR = ['device', 'location', 'ip'] as const;

/** A fact people look for: its value, or `undefined` when the client did not say. */
export interface Fact {
  name: (typeof LOOKED_FOR)[number];
  value: string | undefined;
}

/** The facts, and everything else that was reported. */
export interface Reported {
  facts: Fact[];
  rest: Record<string, unknown> | undefined;
}

const SPELLINGS: Record<Fact['name'], readonly string[]> = {
  device: ['device', 'user_agent', 'browser'],
  location: ['location', 'city', 'place'],
  ip: ['ip', 'ip_address'],
};

function isMembers(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Sorts what was reported into facts and the rest. A context that is no object is shown whole among the rest. */
export function reported(context: unknown): Reported {
  let rest: Record<string, unknown> = {};
  if (isMembers(context)) {
    const { reported: inner, ...others } = context;
    rest = isMembers(inner) ? { ...others, ...inner } : { ...context };
    // A member that stands both outside and inside keeps both its values.
    if (isMembers(inner) && Object.keys(others).some((name) => name in inner)) rest = { ...others, reported: inner };
  } else if (context !== undefined && context !== null) {
    rest = { context };
  }
  const facts = LOOKED_FOR.map((name): Fact => {
    const spelling = SPELLINGS[name].find((candidate) => typeof rest[candidate] === 'string' && rest[candidate] !== '');
    if (spelling === undefined) return { name, value: undefined };
    const value = String(rest[spelling]);
    rest = Object.fromEntries(Object.entries(rest).filter(([member]) => member !== spelling));
    return { name, value };
  });
  return { facts, rest: Object.keys(rest).length === 0 ? undefined : rest };
}
