/** Which words tell how a request ended, and what the asking side sees of it. */
import type { MessageKey } from '../messages/text';
import type { Detail, DetailKind } from './detail.svelte';

/** How an ended request is told. */
export interface Outcome {
  tone: 'good' | 'calm' | 'warn' | 'bad';
  title: MessageKey;
  what: MessageKey;
  /** One more sentence, where there is something to do or to know. */
  more?: MessageKey;
  /** What the asking side sees. */
  cd?: MessageKey;
  /** Whether to show what to do when somebody else may be at work. */
  guide?: boolean;
}

function denied(detail: Detail): Outcome {
  switch (detail.settled?.reason) {
    case 'not_me':
      return { tone: 'bad', title: 'denied.not_me_title', what: 'denied.not_me_what', cd: 'denied.cd', guide: true };
    case 'too_many':
      return { tone: 'calm', title: 'denied.title', what: 'denied.what', more: 'denied.too_many', cd: 'denied.cd' };
    case 'number_mismatch':
    case 'changed_mind':
    case undefined:
      return { tone: 'calm', title: 'denied.title', what: 'denied.what', cd: 'denied.cd' };
  }
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
      return { tone: 'calm', title: 'sending.title', what: 'sending.what' };
    case 'offline':
      return { tone: 'warn', title: 'offline.title', what: 'offline.what', cd: 'offline.cd' };
    case 'approved':
      return { tone: 'good', title: 'approved.title', what: 'approved.what', cd: received ? 'approved.received' : 'approved.waiting' };
    case 'denied':
      return denied(detail);
    case 'mismatch':
      return { tone: 'warn', title: 'mismatch.title', what: 'mismatch.what', cd: 'mismatch.cd' };
    case 'expired':
      return { tone: 'calm', title: 'expired.title', what: 'expired.what', cd: 'expired.cd' };
    case 'cancelled':
      return { tone: 'calm', title: 'cancelled.title', what: 'cancelled.what', cd: 'cancelled.cd' };
    case 'superseded':
      return { tone: 'calm', title: 'superseded.title', what: 'superseded.what', cd: 'superseded.cd' };
    case 'handled_elsewhere':
      return detail.settled?.state === 'approved'
        ? { tone: 'good', title: 'elsewhere.approved', what: 'elsewhere.what', cd: 'elsewhere.approved_cd' }
        : { tone: 'calm', title: 'elsewhere.denied', what: 'elsewhere.what', cd: 'elsewhere.denied_cd' };
    case 'failed':
      return { tone: 'warn', title: 'failed.title', what: 'failed.what', cd: 'failed.cd' };
    case 'cannot_verify':
      return { tone: 'bad', title: 'unverified.title', what: 'unverified.what', more: 'unverified.next', cd: 'unverified.cd' };
    case 'device_removed':
      return { tone: 'bad', title: 'removed.title', what: 'removed.what', more: 'removed.next', cd: 'removed.cd' };
    case 'error':
      return { tone: 'warn', title: 'failure.title', what: `error.${detail.failure?.code ?? 'internal'}`, cd: 'failure.cd' };
  }
}
