/** What a token lets its holder do; which route asks for which is said at the route. */
export const OFFICE_ROLES = ['viewer', 'operator', 'finance', 'admin', 'feeder'] as const
export type OfficeRole = (typeof OFFICE_ROLES)[number]

/** Who acts: `token:alice` from outside, `cli:root` for a person at the machine. */
export interface Actor {
  name: string
  role: OfficeRole
}

/**
 * An admin may do everything, and every person what a viewer may. A feeder is a system that sends rows: it sees
 * nothing, and does only what names it.
 */
export function mayAct(role: OfficeRole, allowed: readonly OfficeRole[]): boolean {
  if (role === 'admin' || allowed.includes(role)) return true
  return role !== 'feeder' && allowed.includes('viewer')
}

/** Whoever can open the store can do everything to it: the trail says who it was. */
export function cliActor(user: string): Actor {
  return { name: `cli:${user}`, role: 'admin' }
}
