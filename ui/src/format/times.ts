/** Times in the person's own language and time zone. */

const SECOND = 1000;
const DAY = 86_400 * SECOND;

/** The language in which numbers and times are written: the first of the person's that can be. */
export function locale(languages: readonly string[] = navigator.languages): string {
  // A system without a language calls itself "C", and some web views pass that on; Intl throws at it.
  return languages.find(isLanguage) ?? 'en';
}

function isLanguage(tag: string): boolean {
  try {
    return Intl.DateTimeFormat.supportedLocalesOf(tag).length > 0;
  } catch {
    return false;
  }
}

/** Hour and minute. */
export function clockTime(at: number, language = locale()): string {
  return new Intl.DateTimeFormat(language, { hour: 'numeric', minute: '2-digit' }).format(at);
}

/** Date and time in full. */
export function moment(at: number, language = locale()): string {
  return new Intl.DateTimeFormat(language, { dateStyle: 'long', timeStyle: 'medium' }).format(at);
}

/** Date and time, short. */
export function shortMoment(at: number, language = locale()): string {
  return new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' }).format(at);
}

function startOfDay(at: number): number {
  const day = new Date(at);
  day.setHours(0, 0, 0, 0);
  return day.getTime();
}

/** The day of `at`: today and yesterday by name, others by date. */
export function dayName(at: number, now: number, language = locale()): string {
  const days = Math.round((startOfDay(at) - startOfDay(now)) / DAY);
  if (days === 0 || days === -1) {
    const name = new Intl.RelativeTimeFormat(language, { numeric: 'auto' }).format(days, 'day');
    return name.charAt(0).toLocaleUpperCase(language) + name.slice(1);
  }
  return new Intl.DateTimeFormat(language, { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' }).format(at);
}

/** A key that is equal for times of the same day. */
export function dayKey(at: number): number {
  return startOfDay(at);
}

/** How long ago, in the largest unit that is not zero. */
export function ago(at: number, now: number, language = locale()): string {
  const format = new Intl.RelativeTimeFormat(language, { numeric: 'auto' });
  const seconds = Math.min(0, Math.round((at - now) / SECOND));
  if (seconds > -60) return format.format(0, 'minute');
  if (seconds > -3600) return format.format(Math.trunc(seconds / 60), 'minute');
  if (seconds > -86_400) return format.format(Math.trunc(seconds / 3600), 'hour');
  return format.format(Math.trunc(seconds / 86_400), 'day');
}

/** Whole seconds until `at`, never below zero. */
export function secondsUntil(at: number, now: number): number {
  return Math.max(0, Math.ceil((at - now) / SECOND));
}

/** Minutes and seconds, as on a stop watch: `1:05`. */
export function stopwatch(seconds: number): string {
  return `${String(Math.floor(seconds / 60))}:${String(seconds % 60).padStart(2, '0')}`;
}
