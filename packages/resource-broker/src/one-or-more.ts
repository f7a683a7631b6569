/** A value by itself where there is but one, as nearly always: a set for each of a million would cost more than they. */
export type OneOrMore<Value extends object> = Value | readonly Value[]

/** The values, in the order in which they were added. */
export function allOf<Value extends object>(values: OneOrMore<Value> | undefined): readonly Value[] {
  if (values === undefined) return []
  return isMore(values) ? values : [values]
}

/** With one more. */
export function addOne<Value extends object>(
  values: OneOrMore<Value> | undefined,
  value: Value,
): OneOrMore<Value> {
  return values === undefined ? value : [...allOf(values), value]
}

/** Without one of them; nothing when it was the only one. */
export function withoutOne<Value extends object>(
  values: OneOrMore<Value> | undefined,
  value: Value,
): OneOrMore<Value> | undefined {
  if (values === undefined || values === value) return undefined
  const others = allOf(values).filter((other) => other !== value)
  return others.length > 1 ? others : others[0]
}

function isMore<Value extends object>(values: OneOrMore<Value>): values is readonly Value[] {
  return Array.isArray(values)
}
