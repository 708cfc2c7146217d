/** What a reader of one path attribute returns in place of a value; the attribute table says what becomes of it (RFC 7606 §2). */
export class MalformedAttribute {
  readonly what: string;
  /** Subcode of an UPDATE error, should the fault end the session after all. */
  readonly subcode: number;

  constructor(what: string, subcode: number) {
    this.what = what;
    this.subcode = subcode;
  }
}
