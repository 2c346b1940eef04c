import { KeeperError } from '../base/errors.ts'
import { isoTime } from '../base/time.ts'
import { OFFICE_ROLES } from '../office/actor.ts'
import { publicToken, readExpiry, tokenState } from '../office/token-view.ts'
import { addToken, listTokens, revokeToken } from '../office/tokens.ts'
import type { Token } from '../office/tokens.ts'
import { textOf } from './office.ts'
import type { OfficeOrder } from './office.ts'
import { plural, shownTime, table } from './print.ts'

/** The only time that the token is shown. */
export const addTokenOrder: OfficeOrder = async ({ db, clock, actor }, [name], options) => {
  const now = clock.now()
  const role = textOf(options['role'])
  if (!OFFICE_ROLES.some((known) => known === role)) {
    const what = `--role is one of ${OFFICE_ROLES.join(', ')}`
    throw new KeeperError('USAGE', { what, command: 'tokens add' })
  }
  const expiresAt = readExpiry(textOf(options['expires']), now)
  const { token, text } = await addToken(db, { name, role, expiresAt }, actor, now)
  return {
    json: { ...publicToken(token, now), token: text },
    lines: [
      text,
      `Token of ${token.name}, ${token.role}${until(token)}. It is not stored and will not be shown again.`,
    ],
  }
}

export const listTokensOrder: OfficeOrder = async ({ db, clock }) => {
  const now = clock.now()
  const tokens = await listTokens(db)
  const rows = tokens.map((token) => [
    token.name,
    token.role,
    tokenState(token, now),
    shownTime(token.createdAt),
    token.expiresAt === undefined ? '-' : shownTime(token.expiresAt),
    token.id,
  ])
  return {
    json: { tokens: tokens.map((token) => publicToken(token, now)) },
    lines: [
      plural(tokens.length, 'token'),
      ...(rows.length > 0
        ? table(['name', 'role', 'state', 'made', 'expires', 'id'], rows)
        : ['`muster tokens add NAME --role ROLE` makes one']),
    ],
  }
}

export const revokeTokenOrder: OfficeOrder = async ({ db, clock, actor }, [name = '']) => {
  const now = clock.now()
  const token = await revokeToken(db, name, actor, now)
  return {
    json: { revoked: publicToken(token, now) },
    lines: [`The token of ${name} is no longer taken.`],
  }
}

function until({ expiresAt }: Token): string {
  return expiresAt === undefined ? '' : `, until ${isoTime(expiresAt)}`
}
