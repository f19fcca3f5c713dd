/** Authorization details as the app laid them out, and members of other kinds laid out in the same way. */
import type { DetailRow } from '../protocol/DetailRow';
import type { DetailShown } from '../protocol/DetailShown';
import type { DetailValue } from '../protocol/DetailValue';
import type { MessageKey } from '../messages/text';

/** A line. `inexact` marks a number that may have been rounded when it was read, which authorization details never are. */
export type Line = DetailRow & { inexact?: true };

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

function detailValue(value: unknown): DetailValue {
  if (typeof value === 'string') return { kind: 'text', text: value };
  if (typeof value === 'number') return { kind: 'number', text: String(value) };
  if (Array.isArray(value)) return { kind: 'items', count: value.length };
  if (isMembers(value)) return { kind: 'members', count: Object.keys(value).length };
  return { kind: 'word', text: String(value ?? null) };
}

/** Lays a value out line by line, in the order in which it was written. Depth costs no stack: strangers decide how deep it is. */
export function rows(top: unknown): Line[] {
  const laid: Line[] = [];
  const waiting: { depth: number; path: string; key: string | undefined; value: unknown }[] = [{ depth: -1, path: '', key: undefined, value: top }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { depth, path, key, value } = next;
    const shown = detailValue(value);
    const hasBelow = 'count' in shown && shown.count > 0;
    if (depth >= 0 || !hasBelow) {
      const line: Line = { path, depth: Math.max(depth, 0), value: shown };
      if (key !== undefined) line.key = key;
      if (typeof value === 'number' && !isExact(value)) line.inexact = true;
      laid.push(line);
    }
    if (typeof value !== 'object' || value === null) continue;
    const below = Array.isArray(value)
      ? value.map((item: unknown, index) => ({ depth: depth + 1, path: `${path}/${String(index)}`, key: String(index + 1), value: item }))
      : Object.entries(value).map(([name, item]) => ({ depth: depth + 1, path: `${path}/${name}`, key: name, value: item as unknown }));
    waiting.push(...below.reverse());
  }
  return laid;
}

/** Members of a payment that have words of ours where the operator has none (RFC 9396 section 2). */
const KNOWN: Partial<Record<string, MessageKey>> = {
  '/instructedAmount': 'detail.payment',
  '/creditorName': 'detail.payee',
  '/creditorAccount': 'detail.payee_account',
  '/creditorAccount/iban': 'detail.payee_account',
  '/debtorAccount/iban': 'detail.from_account',
  '/remittanceInformationUnstructured': 'detail.reference',
};

/** What a line that stands first is called: in the operator's words, in ours, or by its own name. */
export function nameOf(row: DetailRow, said: (key: MessageKey) => string): string {
  if (row.label !== undefined) return row.label;
  const known = Object.hasOwn(KNOWN, row.path) ? KNOWN[row.path] : undefined;
  return known === undefined ? (row.key ?? '') : said(known);
}

/** The sums of money that stand first, in their order. */
export function sums(details: readonly DetailShown[] | undefined): { amount: string; currency: string }[] {
  const first = (details ?? []).flatMap((element) => element.first);
  return first.flatMap(({ value }) => (value.kind === 'sum' ? [value] : []));
}
