import { z } from 'zod'

export interface Setting<Schema extends z.ZodTypeAny = z.ZodTypeAny> {
  env: string
  /** Undefined: the setting is optional and has no value unless it is set. */
  fallback: string | undefined
  unit: string
  check: Schema
  secret: boolean
  about: string
}

export function setting<Schema extends z.ZodTypeAny>(
  env: string,
  fallback: string | undefined,
  unit: string,
  check: Schema,
  about: string,
  secret = false,
): Setting<Schema> {
  return { env, fallback, unit, check, secret, about }
}

export const milliseconds = z.coerce.number().int().positive()
export const port = z.coerce.number().int().min(0).max(65_535)
