import { z } from 'zod'
import { setting } from './setting.ts'

// One that seals and those that it replaced; more than a few means that nobody rotates.
const MAX_KEYS = 10

export interface MasterKeyFile {
  id: string
  path: string
}

const masterKeys = z
  .string()
  .transform((text) => text.split(',').map((part) => part.trim()))
  .pipe(
    z
      .array(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,31}=.+$/, 'not id=path'))
      .nonempty()
      .max(MAX_KEYS),
  )
  .transform((parts) => parts.map(fileOf))
  .refine((files) => new Set(files.map(({ id }) => id)).size === files.length, {
    message: 'an id is named twice',
  })

function fileOf(part: string): MasterKeyFile {
  const at = part.indexOf('=')
  return { id: part.slice(0, at), path: part.slice(at + 1) }
}

/** What administration is told. */
export const OFFICE_SETTINGS = {
  configKeys: setting(
    'MUSTER_CONFIG_KEYS',
    undefined,
    'id=path,…',
    masterKeys.optional(),
    'files with 64 hex digits each; the first seals the secrets in the store, all of them open them',
  ),
} as const
