import { systemClock } from '../../keeper/base/time.ts'
import { openStore } from '../../keeper/store/open-store.ts'
import { describe as describeError } from '../../keeper/base/errors.ts'

/** A process that opens the store of a directory, says so, and holds it until it is killed. */
const [home = ''] = process.argv.slice(2)
const startedMs = performance.now()
try {
  const db = await openStore({ home, clock: systemClock })
  await db.query('create table if not exists mark (id int)')
  await db.query('insert into mark values (1)')
  console.log('held')
  setInterval(() => {}, 60_000)
} catch (error) {
  const { code, exitCode } = describeError(error)
  console.log(`${code} after ${performance.now() - startedMs} ms`)
  process.exit(exitCode)
}
