/**
 * `authorization_details` (RFC 9396) and other members of a request, made into rows that leave nothing out.
 *
 * A known type gets a template; whatever the template does not consume is shown as rows, so a hidden member cannot exist.
 */

/** One line of the tree. `depth` starts at 0; `key` is absent at the top. */
export interface Row {
  depth: number;
  key: string | undefined;
  value: RowValue;
}

/** What stands on a line: a leaf, or how much is below it. */
export type RowValue =
  | { kind: 'text'; text: string }
  | { kind: 'number'; text: string; exact: boolean }
  | { kind: 'word'; word: 'true' | 'false' | 'null' }
  | { kind: 'members'; count: number }
  | { kind: 'items'; count: number };

/** A payment, as far as its members are of the expected kind. */
export interface Payment {
  amount: string;
  currency: string;
  creditor: string | undefined;
  creditorAccount: string | undefined;
  debtorAccount: string | undefined;
  remittance: string | undefined;
}

type Members = Record<string, unknown>;

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether the number on the wire and the number shown are certainly the same: a longer one may have been rounded when it was read. */
function isExact(value: number): boolean {
  const significant = String(value)
    .replace(/e.*$/, '')
    .replace(/\D/g, '')
    .replace(/^0+/, '');
  return significant.length <= 15 && Math.abs(value) <= Number.MAX_SAFE_INTEGER;
}

function rowValue(value: unknown): RowValue {
  if (typeof value === 'string') return { kind: 'text', text: value };
  if (typeof value === 'number') return { kind: 'number', text: String(value), exact: isExact(value) };
  if (Array.isArray(value)) return { kind: 'items', count: value.length };
  if (isMembers(value)) return { kind: 'members', count: Object.keys(value).length };
  return { kind: 'word', word: value === true ? 'true' : value === false ? 'false' : 'null' };
}

/** Lays a value out line by line, in the order in which it was written. Depth costs no stack: strangers decide how deep it is. */
export function rows(top: unknown): Row[] {
  const laid: Row[] = [];
  const waiting: { depth: number; key: string | undefined; value: unknown }[] = [{ depth: -1, key: undefined, value: top }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { depth, key, value } = next;
    const shown = rowValue(value);
    const empty = 'count' in shown && shown.count === 0;
    if (depth >= 0 || !('count' in shown) || empty) laid.push({ depth: Math.max(depth, 0), key, value: shown });
    if (typeof value !== 'object' || value === null) continue;
    const below = Array.isArray(value)
      ? value.map((item: unknown, index) => ({ depth: depth + 1, key: String(index + 1), value: item }))
      : Object.entries(value).map(([name, item]) => ({ depth: depth + 1, key: name, value: item as unknown }));
    waiting.push(...below.reverse());
  }
  return laid;
}

/** The elements of `authorization_details`: an array of objects by the standard; anything else is one element. */
export function elements(details: unknown): unknown[] {
  if (details === undefined || details === null) return [];
  return Array.isArray(details) ? details : [details];
}

/** Takes the member `name` out of `from` when it is text. */
function takeText(from: Members, name: string): string | undefined {
  const value = from[name];
  if (typeof value !== 'string') return undefined;
  Reflect.deleteProperty(from, name);
  return value;
}

/** Takes the one text member of `from[name]` out: the account number of `{"iban": "..."}`. More members than one stay in the rows. */
function takeAccount(from: Members, name: string): string | undefined {
  const account = from[name];
  if (!isMembers(account)) return takeText(from, name);
  const members = Object.entries(account);
  const [only] = members;
  if (members.length !== 1 || typeof only?.[1] !== 'string' || only[0] !== 'iban') return undefined;
  Reflect.deleteProperty(from, name);
  return only[1];
}

/** Reads a payment out of an element, and returns what is left of it; `undefined` when it is none. */
export function takePayment(element: unknown): { payment: Payment; rest: Members } | undefined {
  if (!isMembers(element) || !isMembers(element['instructedAmount'])) return undefined;
  const sum = { ...element['instructedAmount'] };
  const rest: Members = { ...element };
  const value = takeText(sum, 'amount');
  const currency = takeText(sum, 'currency');
  if (value === undefined || currency === undefined) return undefined;
  if (Object.keys(sum).length === 0) Reflect.deleteProperty(rest, 'instructedAmount');
  else rest['instructedAmount'] = sum;
  const payment = {
    amount: value,
    currency,
    creditor: takeText(rest, 'creditorName'),
    creditorAccount: takeAccount(rest, 'creditorAccount'),
    debtorAccount: takeAccount(rest, 'debtorAccount'),
    remittance: takeText(rest, 'remittanceInformationUnstructured'),
  };
  return { payment, rest };
}

/** Whether every number in `value` can be shown as it was signed. */
export function allExact(value: unknown): boolean {
  return rows(value).every((row) => row.value.kind !== 'number' || row.value.exact);
}
