import type { Why } from '../payouts/why.ts'
import { PARTNERS } from '../programs/partners/names.ts'
import { explainPartner, periodOfRef } from '../programs/partners/why.ts'
import type { Db } from '../store/db.ts'
import { partnerLines } from './why-partner-lines.ts'

/** What a program's own records say of an award, beside what books and chain do. */
export interface Story {
  ref: string
  /** As --json has it. */
  told: object
  lines: string[]
}

/** Of one award; undefined: nothing more than its reason. */
type Teller = (db: Db, ref: string) => Promise<Omit<Story, 'ref'> | undefined>

const TELLERS: Readonly<Record<string, Teller>> = { [PARTNERS]: tellPartner }

async function tellPartner(db: Db, ref: string): ReturnType<Teller> {
  const asked = periodOfRef(ref)
  const told = asked && (await explainPartner(db, asked.partner, asked))
  return told && { told, lines: partnerLines(told) }
}

/** Of every award that is shown, once a period: a correction's award has the same story as the first one. */
export async function tellStories(db: Db, { program, awards }: Why): Promise<Story[]> {
  const tell = TELLERS[program]
  if (!tell) return []
  const stories: Story[] = []
  const seen = new Set<string>()
  for (const { ref } of awards) {
    const name = ref.replace(/:[^/]*(?=\/)/, '')
    if (seen.has(name)) continue
    seen.add(name)
    const story = await tell(db, ref)
    if (story) stories.push({ ref: name, ...story })
  }
  return stories
}
