import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Runs with a file of that content in a directory of its own, and takes it away again. */
export async function withFile<T>(
  name: string,
  content: string | Buffer,
  use: (file: string) => Promise<T>,
): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), 'muster-file-'))
  try {
    const file = join(dir, name)
    await writeFile(file, content)
    return await use(file)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}
