import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect } from 'chai'
import { openChain } from '../../keeper/chain/rpc/client.ts'
import type { ChainClient } from '../../keeper/chain/rpc/client.ts'
import { startLocalChain } from '../../keeper/commands/local-chain.ts'
import type { LocalChain } from '../../keeper/commands/local-chain.ts'
import { systemClock } from '../../keeper/base/time.ts'
import { withToken } from './canaries.ts'
import { placeStore } from './store.ts'

const CLI = resolve(import.meta.dirname, '../../keeper/cli.ts')

export interface Outcome {
  code: number
  stdout: string
  stderr: string
  /** The last line of stdout, parsed. */
  json: Record<string, unknown>
}

/** A command that runs until it is stopped. */
export interface Started {
  kill(signal: NodeJS.Signals): void
  /** Resolves when stderr has said it so often; rejects when the process ends before. */
  says(text: string, times?: number): Promise<void>
  /** The first line of stderr that has it. */
  line(text: string): Promise<string>
  ended: Promise<Outcome>
}

// How scripts/test.ts keeps the logs of every process (S-48), and what the launcher gives.
const KEPT = /^(NODE_OPTIONS|NODE_COMPILE_CACHE|MUSTER_TEST_LOGS|MUSTER_TEST_SECRETS)$/

/** A real process, as a person starts it; nothing else of this process's environment but PATH and HOME. */
export function startCli(args: string[], env: Record<string, string> = {}): Started {
  const { PATH = '', HOME = '' } = process.env
  const keep = Object.entries(process.env).filter(([name]) => KEPT.test(name))
  const flags = ['--disable-warning=ExperimentalWarning', CLI, ...args]
  const child = spawn(process.execPath, flags, {
    env: { PATH, HOME, ...Object.fromEntries(keep), ...env },
  })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const ended = new Promise<Outcome>((done, failed) => {
    child.once('error', failed)
    child.once('close', (code) =>
      done({ code: code ?? -1, stdout, stderr, json: lastJson(stdout) }),
    )
  })
  const says = (text: string, times = 1): Promise<void> =>
    new Promise((done, failed) => {
      const look = (): void => {
        if (stderr.split(text).length > times) done()
      }
      child.stderr.on('data', look)
      child.once('close', () => failed(new Error(`ended without "${text}":\n${stderr}`)))
      look()
    })
  const line = async (text: string): Promise<string> => {
    await says(text)
    return stderr.split('\n').find((each) => each.includes(text)) ?? ''
  }
  return { kill: (signal) => void child.kill(signal), says, line, ended }
}

export async function runCli(args: string[], env: Record<string, string> = {}): Promise<Outcome> {
  return startCli(args, env).ended
}

function lastJson(stdout: string): Record<string, unknown> {
  const line = stdout.trimEnd().split('\n').at(-1) ?? ''
  return line.startsWith('{') || line.startsWith('[') ? JSON.parse(line) : {}
}

/** A folder, a local chain in it, and the CLI pointed at both. */
export interface Site {
  dir: string
  url: string
  chain: LocalChain
  client: ChainClient
  env: Record<string, string>
  muster(...args: string[]): Promise<Outcome>
  /** The same, which must succeed; the parsed answer of --json. */
  ok(...args: string[]): Promise<Record<string, unknown>>
  /** The same, which must fail with that code and exit code. */
  fails(code: string, exitCode: number, ...args: string[]): Promise<Record<string, unknown>>
  write(name: string, text: string): string
  /** Mines a block at that time. */
  moveTo(time: number): Promise<void>
  close(): Promise<void>
}

export interface SiteOptions {
  /** Without a store, as before the first command. */
  isNew?: boolean
}

export async function openSite(
  initialDate: number,
  { isNew = false }: SiteOptions = {},
): Promise<Site> {
  const dir = mkdtempSync(join(tmpdir(), 'muster-cli-'))
  if (!isNew) await placeStore(join(dir, 'home'))
  const chain = await startLocalChain({ port: 0, initialDate, clock: systemClock })
  const client = await openChain({ rpcUrl: chain.url, timeoutMs: 10_000 })
  const env = {
    MUSTER_RPC_URL: withToken(chain.url),
    MUSTER_HOME: join(dir, 'home'),
    MUSTER_DEPLOYMENTS: join(dir, 'deployments'),
  }
  const muster = (...args: string[]): Promise<Outcome> => runCli(args, env)
  return {
    dir,
    url: chain.url,
    chain,
    client,
    env,
    muster,
    ok: async (...args) => {
      const { code, json, stderr, stdout } = await muster(...args, '--json')
      expect(code, `${args.join(' ')}\n${stdout}\n${stderr}`).to.equal(0)
      return json
    },
    fails: async (code, exitCode, ...args) => {
      const outcome = await muster(...args, '--json')
      const error = outcome.json['error'] as Record<string, unknown> | undefined
      expect(error?.['code'], `${args.join(' ')}\n${outcome.stdout}\n${outcome.stderr}`).to.equal(
        code,
      )
      expect(outcome.code).to.equal(exitCode)
      expect(error?.['message'])
        .to.be.a('string')
        .and.not.match(/\{\w+\}|\?/)
      expect(error?.['wayOut']).to.be.a('string').and.not.equal('')
      return error?.['facts'] as Record<string, unknown>
    },
    write: (name, text) => {
      mkdirSync(dir, { recursive: true })
      writeFileSync(join(dir, name), text)
      return join(dir, name)
    },
    moveTo: async (time) => {
      await client.request('evm_setNextBlockTimestamp', [time])
      await client.request('evm_mine')
    },
    close: async () => {
      client.close()
      await chain.close()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

/** Node addresses for tests: 0x1000…0001 and so on. */
export function nodeOf(n: number): string {
  return `0x1${n.toString(16).padStart(39, '0')}`
}

export function fundOf(n: number): string {
  return `0x2${n.toString(16).padStart(39, '0')}`
}

/** 25 Nov 2024, 18:00 UTC: cycle 1 of the test deployments opens. */
export const FIRST_CUT = Date.UTC(2024, 10, 25, 18) / 1000
export const HOUR = 3_600
export const DAY = 24 * HOUR
