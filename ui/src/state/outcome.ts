/** Which words tell how a request ended, and what the asking side sees of it. */
import type { MessageKey } from '../messages/text';
import type { SettledView } from '../protocol/SettledView';
import type { Detail, DetailKind } from './detail.svelte';

/** How an ended request is told. */
export interface Outcome {
  tone: 'good' | 'calm' | 'warn' | 'bad';
  /** Whether something is still under way. */
  busy?: boolean;
  title: MessageKey;
  what: MessageKey;
  /** One more sentence, where there is something to do or to know. */
  more?: MessageKey;
  /** What the asking side sees. */
  cd?: MessageKey;
  /** Whether to show what to do when somebody else may be at work. */
  guide?: boolean;
}

/** What the other side sees of a denial. A provider that is told in a call of its own may not know yet. */
function deniedThere(settled: SettledView | undefined): MessageKey {
  switch (settled?.delivery) {
    case undefined:
      return 'denied.cd';
    case 'owed':
      return 'denied.telling';
    case 'done':
      return 'denied.told';
    case 'failed':
      return 'denied.untold';
    case 'unclear':
      return 'denied.unclear';
  }
}

function denied(settled: SettledView | undefined): Outcome {
  const cd = deniedThere(settled);
  switch (settled?.reason) {
    case 'not_me':
      return { tone: 'bad', title: 'denied.not_me_title', what: 'denied.not_me_what', cd, guide: true };
    case 'too_many':
      return { tone: 'calm', title: 'denied.title', what: 'denied.what', more: 'denied.too_many', cd };
    case 'number_mismatch':
    case 'changed_mind':
    case undefined:
      return { tone: 'calm', title: 'denied.title', what: 'denied.what', cd };
  }
}

function approvedThere(settled: SettledView | undefined, received: boolean): MessageKey {
  if (settled?.delivery !== undefined) return 'approved.told';
  return received ? 'approved.received' : 'approved.waiting';
}

function elsewhere(settled: SettledView | undefined): Outcome {
  if (settled?.state !== 'approved') {
    const cd = settled?.delivery === undefined ? 'elsewhere.denied_cd' : deniedThere(settled);
    return { tone: 'calm', title: 'elsewhere.denied', what: 'elsewhere.what', cd };
  }
  const told = { tone: 'good', title: 'elsewhere.approved', what: 'elsewhere.what' } as const;
  if (settled.delivery === 'owed') return { ...told, tone: 'calm', busy: true, cd: 'elsewhere.telling_cd' };
  return { ...told, cd: settled.delivery === undefined ? 'elsewhere.approved_cd' : 'approved.told' };
}

/** The words for `detail` when it looks like `kind`; `received` says whether the client has picked an approval up. */
export function outcomeOf(kind: DetailKind, detail: Detail, received: boolean): Outcome {
  switch (kind) {
    case 'loading':
    case 'ready':
    case 'needs_unlock':
    case 'wrong_number':
      return { tone: 'calm', title: 'detail.loading', what: 'detail.loading_what' };
    case 'sending':
      return { tone: 'calm', busy: true, title: 'sending.title', what: 'sending.what' };
    case 'offline':
      return { tone: 'warn', title: 'offline.title', what: 'offline.what', cd: 'offline.cd' };
    case 'telling':
      return { tone: 'calm', busy: true, title: 'telling.title', what: 'telling.what', more: 'telling.more', cd: 'telling.cd' };
    case 'approved':
      return { tone: 'good', title: 'approved.title', what: 'approved.what', cd: approvedThere(detail.settled, received) };
    case 'denied':
      return denied(detail.settled);
    case 'mismatch':
      return { tone: 'warn', title: 'mismatch.title', what: 'mismatch.what', cd: 'mismatch.cd' };
    case 'expired':
      return { tone: 'calm', title: 'expired.title', what: 'expired.what', cd: 'expired.cd' };
    case 'cancelled':
      return { tone: 'calm', title: 'cancelled.title', what: 'cancelled.what', cd: 'cancelled.cd' };
    case 'superseded':
      return { tone: 'calm', title: 'superseded.title', what: 'superseded.what', cd: 'superseded.cd' };
    case 'handled_elsewhere':
      return elsewhere(detail.settled);
    case 'failed':
      return { tone: 'warn', title: 'failed.title', what: 'failed.what', cd: 'failed.cd' };
    case 'unclear':
      return { tone: 'warn', title: 'unclear.title', what: 'unclear.what', cd: 'unclear.cd' };
    case 'cannot_verify':
      return { tone: 'bad', title: 'unverified.title', what: 'unverified.what', more: 'unverified.next', cd: 'unverified.cd' };
    case 'device_removed':
      return { tone: 'bad', title: 'removed.title', what: 'removed.what', more: 'removed.next', cd: 'removed.cd' };
    case 'error':
      return { tone: 'warn', title: 'failure.title', what: `error.${detail.failure?.code ?? 'internal'}`, cd: 'failure.cd' };
  }
}
