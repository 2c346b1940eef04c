// Loaded first in every process of a test run (NODE_OPTIONS of scripts/test.ts): keeps a copy of what the
// process writes to its terminal or to a log, also where the test that started it throws that away.
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'

const { MUSTER_TEST_LOGS: dir } = process.env
if (dir !== undefined) keepLogs(dir)

function keepLogs(dir: string): void {
  const file = fs.openSync(join(dir, `process-${process.pid}.log`), 'a')
  const { writeSync } = fs
  const keep = (chunk: unknown): void => {
    if (typeof chunk === 'string') writeSync(file, chunk)
    else if (chunk instanceof Uint8Array) writeSync(file, chunk)
  }
  // The loggers write lines synchronously, to stderr or to a file.
  fs.writeSync = ((fd: number, data: string, ...rest: []) => {
    if (typeof data === 'string') keep(data)
    return writeSync(fd, data, ...rest)
  }) as typeof fs.writeSync
  syncBuiltinESMExports()
  // `muster chain` answers with the well-known test keys, `muster tokens add` with the token, once: on purpose.
  const [, script, ...words] = process.argv
  const isTold = ['chain', 'tokens add'].some((command) => words.join(' ').startsWith(command))
  for (const stream of script?.endsWith('keeper/cli.ts') && isTold
    ? [process.stderr]
    : [process.stdout, process.stderr]) {
    const write = stream.write.bind(stream)
    stream.write = (chunk: string, ...rest: []) => {
      keep(chunk)
      return write(chunk, ...rest)
    }
  }
}
