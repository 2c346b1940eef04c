import { KeeperError } from '../../keeper/base/errors.ts'
import type { SpecialRow, SpecialTarget } from '../../keeper/programs/partners/special/send.ts'

export interface SecondStore {
  target: SpecialTarget
  /** What is there, in the order in which it came; and what was written, an update too. */
  rows(): string[]
  writes: string[]
  opened: number
  onOpen: (() => Promise<void>) | undefined
  beforePut: ((rows: readonly SpecialRow[]) => Promise<void>) | undefined
  /** After the commit, before its answer. */
  afterPut: (() => Promise<void>) | undefined
}

/** A table in memory with the same rules as the real one: for faults that no server has on demand. */
export function secondStore(): SecondStore {
  const table = new Map<string, bigint>()
  let isLocked = false
  const put = async (rows: readonly SpecialRow[]): Promise<void> => {
    await store.beforePut?.(rows)
    for (const { hour, partner, ccReward } of rows) {
      const key = `${hour}/${partner}`
      if (table.get(key) === ccReward) continue
      table.set(key, ccReward)
      store.writes.push(`${key} ${ccReward}`)
    }
    await store.afterPut?.()
  }
  const store: SecondStore = {
    target: {
      open: async () => {
        await store.onOpen?.()
        if (isLocked) throw new KeeperError('PARTNERS_SPECIAL_BUSY', { table: 'cc_hourly' })
        isLocked = true
        store.opened += 1
        const close = async (): Promise<void> => {
          isLocked = false
        }
        return { put, close }
      },
    },
    rows: () => [...table].map(([key, amount]) => `${key} ${amount}`),
    writes: [],
    opened: 0,
    onOpen: undefined,
    beforePut: undefined,
    afterPut: undefined,
  }
  return store
}
