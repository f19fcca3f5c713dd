/** Money, as the person's language writes it, beside the value that was signed. */

/** An amount for people (`shown`, absent when the value is no plain decimal) and as it was sent (`raw`). */
export interface Amount {
  shown?: string;
  raw: string;
}

const DECIMAL = /^-?[0-9]{1,30}(\.[0-9]{1,20})?$/;
const CURRENCY = /^[A-Z]{3}$/;

/**
 * Writes `value` of `currency` for `locale`, with the ISO code in place of an ambiguous symbol.
 *
 * No digit is rounded away: a value with more places than the currency has is shown with all of them.
 */
export function amount(value: string, currency: string, locale: string): Amount {
  const raw = `${value} ${currency}`;
  if (!DECIMAL.test(value) || !CURRENCY.test(currency)) return { raw };
  const places = value.split('.')[1]?.length ?? 0;
  const plain = new Intl.NumberFormat(locale, { style: 'currency', currency, currencyDisplay: 'code' });
  const usual = plain.resolvedOptions().maximumFractionDigits ?? 2;
  const exact = new Intl.NumberFormat(locale, {
    style: 'currency',
    currency,
    currencyDisplay: 'code',
    minimumFractionDigits: usual,
    maximumFractionDigits: Math.max(usual, places),
  });
  // Given as text the decimal never becomes a binary number, so long values keep every digit.
  return { shown: exact.format(value as Intl.StringNumericLiteral), raw };
}
