import { KeeperError } from '../../keeper/base/errors.ts'

/** The code a call is refused with; tests assert the code, never the text. */
export function codeOf(call: () => unknown): string {
  try {
    call()
  } catch (error) {
    return codeIn(error)
  }
  return 'no error'
}

export async function rejectionOf(promise: Promise<unknown>): Promise<KeeperError> {
  try {
    await promise
  } catch (error) {
    if (error instanceof KeeperError) return error
    throw error
  }
  throw new Error('resolved, although a refusal was expected')
}

function codeIn(error: unknown): string {
  if (error instanceof KeeperError) return error.code
  throw error
}
