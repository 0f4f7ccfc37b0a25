/** On a file system that writes in place, a block is still the file's that a map from earlier has there. */
import type { FileBook } from './file-book.ts'
import type { Claim, MapClaims } from './map-claims.ts'
import { writesInPlace } from './map-evidence.ts'
import type { Place, Places } from './places.ts'
import type { FsViews } from './views.ts'

export interface Mapped {
  readonly views: FsViews
  readonly claims: MapClaims
  readonly places: Places
  readonly book: FileBook
}

/** From maps before the trace, or of a moment that is over, by its index. */
export function learnMaps(when: 'before' | number, { views, claims, places, book }: Mapped): void {
  const atNs = when === 'before' ? -Infinity : claims.moments[when].fromNs
  // Calls know a file by all of its names, a map by one that it may have lost since.
  const isCalled = ({ file }: Place): boolean => file >= 0 && book.at(file).traced !== null
  for (const view of views.all) {
    if (!writesInPlace(view)) continue
    claims.all(view, when, (claim) => {
      const space = places.spaceOf(view, { address: claim.start, device: view.devices[0] ?? -1 })
      const place = placeOf(claim, atNs)
      if (when === 'before') places.set(space, claim.start, claim.end, place)
      else places.learn(space, claim.start, claim.end, place, isCalled(place) ? () => false : isCalled)
    })
  }
}

function placeOf({ file, fileOffset, start, source }: Claim, atNs: number): Place {
  return {
    kind: 'before',
    file,
    inode: -1,
    fileOffset,
    start,
    linear: true,
    atNs,
    source: -1,
    record: -1,
    origin: source,
  }
}
