/** One line that says what a request is for. */
import type { RequestContent } from '../protocol/RequestContent';
import type { ScopeShown } from '../protocol/ScopeShown';
import { amount, type Amount } from './amounts';
import { sums } from './details';

/** The words of the scopes; a scope without words is shown by its name. */
export function scopeTexts(scopes: readonly ScopeShown[]): string[] {
  return scopes.map((scope) => (scope.text === '' ? scope.name : scope.text));
}

/** The amounts that the request is about, in order. */
export function amounts(content: RequestContent, language: string): Amount[] {
  return sums(content.details).map((sum) => amount(sum.amount, sum.currency, language));
}
