/** The string formats that Kubernetes checks; any other format is only a remark. */

const IPV4 = /^(25[0-5]|2[0-4]\d|1?\d?\d)(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const DATE_TIME = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;
const DATE = /^(\d{4})-(\d\d)-(\d\d)$/;
/** One label, or several of which the last is letters only, two at least. */
const HOSTNAME = /^([a-zA-Z0-9\p{S}\p{L}]((-?[a-zA-Z0-9\p{S}\p{L}]{0,62})?)|([a-zA-Z0-9\p{S}\p{L}](([-a-zA-Z0-9\p{S}\p{L}]{0,61}[a-zA-Z0-9\p{S}\p{L}])?)\.)+[a-zA-Z\p{L}]{2,63})$/u;
const DURATION = /^\s*([+-]?(\d+(\.\d*)?|\.\d+)\s*(ns|us|µs|μs|ms|s|m|h|d|w|nanos?|micros?|millis?|seconds?|minutes?|hours?|days?|weeks?)\s*)+$|^0$/i;
const uuid = (version: string): RegExp => new RegExp(`^[0-9a-f]{8}-?[0-9a-f]{4}-?${version}[0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12}$`, 'i');

const matches = (pattern: RegExp) => (text: string): boolean => pattern.test(text);

const FORMATS: Readonly<Record<string, (text: string) => boolean>> = {
  'date-time': (text) => { const m = DATE_TIME.exec(text); return m !== null && isDate(m) && Number(m[4]) < 24 && Number(m[5]) < 60 && Number(m[6]) < 60; },
  date: (text) => { const m = DATE.exec(text); return m !== null && isDate(m); },
  byte: matches(BASE64),
  ipv4: matches(IPV4),
  ipv6: isIpv6,
  cidr: (text) => isCidr(text),
  mac: matches(/^([0-9a-f]{2}([:-]))([0-9a-f]{2}\2){4}[0-9a-f]{2}$|^([0-9a-f]{4}\.){2}[0-9a-f]{4}$/i),
  uuid: matches(uuid('[0-9a-f]')), uuid3: matches(uuid('3')), uuid4: matches(uuid('4')), uuid5: matches(uuid('5')),
  hostname: matches(HOSTNAME),
  email: matches(/^[^\s@<>]+@[^\s@<>]+$/),
  uri: (text) => URL.canParse(text) || text.startsWith('/'),
  duration: matches(DURATION),
};

/** True when the text has the format, or the format is not one that is checked. */
export function hasFormat(format: string, text: string): boolean {
  const check = Object.hasOwn(FORMATS, format) ? FORMATS[format] : undefined;
  return check === undefined || check(text);
}

export const isIpv4 = (text: string): boolean => IPV4.test(text) && !/(^|\.)0\d/.test(text);

export function isIpv6(text: string): boolean {
  if (text.includes('%')) return false;
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (tail !== null && !isIpv4(tail[2]!)) return false;
  const groups = tail === null ? text : `${tail[1]!}0:0`;
  const halves = groups.split('::');
  if (halves.length > 2) return false;
  const parts = halves.flatMap((half) => (half === '' ? [] : half.split(':')));
  return parts.every((part) => /^[0-9a-f]{1,4}$/i.test(part)) && (halves.length === 2 ? parts.length <= 7 : parts.length === 8);
}

export function isCidr(text: string): boolean {
  const [address = '', length = '', more] = text.split('/');
  if (more !== undefined || !/^(0|[1-9]\d{0,2})$/.test(length)) return false;
  return (isIpv4(address) && Number(length) <= 32) || (isIpv6(address) && Number(length) <= 128);
}

function isDate(m: RegExpExecArray): boolean {
  const [year, month, day] = [Number(m[1]), Number(m[2]), Number(m[3])];
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const days = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1];
  return days !== undefined && day >= 1 && day <= days;
}
