import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Artifact, ArtifactResolver, BuildInfo } from '@nomicfoundation/ignition-core'
import { KeeperError, messageOf } from '../base/errors.ts'

export const ROOT = resolve(import.meta.dirname, '../..')

/** Contract → source: what the module deploys, and the mock of the demo. */
const SOURCES: Record<string, string> = {
  HeartbeatRegistry: 'contracts/HeartbeatRegistry.sol',
  ValidatorRewards: 'contracts/ValidatorRewards.sol',
  Extraction: 'contracts/rewards/Extraction.sol',
  TimelockController: '@openzeppelin/contracts/governance/TimelockController.sol',
  RefusingReceiver: 'contracts/mocks/RefusingReceiver.sol',
}

/** The compiled contracts as Hardhat wrote them; Hardhat itself is not loaded. */
export async function readArtifact(name: string): Promise<Artifact> {
  return readJson<Artifact>(`${fullName(name).replace(':', '/')}.json`, name)
}

/** 'contracts/ValidatorRewards.sol:ValidatorRewards' */
export function fullName(name: string): string {
  return `${SOURCES[name] ?? `contracts/${name}.sol`}:${name}`
}

export const artifactResolver: ArtifactResolver = {
  loadArtifact: readArtifact,
  getBuildInfo: async (name) => {
    const { buildInfoId } = await readArtifact(name)
    if (buildInfoId === undefined) return undefined
    return readJson<BuildInfo>(`build-info/${buildInfoId}.json`, name)
  },
}

async function readJson<T>(path: string, name: string): Promise<T> {
  try {
    return JSON.parse(await readFile(join(ROOT, 'artifacts', path), 'utf8')) as T
  } catch (error) {
    throw new KeeperError('CONTRACTS_NOT_COMPILED', { name, reason: messageOf(error) })
  }
}
