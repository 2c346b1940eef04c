import { createRequire } from 'node:module'
import { join } from 'node:path'
import hardhatIgnitionEthers from '@nomicfoundation/hardhat-ignition-ethers'
import hardhatToolboxMochaEthers from '@nomicfoundation/hardhat-toolbox-mocha-ethers'
import { defineConfig } from 'hardhat/config'

// The compiler is the WASM build from npm: nothing is downloaded at compile time.
const solcPath = createRequire(import.meta.url).resolve('solc/soljson.js')

function compiler(runs: number) {
  return {
    version: '0.8.34',
    path: solcPath,
    settings: { viaIR: true, optimizer: { enabled: true, runs }, evmVersion: 'osaka' },
  }
}

// How long the Solidity tests search: FUZZ_RUNS=10000 INVARIANT_RUNS=256 ./muster test for a night.
function setting(name: string, fallback: number): number {
  return Number(process.env[name] ?? fallback)
}

export default defineConfig({
  plugins: [hardhatToolboxMochaEthers, hardhatIgnitionEthers],
  solidity: {
    compilers: [compiler(1_000_000)],
    overrides: {
      // With more runs it grows past EIP-170's 24,576 bytes.
      'contracts/ValidatorRewards.sol': compiler(1_000),
    },
    npmFilesToBuild: ['@openzeppelin/contracts/governance/TimelockController.sol'],
  },
  paths: { sources: './contracts', tests: { mocha: './test', solidity: './test/contracts' } },
  // Not checked: TypeChain's namespaces are not erasable syntax. Only types are imported from there.
  typechain: { outDir: './types/ethers-contracts', tsNocheck: true },
  networks: {
    default: {
      type: 'edr-simulated',
      chainType: 'l1',
      hardfork: 'osaka',
      blockGasLimit: 60_000_000n,
    },
    node: { type: 'edr-simulated', chainType: 'l1', hardfork: 'osaka', blockGasLimit: 60_000_000n },
  },
  test: {
    // Four times what the slowest test without a limit of its own takes on one of two busy cores.
    mocha: { timeout: 120_000 },
    solidity: {
      fsPermissions: {
        readFile: [join(import.meta.dirname, 'test', 'vectors', 'online-rate.json')],
      },
      fuzz: { runs: setting('FUZZ_RUNS', 256) },
      invariant: {
        runs: setting('INVARIANT_RUNS', 64),
        depth: setting('INVARIANT_DEPTH', 64),
        failOnRevert: true,
      },
    },
  },
})
