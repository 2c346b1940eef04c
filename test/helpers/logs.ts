import { join } from 'node:path'
import { createLogger, silentLogger } from '../../keeper/base/log.ts'
import type { Logger } from '../../keeper/base/log.ts'

const { MUSTER_TEST_LOGS: dir } = process.env

/** Silent, but for a run whose logs are kept: then everything is written, to be searched in the end. */
export const testLog: Logger =
  dir === undefined
    ? silentLogger
    : createLogger({ level: 'trace', file: join(dir, `log-${process.pid}.jsonl`) })
