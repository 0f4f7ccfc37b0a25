/** Records by names that traces tell: a name may be one that every object has (`constructor`, `__proto__`). */

/** Sets it as the record's own, whatever it is called. */
export function setOwn<T>(record: Record<string, T>, name: string, value: T): void {
  if (name !== '__proto__') record[name] = value
  else Object.defineProperty(record, name, { value, enumerable: true, writable: true, configurable: true })
}

/** Counts `more` of that name. */
export function addOwn(counts: Record<string, number>, name: string, more = 1): void {
  setOwn(counts, name, (Object.hasOwn(counts, name) ? counts[name] : 0) + more)
}
