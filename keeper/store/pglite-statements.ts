import { protocol } from '@electric-sql/pglite'
import type { PGlite } from '@electric-sql/pglite'
import type { Row } from './db.ts'

interface Prepared {
  name: string
  /** OIDs of the parameters. */
  types: readonly number[]
  fields: readonly { name: string; dataTypeID: number }[]
}

interface Message {
  name: string
  dataTypeIDs?: number[]
  fields?: unknown[]
}

const { serialize } = protocol
// Our SQL is a few hundred texts; a command that makes more begins anew.
const MAX_PREPARED = 500
const CHANGES_TYPES = /^\s*(create|alter|drop)\b/i

/**
 * Each text is parsed and planned once, and a call is one message to the embedded database: PGlite's own
 * `query` sends six and parses every time, which takes longer than most of our statements.
 */
export class Statements {
  readonly #lite: PGlite
  #prepared = new Map<string, Prepared>()
  #made = 0

  constructor(lite: PGlite) {
    this.#lite = lite
  }

  /** Several at the same time wait for each other. */
  async query<T extends object = Row>(sql: string, params: readonly unknown[]): Promise<T[]> {
    return this.#lite.runExclusive(async () => {
      const statement = this.#prepared.get(sql) ?? (await this.#prepare(sql))
      const values = params.map((value, index) => this.#textOf(value, statement.types[index] ?? 0))
      const messages = await this.#send(
        serialize.bind({ statement: statement.name, values }),
        serialize.execute({}),
        serialize.sync(),
      )
      if (CHANGES_TYPES.test(sql)) await this.#forget()
      return messages.flatMap((message) =>
        message.name === 'dataRow' ? [this.#rowOf(statement, message.fields ?? []) as T] : [],
      )
    })
  }

  /** Tables may have changed: what was planned before is planned again. */
  forget(): Promise<void> {
    return this.#lite.runExclusive(() => this.#forget())
  }

  async #forget(): Promise<void> {
    if (this.#prepared.size === 0) return
    const names = [...this.#prepared.values()].map(({ name }) => name)
    this.#prepared = new Map()
    const closing = names.map((name) => serialize.close({ type: 'S', name }))
    await this.#send(...closing, serialize.sync())
  }

  async #prepare(sql: string): Promise<Prepared> {
    if (this.#prepared.size >= MAX_PREPARED) await this.#forget()
    this.#made += 1
    const name = `s${this.#made}`
    const messages = await this.#send(
      serialize.parse({ name, text: sql }),
      serialize.describe({ type: 'S', name }),
      serialize.sync(),
    )
    const described = (kind: string): Message | undefined =>
      messages.find((message) => message.name === kind)
    const prepared = {
      name,
      types: described('parameterDescription')?.dataTypeIDs ?? [],
      fields: (described('rowDescription')?.fields ?? []) as Prepared['fields'],
    }
    this.#prepared.set(sql, prepared)
    return prepared
  }

  async #send(...messages: Uint8Array[]): Promise<Message[]> {
    const answer = await this.#lite.execProtocol(Buffer.concat(messages), { syncToFs: false })
    return answer.messages
  }

  #textOf(value: unknown, type: number): string | null {
    if (value === null || value === undefined) return null
    const serializer = this.#lite.serializers[type]
    // Numbers and bigints of every kind.
    return serializer ? serializer(value) : (value as number | bigint).toString()
  }

  #rowOf({ fields }: Prepared, values: readonly unknown[]): Row {
    const row: Row = {}
    for (const [index, { name, dataTypeID }] of fields.entries()) {
      const text = values[index] as string | null
      const parser = this.#lite.parsers[dataTypeID]
      row[name] = text !== null && parser ? (parser(text, dataTypeID) as unknown) : text
    }
    return row
  }
}
