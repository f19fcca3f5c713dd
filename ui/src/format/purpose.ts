/** One line that says what a request is for. */
import type { RequestContent } from '../protocol/RequestContent';
import type { ScopeShown } from '../protocol/ScopeShown';
import { amount, type Amount } from './amounts';
import { elements, takePayment } from './details';

/** The words of the scopes; a scope without words is shown by its name. */
export function scopeTexts(scopes: readonly ScopeShown[]): string[] {
  return scopes.map((scope) => (scope.text === '' ? scope.name : scope.text));
}

/** The amounts that the request would pay, in order. */
export function amounts(content: RequestContent, language: string): Amount[] {
  return elements(content.authorization_details).flatMap((element) => {
    const taken = takePayment(element);
    return taken === undefined ? [] : [amount(taken.payment.amount, taken.payment.currency, language)];
  });
}
