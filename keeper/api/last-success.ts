import { mkdir, open, readFile, rename, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { KeeperError, messageOf } from '../base/errors.ts'
import { toJson } from '../base/json.ts'
import { faultsOf } from '../base/schema.ts'
import { RECEIVER_TIMEOUT_MS, reasonOf } from './receiver.ts'

const lastSuccessSchema = z.object({
  job: z.string(),
  /** Unix seconds: the instant at which the slot was due. */
  slot: z.number().int().nonnegative(),
  slotTime: z.string(),
  cycle: z.number().int().nonnegative().optional(),
  finishedAt: z.string(),
  keeper: z.string(),
  chainId: z.number().int(),
})

/** What a keeper leaves behind for those who watch it from outside. */
export type LastSuccess = z.infer<typeof lastSuccessSchema>

// One object of seven fields; more is not ours.
const MAX_FILE_BYTES = 4_096
// Anyone may read when the last day was settled; nobody else writes it.
const FILE_MODE = 0o644

export function lastSuccessFile({
  home,
  pingFile,
}: {
  home: string
  pingFile: string | undefined
}): string {
  return pingFile ?? join(home, 'last-success')
}

/** Whole or not at all, also after a power loss: a watcher never reads half a file. */
export async function writeLastSuccess(path: string, success: LastSuccess): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const draft = `${path}.new`
  const file = await open(draft, 'w', FILE_MODE)
  try {
    await file.writeFile(`${toJson(success)}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(draft, path)
}

/** Undefined when there is no such file. */
export async function readLastSuccess(path: string): Promise<LastSuccess | undefined> {
  let text: string
  try {
    const { size } = await stat(path)
    if (size > MAX_FILE_BYTES) throw unreadable(path, `it has ${size} bytes`)
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (error instanceof KeeperError) throw error
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw unreadable(path, messageOf(error))
  }
  return parseLastSuccess(text, path)
}

/** The same from a keeper's page, for a watcher on another machine. */
export async function fetchLastSuccess(url: string): Promise<LastSuccess> {
  let text = ''
  try {
    const signal = AbortSignal.timeout(RECEIVER_TIMEOUT_MS)
    const response = await fetch(url, { redirect: 'manual', signal })
    if (response.status !== 200) throw unreadable(url, `the answer is ${response.status}`)
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk).toString()
      if (text.length > MAX_FILE_BYTES) throw unreadable(url, 'the answer is too long')
    }
  } catch (error) {
    throw error instanceof KeeperError ? error : unreadable(url, reasonOf(error))
  }
  return parseLastSuccess(text, url)
}

function parseLastSuccess(text: string, from: string): LastSuccess {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw unreadable(from, 'it is not JSON')
  }
  const result = lastSuccessSchema.safeParse(json)
  if (!result.success) throw unreadable(from, faultsOf(result.error).join(', '))
  return result.data
}

function unreadable(file: string, reason: string): KeeperError {
  return new KeeperError('FILE_UNREADABLE', { file, reason })
}
