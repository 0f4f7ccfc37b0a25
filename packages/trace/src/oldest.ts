/**
 * The keys that were set first in a Map that is full: a 64th of them. One at a time would cost the square of the size,
 * because a Map keeps the places of what was deleted, and each look for its first key steps over them all.
 */
export function oldestKeys<Key>(map: ReadonlyMap<Key, unknown>): Key[] {
  const keys: Key[] = []
  const many = Math.ceil(map.size / 64)
  for (const key of map.keys()) if (keys.push(key) >= many) break
  return keys
}
