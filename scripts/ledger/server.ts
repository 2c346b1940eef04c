// A PostgreSQL of the bench's own, as .ci/run starts one: nobody else's tables, and settings that can be named.
import { execFile, execFileSync } from 'node:child_process'
import { chownSync, existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from '../../test/helpers/programs.ts'

export interface Server {
  /** Also what it was started with, for the result. */
  about: Record<string, unknown>
  /** An empty database of that name. */
  createDatabase(name: string): Promise<string>
  /** A program of its package, told where the server is. */
  run(program: string, args: readonly string[]): Promise<string>
  stop(): void
}

// Everything else is as PostgreSQL comes, fsync included. Without the last one a checkpoint falls into some of the
// rounds and not into others.
const SETTINGS: Record<string, string> = { shared_buffers: '1GB', max_wal_size: '8GB' }

const DEBIAN = '/usr/lib/postgresql'
const HOST = '127.0.0.1'
const USER = 'postgres'
const run = promisify(execFile)

/** The reason where there is none. */
export async function startServer(dir: string): Promise<Server | string> {
  const binaries = findBinaries()
  if (binaries === undefined) return `no pg_ctl and pgbench below ${DEBIAN} (Debian: postgresql)`
  const who = ownerOf()
  if (who === undefined) return 'root cannot run PostgreSQL, and there is no user postgres'
  const port = await freePort()
  mkdirSync(dir)
  if ('uid' in who) chownSync(dir, who.uid, who.gid)
  const data = join(dir, 'data')
  const call = (program: string, args: readonly string[]): Promise<{ stdout: string }> =>
    run(join(binaries, program), args, { cwd: dir, ...who })
  await call('initdb', ['-D', data, '-U', USER, '--auth=trust', '-E', 'UTF8', '--locale=C'])
  const flags = Object.entries({ port: `${port}`, listen_addresses: HOST, ...SETTINGS })
  const options = flags.map(([name, value]) => `-c ${name}=${value}`).join(' ')
  const start = ['-D', data, '-w', '-l', join(dir, 'log'), '-o', `-k ${dir} ${options}`, 'start']
  await call('pg_ctl', start)
  const at = ['-h', HOST, '-p', `${port}`, '-U', USER]
  const { stdout: version } = await call('postgres', ['--version'])
  return {
    about: { version: version.trim(), settings: SETTINGS },
    createDatabase: async (name) => {
      await call('createdb', [...at, name])
      return `postgres://${USER}@${HOST}:${port}/${name}`
    },
    run: async (program, args) => (await call(program, [...at, ...args])).stdout,
    stop: () => {
      execFileSync(join(binaries, 'pg_ctl'), ['-D', data, '-m', 'immediate', 'stop'], {
        cwd: dir,
        ...who,
      })
    },
  }
}

function findBinaries(): string | undefined {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN) : []
  return versions
    .toSorted((a, b) => Number(b) - Number(a))
    .map((version) => join(DEBIAN, version, 'bin'))
    .find((bin) => ['pg_ctl', 'pgbench'].every((program) => existsSync(join(bin, program))))
}

/** PostgreSQL refuses to run as root; Debian's package brings a user for it. */
function ownerOf(): { uid: number; gid: number } | object | undefined {
  if (process.getuid?.() !== 0) return {}
  try {
    const idOf = (flag: string): number =>
      Number(execFileSync('id', [flag, USER], { stdio: 'pipe' }))
    return { uid: idOf('-u'), gid: idOf('-g') }
  } catch {
    return undefined
  }
}
