import type { CheckRoom } from '../../../payouts/program-check.ts'

interface Told {
  hour: bigint
  partner: string
  found: string | null
  expected: string | null
}

// The first ones show what happened.
const MAX_TOLD = 200

const TOTAL = 's.top10p + s.top10 + s.top100 + s.top1000 + s."all"'

/** For the second database: the newest sum of an hour is the share, each older one is what it was before a correction. */
export async function checkOutbox({ db, differ }: Pick<CheckRoom, 'db' | 'differ'>): Promise<void> {
  const rows = await db.query<Told & object>(
    `with sent as (
       select o.*, row_number() over own - 1 as place,
              lead(o.id) over own is null as is_newest
         from partner_outbox o window own as (partition by o.hour, o.partner order by o.revision))
     select o.hour, o.partner, o.cc_reward::text as found, (${TOTAL})::text as expected
       from sent o
       left join partner_hour_share s
         on not s.shadow and s.hour = o.hour and s.partner = o.partner
      where o.revision <> o.place or s.partner is null
         or (o.is_newest and o.cc_reward <> ${TOTAL})
         or (not o.is_newest and not exists (
              select 1 from partner_correction c
                join partner_correction_line l on l.correction = c.id and l.partner = o.partner
               where c.kind = 'hour' and c.period = o.hour::text
                 and (l.before ->> 'total')::numeric = o.cc_reward))
     union all
     select s.hour, s.partner, null, (${TOTAL})::text
       from partner p
       join partner_hour_share s on s.partner = p.id and not s.shadow
       join partner_hour h on not h.shadow and h.hour = s.hour
      where p.is_special and p.recorded_at < h.at
        and not exists (select 1 from partner_outbox o
                         where o.hour = s.hour and o.partner = s.partner)
      order by 1, 2 limit ${MAX_TOLD}`,
  )
  for (const { hour, partner, found, expected } of rows) {
    const facts = { found: found ?? 'nothing', expected: expected ?? 'nothing' }
    differ('PARTNERS_OUTBOX_DIFFERS', { hour, partner, ...facts })
  }
}
