/** A selector as a tree: what it says of a set of labels, and its one canonical text. */

export type Selector =
  | { readonly kind: 'all' | 'global' }
  | { readonly kind: 'has'; readonly label: string }
  | { readonly kind: 'equals' | 'differs' | 'contains' | 'starts with' | 'ends with'; readonly label: string; readonly value: string }
  | { readonly kind: 'in' | 'not in'; readonly label: string; readonly values: ReadonlySet<string> }
  | { readonly kind: 'not'; readonly operand: Selector }
  | { readonly kind: 'and' | 'or'; readonly operands: readonly Selector[] };

export type Labels = Readonly<Record<string, string>>;

/**
 * True when the labels match. An absent label matches `!=` and `not in` and nothing else.
 * `global()` is true: its meaning (no namespace) is given to it where it is used.
 */
export function matches(selector: Selector, labels: Labels): boolean {
  switch (selector.kind) {
    case 'all': case 'global': return true;
    case 'not': return !matches(selector.operand, labels);
    case 'and': return selector.operands.every((s) => matches(s, labels));
    case 'or': return selector.operands.some((s) => matches(s, labels));
    default: return matchesLabel(selector, Object.hasOwn(labels, selector.label) ? labels[selector.label] : undefined);
  }
}

function matchesLabel(selector: Exclude<Selector, { kind: 'all' | 'global' | 'not' | 'and' | 'or' }>, value: string | undefined): boolean {
  switch (selector.kind) {
    case 'has': return value !== undefined;
    case 'equals': return value === selector.value;
    case 'differs': return value !== selector.value;
    case 'contains': return value?.includes(selector.value) ?? false;
    case 'starts with': return value?.startsWith(selector.value) ?? false;
    case 'ends with': return value?.endsWith(selector.value) ?? false;
    case 'in': return value !== undefined && selector.values.has(value);
    case 'not in': return value === undefined || !selector.values.has(value);
  }
}

/** The same text for the same tree: groups in parentheses, double quotes, sets sorted. Calico's identifiers hang on it. */
export function canonical(selector: Selector): string {
  switch (selector.kind) {
    case 'all': case 'global': return `${selector.kind}()`;
    case 'has': return `has(${selector.label})`;
    case 'equals': return `${selector.label} == ${quoted(selector.value)}`;
    case 'differs': return `${selector.label} != ${quoted(selector.value)}`;
    case 'contains': case 'starts with': case 'ends with':
      return `${selector.label} ${selector.kind} ${quoted(selector.value)}`;
    case 'in': case 'not in':
      return `${selector.label} ${selector.kind} {${[...selector.values].sort().map(quoted).join(', ')}}`;
    case 'not': return `!${canonical(selector.operand)}`;
    case 'and': return `(${selector.operands.map(canonical).join(' && ')})`;
    case 'or': return `(${selector.operands.map(canonical).join(' || ')})`;
  }
}

/** A value holds at most one kind of quotation mark: the grammar has no escapes. */
const quoted = (value: string): string => (value.includes('"') ? `'${value}'` : `"${value}"`);
