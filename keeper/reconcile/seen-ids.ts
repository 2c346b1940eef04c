import { KeeperError } from '../base/errors.ts'

const FIRST_CAPACITY = 1_024
// Eight bytes each: 256 MB. Beyond it the oldest months belong into the archive.
const MAX_IDS = 2 ** 25

/** Numbers of transfers that something explains, eight bytes each: they are below 2^53 for 270 years. */
export class SeenIds {
  #ids = new Float64Array(FIRST_CAPACITY)
  #length = 0
  #isSorted = true

  get size(): number {
    return this.#length
  }

  add(id: bigint): void {
    if (this.#length === this.#ids.length) this.#grow()
    this.#ids[this.#length] = Number(id)
    this.#length += 1
    this.#isSorted = false
  }

  has(id: bigint): boolean {
    const wanted = Number(id)
    const ids = this.#sorted()
    let [low, high] = [0, ids.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((ids[middle] ?? 0) < wanted) low = middle + 1
      else high = middle
    }
    return ids[low] === wanted
  }

  #sorted(): Float64Array {
    const ids = this.#ids.subarray(0, this.#length)
    if (!this.#isSorted) ids.sort()
    this.#isSorted = true
    return ids
  }

  #grow(): void {
    if (this.#length >= MAX_IDS) {
      throw new KeeperError('INTERNAL', { what: 'more transfers than fit the memory', MAX_IDS })
    }
    const wider = new Float64Array(this.#ids.length * 2)
    wider.set(this.#ids)
    this.#ids = wider
  }
}
