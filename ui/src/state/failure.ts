/** What a rejected command tells. */
import type { ErrorView } from '../protocol/ErrorView';
import en from '../messages/en.json';

/** Reads a rejection. Whatever is no `ErrorView` of this app is a fault of the app. */
export function failureOf(rejection: unknown): ErrorView {
  if (typeof rejection === 'object' && rejection !== null && 'code' in rejection && `error.${String(rejection.code)}` in en) {
    return rejection as ErrorView;
  }
  return { code: 'internal', message: String(rejection) };
}
