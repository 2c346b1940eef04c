import { readFile } from 'node:fs/promises'
import { KeeperError, messageOf } from '../base/errors.ts'
import { isoTime } from '../base/time.ts'
import { openKeyRing } from '../office/key-ring.ts'
import {
  MAX_VALUE,
  listSecrets,
  removeSecret,
  rotateSecrets,
  setSecret,
} from '../office/secrets.ts'
import type { Hand } from '../office/secrets.ts'
import type { Report, Run } from './command.ts'
import { officeCommand } from './office.ts'
import type { Office, OfficeOrder } from './office.ts'
import { plural, shownTime, table } from './print.ts'

/** Never from the command line itself: it stays in the shell's history and in the list of processes. */
export async function setSecretCommand(
  run: Run,
  options: { file?: string },
  args: string[],
): Promise<Report> {
  const value = options.file === undefined ? await readInput() : await readText(options.file)
  const given = { value: value.replace(/\r?\n$/, '') }
  return officeCommand('secrets set', setSecretOrder)(run, given, args)
}

export const setSecretOrder: OfficeOrder = async (office, [name = ''], options) => {
  const asked = { name, value: options['value'] }
  const { keyId } = await setSecret(office.db, asked, await handOf(office))
  return { json: { name, keyId }, lines: [`${name} is sealed with the key ${keyId}.`] }
}

export const listSecretsOrder: OfficeOrder = async ({ db }) => {
  const secrets = await listSecrets(db)
  const rows = secrets.map(({ name, keyId, updatedAt, updatedBy }) => [
    name,
    keyId,
    shownTime(updatedAt),
    updatedBy,
  ])
  return {
    json: { secrets: secrets.map((each) => ({ ...each, updatedAt: isoTime(each.updatedAt) })) },
    lines: [
      plural(secrets.length, 'secret'),
      ...(rows.length > 0 ? table(['name', 'sealed with', 'set', 'by'], rows) : []),
    ],
  }
}

export const rotateSecretsOrder: OfficeOrder = async (office) => {
  const hand = await handOf(office)
  const rotated = await rotateSecrets(office.db, hand)
  const { id } = hand.ring.first
  const said = `${plural(rotated.length, 'secret')} sealed anew; all are sealed with the key ${id}`
  return { json: { rotated, keyId: id }, lines: [said, ...rotated.map((name) => `  ${name}`)] }
}

export const removeSecretOrder: OfficeOrder = async ({ db, actor, clock }, [name = '']) => {
  await removeSecret(db, name, { by: actor, now: clock.now() })
  return { json: { removed: name }, lines: [`${name} is gone.`] }
}

async function handOf({ config, actor, clock }: Office): Promise<Hand> {
  return { ring: await openKeyRing(config.configKeys), by: actor, now: clock.now() }
}

async function readText(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: unknown) => {
    throw new KeeperError('FILE_UNREADABLE', { file, reason: messageOf(error) })
  })
}

/** All of standard input; whoever pastes more than a value may have is stopped. */
async function readInput(): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of process.stdin) {
    chunks.push(chunk as Buffer)
    size += (chunk as Buffer).length
    if (size > MAX_VALUE + 2) {
      const what = `a value has at most ${MAX_VALUE} bytes`
      throw new KeeperError('USAGE', { what, command: 'secrets set' })
    }
  }
  return Buffer.concat(chunks).toString('utf8')
}
