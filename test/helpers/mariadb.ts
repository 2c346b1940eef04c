// A database of its own on a real MariaDB: bash .ci/mariadb start FOLDER PORT prints its MARIADB_URL.
import { randomBytes } from 'node:crypto'
import { openMysql } from '../../keeper/programs/partners/intake/mysql.ts'
import type { Mysql } from '../../keeper/programs/partners/intake/mysql.ts'
import { noteSecret } from './canaries.ts'

export interface MariaDatabase {
  /** Of an account that may do everything. */
  url: string
  name: string
  /** A session in it, which drop() closes. */
  sql: Mysql
  /** The URL of an account of its own that may do this there: 'select', 'select, insert, update'. */
  account(rights: string): Promise<string>
  drop(): Promise<void>
}

export async function createMariaDatabase(): Promise<MariaDatabase> {
  const server = process.env['MARIADB_URL']
  if (!server) throw new Error('these tests need MARIADB_URL: bash .ci/mariadb start FOLDER PORT')
  const name = `muster_${randomBytes(8).toString('hex')}`
  const own = new URL(server)
  own.pathname = `/${name}`
  await onServer(server, `create database ${name} character set utf8mb4`)
  const sql = await openMysql(own.href, { readOnly: false, what: 'the tests' })
  const users: string[] = []
  const account = async (rights: string): Promise<string> => {
    const user = `muster_${randomBytes(6).toString('hex')}`
    const password = noteSecret(`canary-${randomBytes(9).toString('hex')}`)
    await onServer(server, `create user ${user}@'127.0.0.1' identified by '${password}'`)
    await onServer(server, `grant ${rights} on ${name}.* to ${user}@'127.0.0.1'`)
    users.push(user)
    const url = new URL(own)
    Object.assign(url, { username: user, password })
    return url.href
  }
  const drop = async (): Promise<void> => {
    await sql.close()
    await onServer(server, `drop database ${name}`)
    for (const user of users) await onServer(server, `drop user ${user}@'127.0.0.1'`)
  }
  return { url: own.href, name, sql, account, drop }
}

async function onServer(url: string, statement: string): Promise<void> {
  const session = await openMysql(url, { readOnly: false, what: 'the tests' })
  try {
    await session.run(statement)
  } finally {
    await session.close()
  }
}
